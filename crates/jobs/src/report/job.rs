//! `pleat report`: proofs as a page for people.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use pleat_argument::program::Kind;
use pleat_compressor::{Combined, Envelope};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::files::{Access, write_atomic};
use pleat_model::network::Network;
use sha2::{Digest, Sha256};

use crate::args::{VerifyArgs, parse_id};
use crate::console::Console;
use crate::report::claim::{Architecture, Claim};
use crate::report::confusion::Confusion;
use crate::report::cost::Cost;
use crate::report::machine::Made;
use crate::report::timing::ProverResult;
use crate::report::verdict::{Given, Verdict};
use crate::report::{Preview, Report, Section, file_name};
use crate::verbs::run::compute;
use crate::verbs::verify::{VerifyResult, located, verify_proofs};
use crate::verbs::{load_bundle, parse_proofs, read_proof};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The proofs
    #[arg(value_name = "PROOF", required = true)]
    pub(crate) proofs: Vec<PathBuf>,
    /// The registration of the proofs' model; with it and the data they are verified
    #[arg(long, value_name = "FILE")]
    pub(crate) registration: Option<PathBuf>,
    /// The model id they must be about
    #[arg(long, value_name = "HEX", value_parser = parse_id, requires_all = ["registration", "data"])]
    pub(crate) model_id: Option<[u8; 32]>,
    /// The data they are about
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Labels of the data, if they are another file; proofs about outputs get a confusion matrix
    #[arg(long, requires = "data")]
    pub(crate) labels: Option<PathBuf>,
    /// The owner's bundle: the page has the names of the model file, and with --data the confusion matrix of proofs about accuracy; it then shows more than is proved
    #[arg(long)]
    pub(crate) bundle: Option<PathBuf>,
    /// What `pleat prove --json` printed for a proof: time and memory; may be given once a proof
    #[arg(long = "run", value_name = "RESULT.json")]
    pub(crate) runs: Vec<PathBuf>,
    /// Where the page goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite an existing page
    #[arg(long)]
    pub(crate) force: bool,
}

/// A proof on the way to its section.
struct Draft<'a> {
    path: &'a Path,
    proofs: Combined,
    outputs: Vec<Vec<Vec<i32>>>,
    claim: Claim,
    /// Of the whole file.
    print: Print,
    run: Option<ProverResult>,
}

/// What tells one file from another.
struct Print {
    bytes: u64,
    sha256: String,
}

impl Print {
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

pub(crate) fn run(args: &ReportArgs, cache: &Path, console: &Console) -> Result<()> {
    let mut inputs: Vec<&Path> = args.proofs.iter().map(PathBuf::as_path).collect();
    inputs.extend(args.runs.iter().map(PathBuf::as_path));
    let others = [&args.registration, &args.data, &args.labels, &args.bundle];
    inputs.extend(others.into_iter().flatten().map(PathBuf::as_path));
    crate::output::check(&args.output, &inputs, args.force)?;
    // Everything that can be refused is refused before the first expensive step.
    let mut drafts = drafts(args)?;
    assign(&mut drafts, &args.runs)?;
    let bundle = match &args.bundle {
        Some(path) => Some((path.as_path(), own_bundle(path, &drafts)?)),
        None => None,
    };
    let bundle = bundle.as_ref().map(|(path, bundle)| (*path, bundle));
    if bundle.is_some() {
        console.note(match args.data {
            Some(_) => {
                "with --bundle the page shows names of the model file, units of the outputs, and for proofs about \
                 accuracy which classes the model takes for which: more than the proof reveals"
            }
            None => {
                "with --bundle the page shows names of the model file and units of the outputs: more than the proof \
                 reveals; with --data also which classes the model takes for which"
            }
        });
    }
    let made = Made::now()?;
    let sections = drafts
        .into_iter()
        .map(|draft| section(args, draft, bundle, cache, console))
        .collect::<Result<Vec<_>>>()?;
    let report = Report::new(made, sections);
    let html = report.html()?;
    write_atomic(&args.output, Access::Public, args.force, |w| {
        w.write_all(html.as_bytes())
    })?;
    console.result(&report, || text(args, &report, html.len()))
}

fn drafts(args: &ReportArgs) -> Result<Vec<Draft<'_>>> {
    args.proofs.iter().map(|path| draft(path)).collect()
}

fn draft(path: &Path) -> Result<Draft<'_>> {
    // Read once: what is shown is what is verified, whatever becomes of the file.
    let bytes = read_proof(path).with_context(|| place(path))?;
    let print = Print::of(&bytes);
    let parts = parse_proofs(&bytes).with_context(|| place(path))?;
    if parts.iter().any(Envelope::is_registration) {
        bail!(
            "{}: it is a registration; give the proofs about the model, and this file with --registration",
            place(path)
        );
    }
    let places = vec![place(path); parts.len()];
    let proofs = Combined::new(parts).map_err(|e| located(e, &places))?;
    let outputs = proofs.outputs();
    let claim = Claim::of(&proofs, &outputs).with_context(|| place(path))?;
    Ok(Draft {
        path,
        proofs,
        outputs,
        claim,
        print,
        run: None,
    })
}

fn place(path: &Path) -> String {
    format!("proof {}", path.display())
}

/// Gives every result to the first proof of its statement that has none.
fn assign(drafts: &mut [Draft<'_>], runs: &[PathBuf]) -> Result<()> {
    for path in runs {
        let result = ProverResult::load(path)?;
        let own = drafts
            .iter_mut()
            .find(|d| d.run.is_none() && result.is_of(&d.claim, &d.outputs));
        match own {
            Some(draft) => draft.run = Some(result),
            None => bail!(
                "run {}: its statement is not that of a proof given here, or was given twice; \
                 give what `pleat prove --json` printed for the proof",
                path.display()
            ),
        }
    }
    Ok(())
}

/// The owner's bundle, if it is of the architecture of all proofs about accuracy and of any other.
fn own_bundle(path: &Path, drafts: &[Draft<'_>]) -> Result<Bundle> {
    let bundle = load_bundle(path)?;
    let other = |d: &&Draft<'_>| *d.proofs.network() != bundle.network;
    let mut about = drafts.iter().filter(|d| d.claim.correct.is_some());
    let wrong = match drafts.iter().all(|d| other(&d)) {
        true => drafts.first(),
        false => about.find(other),
    };
    match wrong {
        None => Ok(bundle),
        Some(wrong) => bail!(
            "bundle {}: it has another architecture than the model of {}; give the bundle the proof was made from",
            path.display(),
            wrong.path.display()
        ),
    }
}

fn section(
    args: &ReportArgs,
    draft: Draft<'_>,
    bundle: Option<(&Path, &Bundle)>,
    cache: &Path,
    console: &Console,
) -> Result<Section> {
    let Draft {
        path,
        proofs,
        outputs,
        claim,
        print,
        run,
    } = draft;
    let labelled = proofs.statement().labelled;
    let given = Given {
        registration: args.registration.as_deref(),
        data: args.data.as_deref(),
        labels: args.labels.as_deref(),
    };
    let verified = match (given.registration, given.data) {
        (Some(_), Some(_)) => Some(check(args, path, &proofs, cache, console)?),
        _ => {
            console.note(&format!(
                "{}: not verified for the page; give --registration and --data",
                place(path)
            ));
            None
        }
    };
    let data = match given.data {
        Some(data) => Some((data, samples(args, data, &claim, proofs.network())?)),
        None => None,
    };
    let confusion = match &data {
        Some((data, part)) => {
            let classes = proofs.network().classes();
            let proved = verified.is_some();
            confusion(
                &outputs,
                &claim,
                (data, part),
                classes,
                proved,
                bundle,
                console,
            )?
        }
        None => None,
    };
    let preview = (proofs.statement().kind == Kind::Outputs).then(|| {
        let labels = data.as_ref().and_then(|(_, part)| part.labels());
        Preview::new(&outputs, labels, claim.offset)
    });
    // Names of another model would be wrong.
    let notes = bundle
        .filter(|(_, bundle)| bundle.network == *proofs.network())
        .map(|(_, bundle)| &bundle.annotations);
    Ok(Section {
        file: file_name(path),
        bytes: print.bytes,
        parts: proofs.parts().len(),
        sha256: print.sha256,
        cost: Cost::of(&proofs, notes).with_context(|| place(path))?,
        architecture: Architecture::of(&proofs, notes),
        verdict: Verdict::new(path, labelled, given, verified.as_ref()),
        outputs: preview,
        confusion,
        timing: run.map(ProverResult::timing),
        claim,
    })
}

/// The same check as `pleat verify`.
fn check(
    args: &ReportArgs,
    path: &Path,
    proofs: &Combined,
    cache: &Path,
    console: &Console,
) -> Result<VerifyResult> {
    let args = VerifyArgs {
        proof: path.to_owned(),
        registration: args.registration.clone(),
        model_id: args.model_id,
        data: args.data.clone(),
        labels: args.labels.clone(),
        offset: None,
        context: None,
    };
    verify_proofs(&args, proofs, cache, console)
}

/// The data a proof is about, and which part.
struct Part {
    data: DataSet,
    range: std::ops::Range<usize>,
}

impl Part {
    fn labels(&self) -> Option<&[u32]> {
        self.data.labels().ok()?.get(self.range.clone())
    }
}

fn samples(args: &ReportArgs, path: &Path, claim: &Claim, network: &Network) -> Result<Part> {
    let place = || format!("data {}", path.display());
    let data = DataSet::open(path, args.labels.as_deref(), &network.input).with_context(place)?;
    let first = usize::try_from(claim.offset).unwrap_or(usize::MAX);
    let count = usize::try_from(claim.samples).unwrap_or(usize::MAX);
    match first.checked_add(count).filter(|end| *end <= data.len()) {
        Some(end) => Ok(Part {
            data,
            range: first..end,
        }),
        None => bail!(
            "{}: it has {} samples, the proof is about {count} from sample {first} on; give its data",
            place(),
            data.len()
        ),
    }
}

/// From the outputs that are proved, or from those the owner's bundle computes.
fn confusion(
    outputs: &[Vec<Vec<i32>>],
    claim: &Claim,
    (path, part): (&Path, &Part),
    classes: usize,
    verified: bool,
    bundle: Option<(&Path, &Bundle)>,
    console: &Console,
) -> Result<Option<Confusion>> {
    let place = || format!("data {}", path.display());
    let Some(labels) = part.labels() else {
        // Says how to give them.
        return match (claim.correct, bundle) {
            (Some(_), Some(_)) => part.data.labels().map(|_| None).with_context(place),
            _ => Ok(None),
        };
    };
    let first = part.range.start;
    if let Some(correct) = claim.correct {
        let Some((own, bundle)) = bundle else {
            return Ok(None);
        };
        let mut predictions = Vec::with_capacity(labels.len());
        compute(
            bundle,
            &part.data,
            path,
            part.range.clone(),
            console,
            |_, outputs| {
                predictions.push(Network::top1(&outputs[0]));
            },
        )?;
        let basis = "computed by the owner, not proved";
        let confusion =
            Confusion::new(basis, classes, labels, &predictions, first).with_context(place)?;
        if confusion.correct != correct {
            bail!(
                "bundle {}: with these data it gets {} samples right, the proof says {correct}; \
                 give the bundle and the data the proof was made from",
                own.display(),
                confusion.correct
            );
        }
        return Ok(Some(confusion));
    }
    let top1 = |sample: &Vec<Vec<i32>>| sample.first().map_or(0, |values| Network::top1(values));
    let predictions: Vec<usize> = outputs.iter().map(top1).collect();
    let basis = match verified {
        true => "follows from the proved outputs and the given labels",
        false => "follows from the outputs in the file, not verified here, and the given labels",
    };
    Confusion::new(basis, classes, labels, &predictions, first)
        .map(Some)
        .with_context(place)
}

fn text(args: &ReportArgs, report: &Report, bytes: usize) -> String {
    let mut lines = vec![format!(
        "page        {} ({bytes} bytes)",
        args.output.display()
    )];
    for section in &report.proofs {
        let verdict = match section.verdict.verified {
            true => "VALID",
            false => "not verified",
        };
        lines.push(format!(
            "{verdict:11} {}: {}",
            section.file, section.claim.sentence
        ));
    }
    lines.join("\n")
}

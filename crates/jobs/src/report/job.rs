//! Proofs as a page for people.

use std::ops::Range;
use std::path::{Path, PathBuf};

use pleat_argument::program::Kind;
use pleat_compressor::{Combined, Envelope};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::files::{Access, write_atomic};
use pleat_model::network::Network;
use sha2::{Digest, Sha256};

use super::claim::{Architecture, Claim};
use super::confusion::Confusion;
use super::cost::Cost;
use super::machine::Made;
use super::page::{Preview, Report, Section};
use super::timing::ProverResult;
use super::verdict::{Given, Verdict};
use crate::error::{Error, Locate, Result};
use crate::load::{load_bundle, parse_proofs, read_proof};
use crate::output;
use crate::run::compute;
use crate::store::KeyStore;
use crate::text::file_name;
use crate::verify::{VerifyOptions, VerifyResult, located, verify_proofs};
use crate::watch::Watch;

/// What a page is about.
#[derive(Clone, Debug, Default)]
pub struct ReportOptions {
    /// The proofs.
    pub proofs: Vec<PathBuf>,
    /// The registration of the proofs' model; with it and the data they are verified.
    pub registration: Option<PathBuf>,
    /// The model id they must be about.
    pub model_id: Option<[u8; 32]>,
    /// The data they are about.
    pub data: Option<PathBuf>,
    /// Labels of the data, if they are another file; proofs about outputs get a confusion matrix.
    pub labels: Option<PathBuf>,
    /// The owner's bundle: the page has the names of the model file, and with data the confusion matrix of proofs about
    /// accuracy; it then shows more than is proved.
    pub bundle: Option<PathBuf>,
    /// Files of what `pleat prove --json` printed for a proof: time and memory; at most one a proof.
    pub runs: Vec<PathBuf>,
    /// Where the page goes; without it nothing is written.
    pub output: Option<PathBuf>,
    /// Overwrite an existing page.
    pub force: bool,
}

impl ReportOptions {
    /// Refuses what would not be looked at.
    fn check(&self) -> Result<()> {
        let sentence = match (&self.registration, &self.data) {
            _ if self.proofs.is_empty() => "a page about no proofs; give at least one",
            (Some(_), Some(_)) => return Ok(()),
            _ if self.model_id.is_some() => {
                "a model id is compared where proofs are verified; give their registration and their data, too"
            }
            (_, None) if self.labels.is_some() => "labels without data; give the data, too",
            _ => return Ok(()),
        };
        Err(Error::invalid(sentence))
    }
}

/// A page that was made.
#[derive(Clone, Debug)]
pub struct ReportResult {
    /// Every figure of it.
    pub report: Report,
    /// The page, one file without scripts.
    pub html: String,
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

/// Makes a page about proofs: what they say, whether they are valid, what they cost. With registration and data they are
/// verified as by [`verify`](fn@crate::verify); an invalid one makes no page.
///
/// # Errors
/// As [`verify`](fn@crate::verify); runs or a bundle that are not of the proofs; a page that exists or cannot be
/// written. Everything that can be refused is refused before the first expensive step.
pub fn report(options: &ReportOptions, store: &KeyStore, watch: &Watch) -> Result<ReportResult> {
    let mut inputs: Vec<&Path> = options.proofs.iter().map(PathBuf::as_path).collect();
    inputs.extend(options.runs.iter().map(PathBuf::as_path));
    let others = [
        &options.registration,
        &options.data,
        &options.labels,
        &options.bundle,
    ];
    inputs.extend(others.into_iter().flatten().map(PathBuf::as_path));
    if let Some(output) = &options.output {
        output::check(output, &inputs, options.force)?;
    }
    options.check()?;
    let mut drafts = drafts(options)?;
    assign(&mut drafts, &options.runs)?;
    let bundle = match &options.bundle {
        Some(path) => Some((path.as_path(), own_bundle(path, &drafts)?)),
        None => None,
    };
    let bundle = bundle.as_ref().map(|(path, bundle)| (*path, bundle));
    if bundle.is_some() {
        watch.note(match options.data {
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
        .map(|draft| section(options, draft, bundle, store, watch))
        .collect::<Result<Vec<_>>>()?;
    let report = Report::new(made, sections);
    let html = report.html()?;
    if let Some(output) = &options.output {
        write_atomic(output, Access::Public, options.force, |w| {
            w.write_all(html.as_bytes())
        })?;
    }
    Ok(ReportResult { report, html })
}

fn drafts(options: &ReportOptions) -> Result<Vec<Draft<'_>>> {
    options.proofs.iter().map(|path| draft(path)).collect()
}

fn draft(path: &Path) -> Result<Draft<'_>> {
    // Read once: what is shown is what is verified, whatever becomes of the file.
    let bytes = read_proof(path).at(|| place(path))?;
    let print = Print::of(&bytes);
    let parts = parse_proofs(&bytes).at(|| place(path))?;
    if parts.iter().any(Envelope::is_registration) {
        return Err(Error::Invalid(format!(
            "{}: it is a registration; give the proofs about the model, and this file with --registration",
            place(path)
        )));
    }
    let places = vec![place(path); parts.len()];
    let proofs = Combined::new(parts).map_err(|e| located(e, &places))?;
    let outputs = proofs.outputs();
    let claim = Claim::of(&proofs, &outputs).at(|| place(path))?;
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
            None => {
                return Err(Error::Invalid(format!(
                    "run {}: its statement is not that of a proof given here, or was given twice; \
                 give what `pleat prove --json` printed for the proof",
                    path.display()
                )));
            }
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
        Some(wrong) => Err(Error::Invalid(format!(
            "bundle {}: it has another architecture than the model of {}; give the bundle the proof was made from",
            path.display(),
            wrong.path.display()
        ))),
    }
}

fn section(
    options: &ReportOptions,
    draft: Draft<'_>,
    bundle: Option<(&Path, &Bundle)>,
    store: &KeyStore,
    watch: &Watch,
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
        registration: options.registration.as_deref(),
        data: options.data.as_deref(),
        labels: options.labels.as_deref(),
    };
    let verified = match (given.registration, given.data) {
        (Some(_), Some(_)) => Some(check(options, path, &proofs, store, watch)?),
        _ => {
            watch.note(format!(
                "{}: not verified for the page; give --registration and --data",
                place(path)
            ));
            None
        }
    };
    let data = match given.data {
        Some(data) => Some((data, samples(options, data, &claim, proofs.network())?)),
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
                watch,
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
        cost: Cost::of(&proofs, notes).at(|| place(path))?,
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
    options: &ReportOptions,
    path: &Path,
    proofs: &Combined,
    store: &KeyStore,
    watch: &Watch,
) -> Result<VerifyResult> {
    let verify = VerifyOptions {
        proof: path.to_owned(),
        registration: options.registration.clone(),
        model_id: options.model_id,
        data: options.data.clone(),
        labels: options.labels.clone(),
        offset: None,
        context: None,
    };
    verify_proofs(&verify, proofs, store, watch)
}

/// The data a proof is about, and which part.
struct ProofData {
    data: DataSet,
    range: Range<usize>,
}

impl ProofData {
    fn labels(&self) -> Option<&[u32]> {
        self.data.labels().ok()?.get(self.range.clone())
    }
}

fn samples(
    options: &ReportOptions,
    path: &Path,
    claim: &Claim,
    network: &Network,
) -> Result<ProofData> {
    let place = || format!("data {}", path.display());
    let data = DataSet::open(path, options.labels.as_deref(), &network.input).at(place)?;
    let first = usize::try_from(claim.offset).unwrap_or(usize::MAX);
    let count = usize::try_from(claim.samples).unwrap_or(usize::MAX);
    match first.checked_add(count).filter(|end| *end <= data.len()) {
        Some(end) => Ok(ProofData {
            data,
            range: first..end,
        }),
        None => Err(Error::Invalid(format!(
            "{}: it has {} samples, the proof is about {count} from sample {first} on; give its data",
            place(),
            data.len()
        ))),
    }
}

/// From the outputs that are proved, or from those the owner's bundle computes.
fn confusion(
    outputs: &[Vec<Vec<i32>>],
    claim: &Claim,
    (path, part): (&Path, &ProofData),
    classes: usize,
    verified: bool,
    bundle: Option<(&Path, &Bundle)>,
    watch: &Watch,
) -> Result<Option<Confusion>> {
    let place = || format!("data {}", path.display());
    let Some(labels) = part.labels() else {
        // Says how to give them.
        return match (claim.correct, bundle) {
            (Some(_), Some(_)) => part.data.labels().map(|_| None).at(place),
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
            watch,
            |_, outputs| {
                predictions.push(Network::top1(&outputs[0]));
            },
        )?;
        let basis = "computed by the owner, not proved";
        let confusion = Confusion::new(basis, classes, labels, &predictions, first).at(place)?;
        if confusion.correct != correct {
            return Err(Error::Invalid(format!(
                "bundle {}: with these data it gets {} samples right, the proof says {correct}; \
                 give the bundle and the data the proof was made from",
                own.display(),
                confusion.correct
            )));
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
        .at(place)
}

//! Going on with an interrupted proof.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use pleat_folding::{Checkpoint, Error, Params, Subject};
use pleat_model::files::remove_leftovers;

use crate::args::ProveArgs;
use crate::console::Console;
use crate::interrupt;

/// Where the checkpoints of a proof are, and what happens with one that is there.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    pub(crate) path: PathBuf,
    pub(crate) every: Duration,
    resume: bool,
    /// Whether a file was there, which this proof goes on from or was told to give up: it may be replaced and
    /// removed. One that comes later is another process's.
    pub(crate) replace: bool,
}

impl Checkpoints {
    /// Those of a command, refused if a checkpoint would be lost, or cannot be written.
    pub(crate) fn of(args: &ProveArgs, inputs: &[&Path], console: &Console) -> Result<Self> {
        let path = args.checkpoint.clone().unwrap_or_else(|| {
            let mut name = args.output.clone().into_os_string();
            name.push(".checkpoint");
            name.into()
        });
        if crate::output::is_same(&path, &args.output) {
            bail!(
                "checkpoint {}: it is the output; choose another name",
                path.display()
            );
        }
        let there = path.exists();
        if there && !args.resume && !args.force {
            bail!(
                "checkpoint {}: an interrupted proof is there; give --resume to go on with it, \
                 or --force to begin again and lose it",
                path.display()
            );
        }
        crate::output::check(&path, inputs, true)?;
        interrupt::remember(Some(&path));
        if args.resume {
            remove_leftovers(&path).with_context(|| format!("checkpoint {}", path.display()))?;
        }
        if args.resume && !there {
            console.note(&format!(
                "there is no checkpoint {}: the proof begins",
                path.display()
            ));
        }
        Ok(Self {
            path,
            every: Duration::from_secs(args.checkpoint_every),
            resume: args.resume && there,
            replace: there,
        })
    }

    /// The checkpoint to go on from.
    pub(crate) fn load(&self, params: &Params) -> Result<Option<Checkpoint>> {
        if !self.resume {
            return Ok(None);
        }
        let checkpoint = Checkpoint::load(&self.path, params).map_err(|e| {
            // One of another key or class is good, and says what to give.
            let what = match e {
                Error::File { .. } => "a damaged checkpoint; --force begins the proof again",
                _ => "checkpoint",
            };
            anyhow::Error::new(e).context(what)
        })?;
        Ok(Some(checkpoint))
    }

    /// The proof is finished; `written`: it has kept checkpoints.
    pub(crate) fn remove(&self, written: bool, console: &Console) {
        interrupt::remember(None);
        if !written && !self.replace {
            // What may be there meanwhile is another process's.
            return;
        }
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => console.note(&format!(
                "the checkpoint {} could not be removed: {e}; remove it yourself, it is secret",
                self.path.display()
            )),
            _ => {}
        }
    }
}

/// Refuses to go on with a proof of something else, and says in what it differs.
pub(crate) fn compare(path: &Path, kept: &Subject, now: &Subject) -> Result<()> {
    let what = if kept.model != now.model {
        "it is about another model; give the bundle it was begun with"
    } else if kept.kind != now.kind {
        "it is about another kind of statement; give the --statement it was begun with"
    } else if kept.context != now.context {
        "it is bound to another context; give the --context it was begun with"
    } else if kept.samples != now.samples {
        "it is about another number of samples; give the --offset and --limit, or the --shard, it was begun with"
    } else if kept.data != now.data {
        "the data or their labels are not what they were when the proof was begun; \
         give the same again, or begin again with --force"
    } else if kept != now {
        "it was begun with groups of another size; begin again with --force"
    } else {
        return Ok(());
    };
    bail!("checkpoint {}: {what}", path.display())
}

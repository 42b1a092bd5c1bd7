//! Going on with an interrupted proof.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pleat_folding::{Checkpoint, Error as FoldingError, Params, Subject};
use pleat_model::files::remove_leftovers;

use crate::error::{Error, Locate, Result};
use crate::output;
use crate::watch::Watch;

/// Checkpoints of a proof: what it takes to go on in another process. They are secret files.
#[derive(Clone, Debug)]
pub struct CheckpointOptions {
    /// Where they go; without it the output's name with `.checkpoint`. Removed when the proof is finished.
    pub path: Option<PathBuf>,
    /// Time from one to the next; stopping writes one too.
    pub every: Duration,
    /// Go on with a proof that was interrupted; begins if there is no checkpoint.
    pub resume: bool,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        Self {
            path: None,
            every: Duration::from_secs(60),
            resume: false,
        }
    }
}

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
    /// Those of a proof that goes to `output`, refused if a checkpoint would be lost, or cannot be written. With
    /// `force` one that is there may be lost.
    pub(crate) fn of(
        options: &CheckpointOptions,
        output: &Path,
        force: bool,
        inputs: &[&Path],
        watch: &Watch,
    ) -> Result<Self> {
        let path = options.path.clone().unwrap_or_else(|| {
            let mut name = output.to_owned().into_os_string();
            name.push(".checkpoint");
            name.into()
        });
        if output::is_same(&path, output) {
            return Err(Error::Invalid(format!(
                "checkpoint {}: it is the output; choose another name",
                path.display()
            )));
        }
        let there = path.exists();
        if there && !options.resume && !force {
            return Err(Error::Invalid(format!(
                "checkpoint {}: an interrupted proof is there; give --resume to go on with it, \
                 or --force to begin again and lose it",
                path.display()
            )));
        }
        output::check(&path, inputs, true)?;
        watch.stop().remember(Some(&path));
        if options.resume {
            remove_leftovers(&path).at(|| format!("checkpoint {}", path.display()))?;
        }
        if options.resume && !there {
            watch.note(format!(
                "there is no checkpoint {}: the proof begins",
                path.display()
            ));
        }
        Ok(Self {
            path,
            every: options.every,
            resume: options.resume && there,
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
                FoldingError::File { .. } => "a damaged checkpoint; --force begins the proof again",
                _ => "checkpoint",
            };
            Error::from(e).at(what)
        })?;
        Ok(Some(checkpoint))
    }

    /// The proof is finished; `written`: it has kept checkpoints.
    pub(crate) fn remove(&self, written: bool, watch: &Watch) {
        watch.stop().remember(None);
        if !written && !self.replace {
            // What may be there meanwhile is another process's.
            return;
        }
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => watch.note(format!(
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
    Err(Error::Invalid(format!(
        "checkpoint {}: {what}",
        path.display()
    )))
}

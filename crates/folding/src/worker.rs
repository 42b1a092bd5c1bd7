//! Folding on a thread of its own: a step is folded while the argument's prover works on the next chunk.
//!
//! The queue between them holds two steps, so that a slow folder holds the prover back instead of
//! filling the memory.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pleat_argument::group::prove::StepRecord;
use pleat_step_circuits::circuit::step::Step;

use crate::{Circuit, Error, Folder, Params, Result, RunningProof};

/// Steps that wait at most.
const QUEUE: usize = 2;

/// A folder on its own thread.
#[derive(Debug)]
pub struct Worker<C: Circuit = Step> {
    steps: SyncSender<StepRecord>,
    thread: JoinHandle<Result<Folder<C>>>,
    /// Why the thread ended before it was asked to.
    failure: Arc<Mutex<Option<String>>>,
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}

fn fold<C: Circuit>(mut folder: Folder<C>, steps: &Receiver<StepRecord>) -> Result<Folder<C>> {
    for step in steps {
        folder.push(step)?;
    }
    Ok(folder)
}

impl<C: Circuit> Worker<C> {
    /// Starts a thread that folds from the first step on.
    ///
    /// # Errors
    /// A thread the system does not give.
    pub fn spawn(params: &Arc<Params<C>>) -> Result<Self> {
        Self::resume(Folder::new(params.clone()))
    }

    /// Starts a thread that goes on with a folder.
    ///
    /// # Errors
    /// A thread the system does not give.
    pub fn resume(folder: Folder<C>) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let failure = Arc::new(Mutex::new(None));
        let slot = failure.clone();
        let run = move || {
            let steps = receiver;
            let result = catch_unwind(AssertUnwindSafe(|| fold(folder, &steps)))
                .unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic))));
            // Before the receiver is dropped, and with it the next step refused.
            if let Err(error) = &result {
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                *slot = Some(error.to_string());
            }
            drop(steps);
            result
        };
        let thread = std::thread::Builder::new().name("pleat-fold".into());
        let thread = thread
            .spawn(run)
            .map_err(|e| Error::Invalid(format!("no thread to fold on: {e}; try again")))?;
        Ok(Self {
            steps: sender,
            thread,
            failure,
        })
    }

    /// What the argument's prover hands its steps to. It waits while the queue is full, and passes on the
    /// error the thread ended with.
    pub fn sink(&self) -> impl FnMut(StepRecord) -> pleat_argument::Result<()> + use<C> {
        let (steps, failure) = (self.steps.clone(), self.failure.clone());
        move |record| {
            steps.send(record).map_err(|_| {
                let failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                let reason = failure.as_deref().unwrap_or("it was ended");
                pleat_argument::Error::Invalid(format!("folding stopped: {reason}"))
            })
        }
    }

    /// Waits until all steps are folded. The sinks must be gone, or this waits for more steps.
    ///
    /// # Errors
    /// What the thread ended with; [`Error::NoStep`].
    pub fn join(self) -> Result<RunningProof<C>> {
        drop(self.steps);
        let folder = self
            .thread
            .join()
            .unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic))))?;
        folder.into_running()
    }
}

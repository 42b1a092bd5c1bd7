//! Folding on a thread of its own: a step is folded while the argument's prover works on the next chunk.
//!
//! The queue between them holds two steps, so that a slow folder holds the prover back instead of
//! filling the memory. The thread also writes checkpoints, and stops when it is asked to.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pleat_argument::group::prove::{Snapshot, StepRecord, Steps};
use pleat_step_circuits::circuit::step::Step;

use crate::checkpoint::{Keep, Keeper};
use crate::{Circuit, Error, Folder, Params, Result, RunningProof, Scalar};

/// Steps that wait at most.
const QUEUE: usize = 2;

/// What happened on the folding thread.
#[derive(Debug)]
pub enum Notice {
    /// So many steps are folded.
    Folded(u64),
    /// A checkpoint was written.
    Written {
        /// Steps in it.
        steps: u64,
        /// Seconds it took.
        seconds: f64,
    },
    /// A checkpoint could not be written; the one before, if any, is as it was.
    Failed(Error),
}

/// What the prover sends.
#[allow(clippy::large_enum_variant)] // most are steps
enum Item {
    Step(StepRecord),
    Place(Box<Snapshot>),
}

/// The folding thread's own.
struct Bench<C: Circuit> {
    params: Arc<Params<C>>,
    folder: Folder<C>,
    /// Steps that come again and are folded already.
    again: u64,
    keeper: Option<Keeper>,
    stop: Arc<AtomicBool>,
    notices: Sender<Notice>,
}

/// A folder on its own thread.
#[derive(Debug)]
pub struct Worker<C: Circuit = Step> {
    queue: Queue,
    thread: JoinHandle<Result<Folder<C>>>,
    notices: Receiver<Notice>,
}

/// Where the argument's prover hands its steps to. It waits while the queue is full, and passes on the error
/// the thread ended with.
#[derive(Clone, Debug)]
pub struct Queue {
    items: SyncSender<Item>,
    /// Why the thread ended before it was asked to.
    failure: Arc<Mutex<Option<String>>>,
    /// Whether anybody takes snapshots.
    kept: bool,
}

impl Queue {
    fn send(&self, item: Item) -> pleat_argument::Result<()> {
        self.items.send(item).map_err(|_| {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            let reason = failure.as_deref().unwrap_or("it was ended");
            pleat_argument::Error::Invalid(format!("folding stopped: {reason}"))
        })
    }
}

impl Steps for Queue {
    fn step(&mut self, record: StepRecord) -> pleat_argument::Result<()> {
        self.send(Item::Step(record))
    }

    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> pleat_argument::Result<()> {
        match self.kept {
            true => self.send(Item::Place(Box::new(snapshot()))),
            false => Ok(()),
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}

impl<C: Circuit> Bench<C> {
    fn run(mut self, items: &Receiver<Item>) -> Result<Folder<C>> {
        for item in items {
            match item {
                Item::Place(snapshot) => {
                    let before = self.steps() - self.again.min(self.steps());
                    if let Some(keeper) = &mut self.keeper {
                        keeper.place(snapshot, before);
                    }
                }
                Item::Step(_) if self.again > 0 => self.again -= 1,
                Item::Step(record) => {
                    self.folder.push(record)?;
                    self.notify(Notice::Folded(self.steps()));
                }
            }
            if self.stop.load(Ordering::SeqCst) {
                return Err(self.interrupted());
            }
            if self.keeper.as_ref().is_some_and(Keeper::is_due) {
                self.write();
            }
        }
        let steps = self.steps();
        let due = (self.keeper.as_ref()).is_some_and(|keeper| keeper.is_due_at_the_end(steps));
        if due && !self.stop.load(Ordering::SeqCst) {
            self.write();
        }
        // Also if it was asked to while that was written.
        if self.stop.load(Ordering::SeqCst) {
            return Err(self.interrupted());
        }
        Ok(self.folder)
    }

    fn steps(&self) -> u64 {
        self.folder.running().map_or(0, |r| r.steps)
    }

    fn notify(&self, notice: Notice) {
        // Nobody may listen.
        let _ = self.notices.send(notice);
    }

    fn write(&mut self) {
        let (Some(keeper), Some(running)) = (&mut self.keeper, self.folder.running()) else {
            return;
        };
        let steps = running.steps;
        match keeper.write(running, &self.params) {
            Some(Ok(seconds)) => self.notify(Notice::Written { steps, seconds }),
            Some(Err(error)) => self.notify(Notice::Failed(error)),
            None => {}
        }
    }

    fn interrupted(&mut self) -> Error {
        let steps = self.steps();
        let Some(keeper) = &mut self.keeper else {
            return Error::Interrupted("no checkpoint is kept".into());
        };
        let path = keeper.path().display().to_string();
        let written = match self.folder.running() {
            Some(running) => keeper.write(running, &self.params),
            None => None,
        };
        Error::Interrupted(match written {
            Some(Ok(_)) => format!(
                "{steps} steps are kept in the checkpoint {path}, a secret file; \
                 give --resume to go on"
            ),
            Some(Err(e)) => format!("the checkpoint could not be written: {e}"),
            None => "nothing was folded yet".into(),
        })
    }
}

impl<C: Circuit> Worker<C> {
    /// Starts a thread that folds from the first step on, without checkpoints.
    ///
    /// # Errors
    /// A thread the system does not give.
    pub fn spawn(params: &Arc<Params<C>>) -> Result<Self> {
        let folder = Folder::new(params.clone());
        Self::start(params, folder, 0, None, Arc::default())
    }

    /// Starts a thread that keeps checkpoints and goes on with the steps of another, whose snapshot the
    /// argument's prover goes on from. Once `stop` is set, it ends after the step under way.
    ///
    /// # Errors
    /// A thread the system does not give.
    pub fn keeping(
        params: &Arc<Params<C>>,
        keep: Keep,
        from: Option<(RunningProof<C>, u64)>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let (folder, again) = match from {
            Some((running, ahead)) => (Folder::resume(params.clone(), running), ahead),
            None => (Folder::new(params.clone()), 0),
        };
        Self::start(params, folder, again, Some(Keeper::new(keep)), stop)
    }

    fn start(
        params: &Arc<Params<C>>,
        folder: Folder<C>,
        again: u64,
        keeper: Option<Keeper>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let (items, receiver) = sync_channel(QUEUE);
        let (sender, notices) = channel();
        let failure = Arc::new(Mutex::new(None));
        let kept = keeper.is_some();
        let bench = Bench {
            params: params.clone(),
            folder,
            again,
            keeper,
            stop,
            notices: sender,
        };
        let slot = failure.clone();
        let run = move || {
            let items = receiver;
            let result = catch_unwind(AssertUnwindSafe(|| bench.run(&items)))
                .unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic))));
            // Before the receiver is dropped, and with it the next step refused.
            if let Err(error) = &result {
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                *slot = Some(error.to_string());
            }
            drop(items);
            result
        };
        let thread = std::thread::Builder::new().name("pleat-fold".into());
        let thread = thread
            .spawn(run)
            .map_err(|e| Error::Invalid(format!("no thread to fold on: {e}; try again")))?;
        Ok(Self {
            queue: Queue {
                items,
                failure,
                kept,
            },
            thread,
            notices,
        })
    }

    /// Where steps go.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// What happened since this was asked last.
    pub fn notices(&self) -> impl Iterator<Item = Notice> {
        self.notices.try_iter()
    }

    /// Waits until all steps are folded, telling what happens meanwhile. The queues must be gone, or this waits
    /// for more steps. With a digest, the last step must lead to the state of that digest.
    ///
    /// # Errors
    /// What the thread ended with; [`Error::NoStep`]; [`Error::Disagreement`] about the last step.
    pub fn join(
        self,
        last: Option<Scalar>,
        tell: &mut dyn FnMut(Notice),
    ) -> Result<RunningProof<C>> {
        drop(self.queue);
        self.notices.iter().for_each(tell);
        let folder = self
            .thread
            .join()
            .unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic))))?;
        match last {
            Some(last) => folder.finish(last),
            None => folder.into_running(),
        }
    }
}

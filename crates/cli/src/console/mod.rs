//! Standard output for results, standard error and the log for everything else.

mod event;
mod log;
mod phase;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressDrawTarget};
use pleat_jobs::{Error, Event as JobEvent, Progress, Result, printable};
use serde::Serialize;

use self::event::{Count, Event, milli};
use self::log::Log;
use self::phase::Phase;
use crate::args::ProgressKind;
use crate::exit::INVALID_PROOF;

/// How the user wants to be spoken to; clones speak with one voice.
#[derive(Clone, Debug)]
pub(crate) struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    json: bool,
    quiet: bool,
    /// Not `Auto`.
    style: ProgressKind,
    start: Instant,
    bars: MultiProgress,
    /// The one that runs.
    phase: Mutex<Option<Phase>>,
    log: OnceLock<Log>,
    /// The last event was told.
    ended: AtomicBool,
}

impl Console {
    pub(crate) fn new(json: bool, quiet: bool, style: ProgressKind) -> Self {
        let style = match style {
            ProgressKind::Json => ProgressKind::Json,
            _ if quiet => ProgressKind::None,
            ProgressKind::Auto if std::io::stderr().is_terminal() => ProgressKind::Bar,
            ProgressKind::Auto => ProgressKind::Plain,
            other => other,
        };
        let bars = match style {
            ProgressKind::Bar => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        Self(Arc::new(Inner {
            json,
            quiet,
            style,
            start: Instant::now(),
            bars: MultiProgress::with_draw_target(bars),
            phase: Mutex::default(),
            log: OnceLock::new(),
            ended: AtomicBool::new(false),
        }))
    }

    /// The first event; opens the log.
    ///
    /// # Errors
    /// A log that cannot be opened, or that is no text file.
    pub(crate) fn start(&self, log: Option<&Path>) -> Result<()> {
        let opened = log.map_or(Ok(()), |path| {
            // Nobody else sets it.
            let _ = self.0.log.set(Log::open(path)?);
            Ok(())
        });
        let arguments = std::env::args_os().skip(1);
        self.say(&Event::Start {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            arguments: arguments
                .map(|a| printable(&a.to_string_lossy(), true))
                .collect(),
        });
        opened
    }

    /// The last event of a command that did what it was asked.
    pub(crate) fn done(&self) {
        self.say(&Event::Done { exit_code: 0 });
    }

    /// The result: one JSON object, or text for people.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let line = if self.0.json {
            serde_json::to_string(value).map_err(|e| Error::Invalid(e.to_string()))?
        } else {
            printable(&text(), true)
        };
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            // The reader has seen enough, as in `pleat run ... | head`.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// A remark.
    pub(crate) fn note(&self, text: &str) {
        let text = &printable(text, true);
        self.say(&Event::Note { text });
    }

    /// The last event of a command that failed; with `--json` also the one object on standard output.
    pub(crate) fn error(&self, text: &str, code: u8) {
        self.failed(text, code);
        if self.0.json {
            write_error_object(&mut std::io::stdout(), text, code);
        }
    }

    /// The same, without standard output.
    pub(crate) fn failed(&self, text: &str, exit_code: u8) {
        let text = &printable(text, self.style() == ProgressKind::Json);
        self.say(&Event::Error { text, exit_code });
        let _ = self.0.bars.clear();
    }

    fn style(&self) -> ProgressKind {
        self.0.style
    }

    fn phase(&self) -> MutexGuard<'_, Option<Phase>> {
        self.0.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a count: to programs always, to people if `lines`.
    fn count(&self, count: Count, lines: bool) {
        let shown = match self.style() {
            ProgressKind::Json => true,
            ProgressKind::Plain => lines,
            _ => false,
        };
        if shown || lines {
            self.tell(&Event::Progress(count), shown, lines);
        }
    }

    fn say(&self, event: &Event<'_>) {
        self.tell(event, true, true);
    }

    /// Tells on standard error if `shown`, in the log if `logged`.
    fn tell(&self, event: &Event<'_>, shown: bool, logged: bool) {
        // One at a time, above the bars, nothing after the last.
        self.0.bars.suspend(|| {
            if self.0.ended.load(Ordering::Relaxed) {
                return;
            }
            if let Some(log) = self.0.log.get().filter(|_| logged) {
                let (name, text) = event.words();
                if let Some(text) = &log.write(name, &printable(&text, false)) {
                    self.show(&Event::Note { text });
                }
            }
            if shown {
                self.show(event);
            }
            self.0.ended.store(event.is_last(), Ordering::Relaxed);
        });
    }

    fn show(&self, event: &Event<'_>) {
        if self.0.quiet && !matches!(event, Event::Error { .. }) {
            return;
        }
        match event {
            _ if self.style() == ProgressKind::Json => {
                to_stderr(&event.json(self.0.start.elapsed()));
            }
            Event::Start { .. } | Event::Done { .. } => {}
            Event::Note { text } => to_stderr(text),
            Event::Error { text, .. } => to_stderr(&format!("pleat: {text}")),
            Event::Progress(_) => to_stderr(&event.words().1),
            Event::Checkpoint { .. } => to_stderr(&format!("checkpoint {}", event.words().1)),
        }
    }
}

impl Progress for Console {
    fn hear(&self, event: JobEvent) {
        match event {
            JobEvent::Note(text) => self.note(&text),
            JobEvent::Begin { phase, total, done } => {
                let mut phase = Phase::new(&self.0.bars, phase, total, done);
                self.count(phase.count(), false);
                *self.phase() = Some(phase);
            }
            JobEvent::Advance { done } => {
                if let Some(phase) = self.phase().as_mut()
                    && let Some(lines) = phase.set(done)
                {
                    self.count(phase.count(), lines);
                }
            }
            JobEvent::End => {
                if let Some(phase) = self.phase().take() {
                    let (count, new) = phase.last();
                    let shown = new && self.style() == ProgressKind::Json;
                    self.tell(&Event::Progress(count), shown, true);
                    phase.clear();
                }
            }
            JobEvent::Checkpoint {
                path,
                steps,
                seconds,
            } => self.say(&Event::Checkpoint {
                path: &printable(&path.to_string_lossy(), false),
                step: steps,
                seconds: milli(seconds),
            }),
            // What a later version tells.
            _ => {}
        }
    }
}

/// A line on standard error; nothing where nobody listens.
fn to_stderr(text: &str) {
    // One call, or lines of several processes would mix.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// An error as one object.
pub(crate) fn write_error_object(out: &mut dyn Write, text: &str, code: u8) {
    let mut object = serde_json::json!({ "error": text, "exit_code": code });
    if code == INVALID_PROOF {
        object["valid"] = false.into();
    }
    let _ = writeln!(out, "{object}");
}

//! Standard output for results, standard error for everything else.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::INVALID_PROOF;

/// How the user wants to be spoken to.
#[derive(Debug)]
pub(crate) struct Console {
    json: bool,
    quiet: bool,
}

impl Console {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// The result: one JSON object, or text for people.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let line = if self.json {
            serde_json::to_string(value)?
        } else {
            printable(&text(), true)
        };
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            // The reader has seen enough, as in `pleat run ... | head`.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// A remark on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            to_stderr(&printable(text, true));
        }
    }

    /// An error; with `--json` also as the one object on standard output.
    pub(crate) fn error(&self, text: &str, code: u8) {
        to_stderr(&format!("pleat: {}", printable(text, false)));
        if self.json {
            error_object(text, code);
        }
    }

    /// Progress over `total` units of `what`; a bar on a terminal, plain lines otherwise.
    pub(crate) fn progress(&self, what: &'static str, total: usize) -> Progress {
        let bar = ProgressBar::new(total as u64);
        let terminal = std::io::stderr().is_terminal();
        if self.quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) =
            ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {per_sec} {eta} left")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Progress {
            bar,
            what,
            plain: !self.quiet && !terminal,
            last: Mutex::new(Instant::now()),
        }
    }
}

/// A line on standard error; nothing where nobody listens.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// An error as the one object on standard output.
pub(crate) fn error_object(text: &str, code: u8) {
    write_error_object(&mut std::io::stdout(), text, code);
}

/// The same, elsewhere.
pub(crate) fn write_error_object(out: &mut dyn Write, text: &str, code: u8) {
    let mut object = serde_json::json!({ "error": text, "exit_code": code });
    if code == INVALID_PROOF {
        object["valid"] = false.into();
    }
    let _ = writeln!(out, "{object}");
}

/// Text without characters a terminal would obey: names come from files of others, and could erase a
/// verdict and write another. `lines` lets line ends pass.
pub(crate) fn printable(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let harmless = match c {
            '\n' => lines,
            // Marks that change the direction of the text around them.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
            '\u{2028}' | '\u{2029}' => false,
            c => !c.is_control(),
        };
        match harmless {
            true => out.push(c),
            false => out.extend(c.escape_unicode()),
        }
    }
    out
}

/// A running count.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    plain: bool,
    last: Mutex<Instant>,
}

impl Progress {
    /// So many units are done.
    pub(crate) fn set(&self, done: usize) {
        self.bar.set_position(done as u64);
        if !self.plain {
            return;
        }
        let Ok(mut last) = self.last.lock() else {
            return;
        };
        if last.elapsed() > Duration::from_secs(5) {
            *last = Instant::now();
            to_stderr(&format!(
                "{}: {done} of {}, {:.1} per second, {} s left",
                self.what,
                self.bar.length().unwrap_or(0),
                self.bar.per_sec(),
                self.bar.eta().as_secs()
            ));
        }
    }

    /// Removes the bar.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
    }
}

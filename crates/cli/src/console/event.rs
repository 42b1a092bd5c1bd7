//! What happens while a command runs, for programs (a line of JSON) and for people (a line of text).

use std::time::Duration;

use indicatif::FormattedDuration;
use serde::Serialize;

/// One event; `docs/jobs.md` has the schema.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event<'a> {
    Start {
        version: &'static str,
        pid: u32,
        arguments: Vec<String>,
    },
    Progress(Count),
    Note {
        text: &'a str,
    },
    Checkpoint {
        path: &'a str,
        step: u64,
        seconds: f64,
    },
    Done {
        exit_code: u8,
    },
    Error {
        text: &'a str,
        exit_code: u8,
    },
}

/// How far a phase is.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Count {
    pub(super) phase: &'static str,
    pub(super) step: u64,
    pub(super) steps: u64,
    /// Steps a second; 0 before the first.
    pub(super) rate: f64,
    pub(super) remaining_seconds: Option<f64>,
    pub(super) rss_bytes: Option<u64>,
}

impl Event<'_> {
    /// Nothing follows it.
    pub(super) fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error { .. })
    }

    /// As one object, without the line end.
    pub(super) fn json(&self, elapsed: Duration) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(flatten)]
            event: &'a Event<'a>,
            elapsed_seconds: f64,
        }
        let line = Line {
            event: self,
            elapsed_seconds: milli(elapsed.as_secs_f64()),
        };
        // Fails for maps with odd keys only, and there are none.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Its name, and what a log says about it.
    pub(super) fn words(&self) -> (&'static str, String) {
        match self {
            Self::Start {
                version,
                pid,
                arguments,
            } => {
                let line = arguments.join(" ");
                ("start", format!("pleat {version}, process {pid}: {line}"))
            }
            Self::Progress(count) => ("progress", count.text()),
            Self::Note { text } => ("note", (*text).to_owned()),
            Self::Checkpoint {
                path,
                step,
                seconds,
            } => (
                "checkpoint",
                format!("{path}: {step} steps, written in {seconds:.1} s"),
            ),
            Self::Done { exit_code } => ("done", format!("exit code {exit_code}")),
            Self::Error { text, exit_code } => ("error", format!("exit code {exit_code}: {text}")),
        }
    }
}

impl Count {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {} of {}", self.phase, self.step, self.steps);
        let pace = self.pace();
        if !pace.is_empty() {
            text.push_str(", ");
            text.push_str(&pace);
        }
        if let Some(bytes) = self.rss_bytes {
            text.push_str(&format!(", {:.2} GB of memory", bytes as f64 / 1e9));
        }
        text
    }

    /// Rate and remaining time, if they are known.
    pub(super) fn pace(&self) -> String {
        match self.remaining_seconds.map(Duration::try_from_secs_f64) {
            Some(Ok(left)) => {
                format!(
                    "{:.1} per second, {} left",
                    self.rate,
                    FormattedDuration(left)
                )
            }
            _ => String::new(),
        }
    }
}

/// Rounded to thousandths: clocks tell no more.
pub(super) fn milli(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn count() -> Count {
        Count {
            phase: "folding steps",
            step: 3,
            steps: 10,
            rate: 0.5,
            remaining_seconds: Some(14.0),
            rss_bytes: Some(500_000_000),
        }
    }

    fn value(event: &Event<'_>) -> Value {
        let line = event.json(Duration::from_micros(1_500_400));
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn every_event_is_one_object_with_its_name_and_time() {
        let arguments = vec!["run".to_owned(), "a b".to_owned()];
        for (event, expected) in [
            (
                Event::Start {
                    version: "1",
                    pid: 7,
                    arguments,
                },
                json!({ "event": "start", "version": "1", "pid": 7, "arguments": ["run", "a b"] }),
            ),
            (
                Event::Progress(count()),
                json!({ "event": "progress", "phase": "folding steps", "step": 3, "steps": 10,
                    "rate": 0.5, "remaining_seconds": 14.0, "rss_bytes": 500_000_000 }),
            ),
            (
                Event::Note { text: "two\nlines" },
                json!({ "event": "note", "text": "two\nlines" }),
            ),
            (
                Event::Checkpoint {
                    path: "p",
                    step: 3,
                    seconds: 0.25,
                },
                json!({ "event": "checkpoint", "path": "p", "step": 3, "seconds": 0.25 }),
            ),
            (
                Event::Done { exit_code: 0 },
                json!({ "event": "done", "exit_code": 0 }),
            ),
            (
                Event::Error {
                    text: "no",
                    exit_code: 3,
                },
                json!({ "event": "error", "text": "no", "exit_code": 3 }),
            ),
        ] {
            let mut expected = expected;
            expected["elapsed_seconds"] = 1.5.into();
            assert_eq!(value(&event), expected);
            assert_eq!(expected["event"], event.words().0);
        }
    }

    #[test]
    fn what_is_unknown_is_null_for_programs_and_absent_for_people() {
        let unknown = Count {
            rate: 0.0,
            remaining_seconds: None,
            rss_bytes: None,
            ..count()
        };
        let object = value(&Event::Progress(unknown));
        assert!(object["remaining_seconds"].is_null() && object["rss_bytes"].is_null());
        assert_eq!(object.as_object().unwrap().len(), 8);
        assert_eq!(unknown.text(), "folding steps: 3 of 10");
        assert_eq!(
            count().text(),
            "folding steps: 3 of 10, 0.5 per second, 00:00:14 left, 0.50 GB of memory"
        );
    }
}

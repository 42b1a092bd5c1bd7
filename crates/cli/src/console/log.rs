//! The log file: a line an event, with the time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use pleat_jobs::{Error, Result};

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    failed: AtomicBool,
}

impl Log {
    /// Opens for appending; makes the file if there is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || -> Result<File> {
            if is_binary(path) {
                return Err(Error::invalid("it is no text file; choose another name"));
            }
            Ok(OpenOptions::new().append(true).create(true).open(path)?)
        };
        Ok(Self {
            file: open().map_err(|e| e.at(format!("log {}", path.display())))?,
            path: path.to_owned(),
            failed: AtomicBool::new(false),
        })
    }

    /// Appends one line; `text` has no line ends. If that fails for the first time: a complaint.
    pub(super) fn write(&self, name: &str, text: &str) -> Option<String> {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        // One call: several processes may share a file.
        let line = format!("{time} {name} {text}\n");
        let error = (&self.file).write_all(line.as_bytes()).err()?;
        (!self.failed.swap(true, Ordering::Relaxed)).then(|| {
            format!(
                "warning: lines are missing in the log {}: {error}",
                self.path.display()
            )
        })
    }
}

/// Whether a file begins like a bundle, a proof or data, which a mistyped name must not spoil.
fn is_binary(path: &Path) -> bool {
    // Reading from a pipe would wait for a writer.
    if !path.is_file() {
        return false;
    }
    let mut head = Vec::new();
    // Whoever may write a log need not be able to read it.
    let _ = File::open(path).and_then(|f| f.take(512).read_to_end(&mut head));
    // Colours begin with an escape.
    head.iter()
        .any(|b| b.is_ascii_control() && !b.is_ascii_whitespace() && *b != 0x1b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_with_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        std::fs::write(&path, "\u{1b}[1mold\u{1b}[0m\n").unwrap();
        for text in ["one", "two"] {
            assert_eq!(Log::open(&path).unwrap().write("note", text), None);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, said) in lines[1..].iter().zip(["one", "two"]) {
            let (time, rest) = line.split_once(' ').unwrap();
            assert_eq!(rest, format!("note {said}"));
            let age = SystemTime::now()
                .duration_since(humantime::parse_rfc3339(time).unwrap())
                .unwrap();
            assert!(age.as_secs() < 60, "{time}");
        }
    }

    #[test]
    fn files_of_other_kinds_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        for bytes in [&b"PLEATBDL\x01\0\0\0"[..], &[0x1f, 0x8b, 8], &[0, 0, 8, 3]] {
            std::fs::write(&path, bytes).unwrap();
            let text = Log::open(&path).unwrap_err().sentence();
            assert!(text.contains("no text file"), "{text}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_complained_about_once() {
        let log = Log::open(Path::new("/dev/full")).unwrap();
        let complaint = log.write("note", "x").unwrap();
        assert!(complaint.contains("/dev/full"), "{complaint}");
        assert_eq!(log.write("note", "y"), None);
    }
}

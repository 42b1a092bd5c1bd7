//! A tiny model and its data in a folder that goes away, and ears for what jobs tell.
#![allow(dead_code, reason = "every test binary uses a part")]

#[path = "../../../cli/tests/support/onnx.rs"]
mod onnx;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pleat_jobs::{DataOptions, Event, ImportOptions, Stop, Watch, import};

/// The size class the tiny model is proved in, and the points of the key it needs, as powers of two.
pub(crate) const CLASS: u32 = 13;
pub(crate) const POWER: u32 = 17;

/// The tiny model, its bundle, and samples with labels.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new(samples: u32) -> Self {
        let s = Self(tempfile::tempdir().unwrap());
        std::fs::write(s.path("tiny.onnx"), onnx::tiny("Relu")).unwrap();
        let idx = |sizes: &[u32], bytes: &mut dyn Iterator<Item = u8>| {
            let mut file = vec![0, 0, 8, sizes.len() as u8];
            file.extend(sizes.iter().flat_map(|n| n.to_be_bytes()));
            file.extend(bytes);
            file
        };
        let pixels = idx(
            &[samples, 4, 4],
            &mut (0..samples * 16).map(|i| (i * 37 % 251) as u8),
        );
        std::fs::write(s.path("x.idx"), pixels).unwrap();
        let labels = idx(&[samples], &mut (0..samples).map(|i| (i % 3) as u8));
        std::fs::write(s.path("y.idx"), labels).unwrap();
        s
    }

    /// With the bundle.
    pub(crate) fn imported(samples: u32) -> Self {
        let s = Self::new(samples);
        import(&s.import(), &Watch::default()).unwrap();
        s
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn import(&self) -> ImportOptions {
        ImportOptions {
            model: self.path("tiny.onnx"),
            calib: Some(self.path("x.idx")),
            labels: Some(self.path("y.idx")),
            output: Some(self.path("tiny.pleat")),
            ..ImportOptions::default()
        }
    }

    pub(crate) fn data(&self) -> DataOptions {
        DataOptions {
            path: self.path("x.idx"),
            labels: Some(self.path("y.idx")),
            ..DataOptions::default()
        }
    }

    /// Names of all files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Everything that was told.
#[derive(Clone, Default)]
pub(crate) struct Ears(Arc<Mutex<Vec<Event>>>);

impl Ears {
    /// A watch with these ears, which asks the job to stop when it hears an event that `when` holds for.
    pub(crate) fn stopping(
        &self,
        when: impl Fn(&[Event], &Event) -> bool + Send + Sync + 'static,
    ) -> Watch {
        let (heard, stop) = (self.0.clone(), Stop::default());
        let asked = stop.clone();
        let hear = move |event: Event| {
            let mut heard = heard.lock().unwrap();
            if when(&heard, &event) {
                asked.ask();
            }
            heard.push(event);
        };
        Watch::new(hear).stopped_by(&stop)
    }

    pub(crate) fn watch(&self) -> Watch {
        self.stopping(|_, _| false)
    }

    pub(crate) fn heard(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The phases in their order, each with its count at the beginning, at the end, and in all. Checks that each counts
    /// up and ends before the next begins.
    #[track_caller]
    pub(crate) fn phases(&self) -> Vec<(&'static str, u64, u64, u64)> {
        let mut phases = vec![];
        let mut running = None;
        for event in self.heard() {
            match event {
                Event::Begin { phase, total, done } => {
                    assert_eq!(running, None, "a phase begins before another ends");
                    running = Some((phase, done, done, total));
                }
                Event::Advance { done } => {
                    let (_, _, now, total) = running.as_mut().unwrap();
                    assert!((*now..=*total).contains(&done), "{done} after {now}");
                    *now = done;
                }
                Event::End => phases.push(running.take().unwrap()),
                _ => {}
            }
        }
        phases
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |event| match event {
            Event::Note(text) => Some(text),
            _ => None,
        };
        self.heard().into_iter().filter_map(note).collect()
    }
}

/// Whether a phase runs: the last that began is this one.
pub(crate) fn is_in(heard: &[Event], name: &str) -> bool {
    let begun = heard.iter().rev().find_map(|event| match event {
        Event::Begin { phase, .. } => Some(*phase),
        _ => None,
    });
    begun == Some(name)
}

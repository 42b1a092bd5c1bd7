//! The real binary in a scratch folder, and small files to feed it.
#![allow(dead_code, reason = "every test binary uses a part")]

pub(crate) mod onnx;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) const DIGITS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/lenet5/digits-images-idx3-ubyte.gz"
);
pub(crate) const DIGIT_LABELS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/lenet5/digits-labels-idx1-ubyte.gz"
);
pub(crate) const LENET: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/lenet5/lenet5.onnx"
);
/// Points of the key that small size classes need, as a power of two.
pub(crate) const TINY_POWER: &str = "17";
/// The size class the tiny model is proved in.
pub(crate) const TINY_CLASS: &str = "13";

/// A file of the shared models; `None`, loudly, where there are none.
pub(crate) fn shared(name: &str) -> Option<String> {
    let path = format!(
        "{}/../../../shared/models/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    if Path::new(&path).exists() {
        return Some(path);
    }
    eprintln!("SKIPPED, NOT TESTED: {path} is not there");
    None
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Outcome {
    fn from(o: Output) -> Self {
        Self {
            code: o.status.code(),
            out: String::from_utf8_lossy(&o.stdout).into_owned(),
            err: String::from_utf8_lossy(&o.stderr).into_owned(),
        }
    }
}

/// A folder that goes away, and the command run in it.
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Removes the folder at the end.
    _guard: Option<tempfile::TempDir>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pleat cli ünïcode ")
            .tempdir()
            .unwrap();
        Self {
            folder: folder.path().to_owned(),
            _guard: Some(folder),
        }
    }

    /// For what all tests of a binary share, which is never dropped: in the build folder, emptied now.
    pub(crate) fn shared() -> Self {
        // Test binaries may run at the same time.
        let name = concat!("pleat cli ünïcode ", env!("CARGO_CRATE_NAME"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            _guard: None,
        }
    }

    /// With the tiny model, its bundle, and twelve labelled samples.
    pub(crate) fn tiny() -> Self {
        Self::new().with_tiny()
    }

    /// Adds them.
    pub(crate) fn with_tiny(self) -> Self {
        let s = self;
        s.write("tiny.onnx", &onnx::tiny("Relu"));
        s.write("x.idx", &idx_images(12, 4));
        s.write("y.idx", &idx_labels(&[0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]));
        s.ok(&["import", "tiny.onnx", "--calib", "x.idx"]);
        s
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pleat"));
        command
            .args(args)
            .current_dir(&self.folder)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.command(args).output().unwrap().into()
    }

    /// Runs to success; its standard output.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let o = self.run(args);
        assert_eq!(o.code, Some(0), "{args:?}: {o:?}");
        o.out
    }

    /// Runs to success with `--json`; its one object, which has `keys`.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str], keys: &[&str]) -> Value {
        let object = one_object(&self.ok(&[args, &["--json"]].concat()));
        for key in keys {
            assert!(
                object.get(key).is_some(),
                "{args:?}: no '{key}' in {object}"
            );
        }
        object
    }

    /// Fails with `code` and one sentence that holds all of `says`, twice (with `--json` too), and
    /// leaves no file behind or changed.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, args: &[&str], says: &[&str]) {
        let before = self.files();
        let plain = self.run(args);
        assert_eq!(plain.code, Some(code), "{args:?}: {plain:?}");
        assert_eq!(plain.out, "", "{args:?}");
        check_sentence(args, &plain.err, says);
        let json = self.run(&[args, &["--json"]].concat());
        assert_eq!(json.code, Some(code), "{args:?}: {json:?}");
        let object = one_object(&json.out);
        assert_eq!(object["exit_code"], code, "{args:?}");
        assert!(!object["error"].as_str().unwrap().is_empty());
        if code == 1 {
            assert_eq!(object["valid"], false, "{args:?}");
        }
        assert_eq!(self.files(), before, "{args:?} left files behind");
    }

    /// Fails with `code` and one sentence that holds all of `says`: run once, for what takes seconds.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, args: &[&str], says: &[&str]) {
        let o = self.run(&[args, &["--json"]].concat());
        assert_eq!(o.code, Some(code), "{args:?}: {o:?}");
        check_sentence(args, &o.err, says);
        let object = one_object(&o.out);
        assert_eq!(object["exit_code"], code, "{args:?}");
        assert_eq!(object["valid"] == false, code == 1, "{args:?}");
    }

    /// All files and folders with their sizes.
    pub(crate) fn files(&self) -> BTreeSet<(PathBuf, u64)> {
        let mut found = BTreeSet::new();
        list(&self.folder, &mut found);
        found
    }
}

fn list(folder: &Path, found: &mut BTreeSet<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let is_dir = metadata.is_dir();
        // The sizes of folders are the file system's business.
        let size = if is_dir { 0 } else { metadata.len() };
        if is_dir {
            list(&path, found);
        }
        found.insert((path, size));
    }
}

/// What, where and what to do, said once and without the marks of a crash.
#[track_caller]
pub(crate) fn check_sentence(args: &[&str], err: &str, says: &[&str]) {
    for part in says {
        assert!(err.contains(part), "{args:?}: no '{part}' in: {err}");
    }
    for mark in ["panicked", "unwrap", "RUST_BACKTRACE", "Err("] {
        assert!(!err.contains(mark), "{args:?}: '{mark}' in: {err}");
    }
}

#[track_caller]
pub(crate) fn one_object(out: &str) -> Value {
    assert_eq!(out.trim_end().lines().count(), 1, "not one line: {out}");
    let value: Value = serde_json::from_str(out).unwrap();
    assert!(value.is_object(), "{value}");
    value
}

fn pixel(i: usize) -> u8 {
    (i * 37 % 251) as u8
}

pub(crate) fn idx_images(n: u32, side: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for d in [n, side, side] {
        bytes.extend(d.to_be_bytes());
    }
    bytes.extend((0..(n * side * side) as usize).map(pixel));
    bytes
}

pub(crate) fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend((labels.len() as u32).to_be_bytes());
    bytes.extend(labels);
    bytes
}

/// The same pixels as [`idx_images`].
pub(crate) fn npy_images(n: usize, side: usize) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, {side}, {side}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..n * side * side).map(pixel));
    bytes
}

/// The same pixels as [`idx_images`], as files `0000_LABEL.png`.
pub(crate) fn png_folder(folder: &Path, n: u32, side: u32) {
    std::fs::create_dir_all(folder).unwrap();
    for i in 0..n {
        let image = image::GrayImage::from_fn(side, side, |x, y| {
            image::Luma([pixel((i * side * side + y * side + x) as usize)])
        });
        image
            .save(folder.join(format!("{i:04}_{}.png", i % 3)))
            .unwrap();
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` as a stored (not compressed) archive with one member, as numpy writes `.npz`.
pub(crate) fn zip(member: &str, bytes: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let sizes = [crc.sum(), bytes.len() as u32, bytes.len() as u32];
    let common = |out: &mut Vec<u8>| {
        out.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
        sizes.iter().for_each(|n| out.extend(n.to_le_bytes()));
        out.extend((member.len() as u16).to_le_bytes());
        out.extend([0, 0]);
    };
    let mut out = b"PK\x03\x04".to_vec();
    common(&mut out);
    out.extend(member.as_bytes());
    out.extend(bytes);
    let directory = out.len();
    out.extend(b"PK\x01\x02\x14\x00");
    common(&mut out);
    out.extend([0; 14]);
    out.splice(out.len() - 4.., [0, 0, 0, 0]);
    out.extend(member.as_bytes());
    let size = (out.len() - directory) as u32;
    out.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    out.extend(size.to_le_bytes());
    out.extend((directory as u32).to_le_bytes());
    out.extend([0, 0]);
    out
}

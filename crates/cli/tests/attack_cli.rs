//! What the command must not do to its user.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

fn pleat(arguments: &[&str], cache: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pleat"))
        .arg("--cache")
        .arg(cache)
        .args(arguments)
        .output()
        .unwrap()
}

/// A bundle holds a salt that exists nowhere else.
#[test]
fn the_demonstration_overwrites_nothing() {
    for name in ["lenet5.pleat", "lenet5.registration", "digits.proof"] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        std::fs::write(&file, "precious").unwrap();
        let folder = dir.path().to_str().unwrap();
        let output = pleat(&["demo", "--output", folder, "--samples", "1"], dir.path());
        assert_eq!(std::fs::read(&file).unwrap(), b"precious", "{name}");
        assert!(!output.status.success());
    }
}

/// An hour of proving must not end with "no such folder".
#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_work() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lenet5");
    let path = |name: &str| examples.join(name).to_str().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("b.pleat").to_str().unwrap().to_owned();
    let (model, digits) = (path("lenet5.onnx"), path("digits-images-idx3-ubyte.gz"));
    let imported = pleat(
        &["import", &model, "--input-scale", "1/255", "-o", &bundle],
        dir.path(),
    );
    assert!(imported.status.success(), "{imported:?}");
    let proof = dir.path().join("missing/x.proof");
    let output = pleat(
        &[
            "prove",
            &bundle,
            "--data",
            &digits,
            "--statement",
            "outputs",
            "-o",
            proof.to_str().unwrap(),
        ],
        dir.path(),
    );
    let text = String::from_utf8(output.stderr).unwrap();
    // The cache has no key either, which is noticed later.
    assert!(
        text.contains("missing") && !text.contains("commitment key of"),
        "{text}"
    );
}

/// Names come from files of others; a terminal must not obey them.
#[test]
fn errors_hold_no_control_characters() {
    let dir = tempfile::tempdir().unwrap();
    let output = pleat(&["verify", "x\u{1b}[2J\nVALID\u{9b}\u{202e}"], dir.path());
    let text = String::from_utf8(output.stderr).unwrap();
    let bad = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!text.trim_end_matches('\n').contains(bad), "{text:?}");
    assert!(text.contains("VALID"));
}

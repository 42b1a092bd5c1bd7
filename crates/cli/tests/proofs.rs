//! Real proofs of a tiny network: what verifies, and everything that must not.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::LazyLock;

use serde_json::Value;
use support::{Scratch, TINY_POWER, check_sentence, idx_images, idx_labels, one_object};

const PROVE_KEYS: [&str; 7] = [
    "statement",
    "steps",
    "constraints_per_step",
    "fold_seconds",
    "compress_seconds",
    "peak_rss_bytes",
    "proof_bytes",
];
const VERIFY_KEYS: [&str; 3] = ["valid", "statement", "seconds"];
const DATA: [&str; 4] = ["--data", "x.idx", "--labels", "y.idx"];
const PART: [&str; 4] = ["--offset", "2", "--limit", "3"];

struct Proofs {
    s: Scratch,
    accuracy: Value,
    outputs: Value,
}

/// A proof of accuracy of samples 2, 3, 4 for context c0ffee, and one of the outputs of 0 and 1.
static PROOFS: LazyLock<Proofs> = LazyLock::new(|| {
    let s = Scratch::shared().with_tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    s.ok(&[
        "srs",
        "new",
        "--power",
        TINY_POWER,
        "--cache",
        "other cache",
    ]);
    s.write("sub folder ñ/empty", b"");
    let mut args = [
        &["prove", "tiny.pleat", "--context", "c0ffee"],
        &DATA[..],
        &PART,
    ]
    .concat();
    args.extend(["-o", "sub folder ñ/a.proof"]);
    let accuracy = s.json(&args, &PROVE_KEYS);
    let args = "prove tiny.pleat --data x.idx --limit 2 --statement outputs -o o.proof";
    let outputs = s.json(&args.split(' ').collect::<Vec<_>>(), &PROVE_KEYS);
    s.write("a.proof", &s.read("sub folder ñ/a.proof"));
    Proofs {
        s,
        accuracy,
        outputs,
    }
});

#[test]
fn a_proof_of_accuracy_verifies_against_everything_given() {
    let p = &*PROOFS;
    let statement = &p.accuracy["statement"];
    let id = statement["model_id"].as_str().unwrap();
    let mut args = vec![
        "verify",
        "sub folder ñ/a.proof",
        "--model-id",
        id,
        "--offset",
        "2",
    ];
    args.extend(DATA);
    args.extend(["--context", "0xC0FFEE"]);
    let r = p.s.json(&args, &VERIFY_KEYS);
    assert_eq!(r["valid"], true);
    assert_eq!(r["statement"], *statement);
    assert_eq!(
        (&r["data_checked"], &r["model_checked"]),
        (&true.into(), &true.into())
    );
    let run =
        p.s.json(&[&["run", "tiny.pleat"], &DATA[..], &PART].concat(), &[]);
    assert_eq!(statement["correct"], run["correct"]);
    assert_eq!(p.accuracy["steps"], 3);
    let size = p.s.read("a.proof").len();
    assert_eq!(p.accuracy["proof_bytes"], size);
    let args = ["inspect", "tiny.pleat", "--steps", "3"];
    let estimated = p.s.json(&args, &[]);
    assert_eq!(
        estimated["constraints_per_step"],
        p.accuracy["constraints_per_step"]
    );
    let bytes = estimated["estimate"]["proof_bytes"].as_f64().unwrap();
    assert!(
        (bytes / size as f64 - 1.0).abs() < 0.1,
        "{bytes} expected, {size} found"
    );
}

#[test]
fn proved_outputs_are_those_of_run() {
    let p = &*PROOFS;
    let run = p.s.json(
        &["run", "tiny.pleat", "--data", "x.idx", "--limit", "2"],
        &[],
    );
    assert_eq!(p.outputs["statement"]["outputs"], run["outputs"]);
    let r =
        p.s.json(&["verify", "o.proof", "--data", "x.idx"], &VERIFY_KEYS);
    assert_eq!(r["statement"]["outputs"], run["outputs"]);
    assert_eq!(r["data_checked"], true);
    assert_eq!(
        p.outputs["statement"]["model_id"],
        p.accuracy["statement"]["model_id"]
    );
}

#[cfg(unix)]
#[test]
fn a_proof_is_for_everybody() {
    use std::os::unix::fs::PermissionsExt;
    let mode = PROOFS
        .s
        .path("o.proof")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o444, 0o444);
}

#[test]
fn a_proof_of_something_else_is_invalid() {
    let p = &*PROOFS;
    let s = Scratch::new();
    let link = |name: &str| s.write(name, &p.s.read(name));
    for name in ["a.proof", "o.proof", "x.idx", "y.idx"] {
        link(name);
    }
    let cache = p.s.path("cache/pleat").display().to_string();
    let fails = |args: &[&str], says: &str| {
        let args = [&["verify", "--cache", &cache], args].concat();
        s.fails(1, &args, &["a.proof", "another", says]);
    };
    fails(&["a.proof", "--model-id", &"07".repeat(32)], "model");
    fails(&["a.proof", "--context", "c0ffed"], "context");
    fails(&["a.proof", "--context", ""], "context");
    fails(&[&["a.proof"], &DATA[..]].concat(), "data set");
    fails(
        &[&["a.proof", "--offset", "3"], &DATA[..]].concat(),
        "data set",
    );
    fails(
        &[&["a.proof", "--offset", "10"], &DATA[..]].concat(),
        "number of samples",
    );
    let mut other = idx_images(12, 4);
    other[16 + 3 * 16] ^= 1;
    s.write("other.idx", &other);
    let args = [
        "a.proof",
        "--offset",
        "2",
        "--data",
        "other.idx",
        "--labels",
        "y.idx",
    ];
    fails(&args, "data set");
    s.write(
        "other labels.idx",
        &idx_labels(&[0, 1, 2, 1, 1, 2, 0, 1, 2, 0, 1, 2]),
    );
    let args = [
        "a.proof",
        "--offset",
        "2",
        "--data",
        "x.idx",
        "--labels",
        "other labels.idx",
    ];
    fails(&args, "data set");
}

#[test]
fn what_cannot_be_decided_is_bad_input() {
    let p = &*PROOFS;
    let s = &p.s;
    let other = ["verify", "a.proof", "--cache", "other cache"];
    s.fails(
        3,
        &other,
        &["a.proof", "another commitment key", "import the key"],
    );
    s.fails(
        3,
        &["verify", "a.proof", "--cache", "none"],
        &["a new key cannot verify it", "srs import"],
    );
    s.fails(
        3,
        &["verify", "a.proof", "--data", "x.idx"],
        &["x.idx", "--labels"],
    );
    s.fails(
        3,
        &["verify", "none.proof"],
        &["none.proof", "check the path"],
    );
    s.fails(3, &["verify", "cache"], &["proof cache", "give a file"]);
    for (name, bytes) in [
        ("none", &b""[..]),
        (
            "text",
            b"no proof at all, but long enough to be one of something",
        ),
        ("short", b"PLEATPR"),
        ("bundle", &s.read("tiny.pleat")),
    ] {
        let t = Scratch::new();
        t.write(name, bytes);
        t.fails(
            3,
            &["verify", name],
            &[name, "not a proof file", "pleat prove"],
        );
    }
}

/// Bytes 0..8 say that this is a proof: without them it is not one (3). Any other is damage (1).
#[test]
fn every_damaged_byte_is_found() {
    let p = &*PROOFS;
    let good = p.s.read("a.proof");
    let n = good.len();
    let cache = p.s.path("cache/pleat").display().to_string();
    let s = Scratch::new();
    let check = |bytes: &[u8], what: String, intact_start: bool| {
        s.write("bad.proof", bytes);
        let args = ["verify", "bad.proof", "--json", "--cache", &cache];
        let o = s.run(&args);
        let code = if intact_start { 1 } else { 3 };
        assert_eq!(o.code, Some(code), "{what}: {o:?}");
        let object = one_object(&o.out);
        assert_eq!(object["exit_code"], code, "{what}");
        assert_eq!(object["valid"] == false, intact_start, "{what}");
        check_sentence(&args, &o.err, &["proof bad.proof"]);
    };
    for i in (0..64).chain((64..n - 40).step_by(97)).chain(n - 40..n) {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        check(&bytes, format!("byte {i}"), i >= 8);
    }
    for length in (0..n).step_by(487).chain(6..12).chain([n - 1, n - 32]) {
        check(&good[..length], format!("length {length}"), length >= 8);
    }
    check(&[&good[..], b"\0"].concat(), "a byte more".into(), true);
}

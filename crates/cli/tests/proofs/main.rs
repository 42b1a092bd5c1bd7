//! Real proofs of a tiny network: what verifies, and everything that must not.
#![allow(clippy::unwrap_used)]

mod registrations;
#[path = "../support/mod.rs"]
mod support;

use std::sync::LazyLock;

use pleat_compressor::Envelope;
use serde_json::Value;
use support::{
    Scratch, TINY_CLASS, TINY_POWER, check_sentence, idx_images, idx_labels, one_object,
};

const PROVE_KEYS: [&str; 9] = [
    "statement",
    "steps",
    "constraints_per_step",
    "fold_seconds",
    "compress_seconds",
    "peak_rss_bytes",
    "proof_bytes",
    "weights_cached",
    "weights_seconds",
];
const REGISTER_KEYS: [&str; 4] = ["model_id", "seconds", "peak_rss_bytes", "proof_bytes"];
const VERIFY_KEYS: [&str; 4] = ["valid", "statement", "parts", "seconds"];
pub(crate) const DATA: [&str; 4] = ["--data", "x.idx", "--labels", "y.idx"];
const PART: [&str; 4] = ["--offset", "2", "--limit", "3"];
const CLASS: [&str; 2] = ["--size-class", TINY_CLASS];
pub(crate) const REGISTERED: [&str; 2] = ["--registration", "tiny.registration"];

pub(crate) struct Proofs {
    pub(crate) s: Scratch,
    pub(crate) accuracy: Value,
    pub(crate) outputs: Value,
    pub(crate) registration: Value,
}

/// A proof of accuracy of samples 2, 3, 4 for context c0ffee, one of the outputs of 0 and 1, and the
/// registration of their model.
pub(crate) static PROOFS: LazyLock<Proofs> = LazyLock::new(|| {
    let s = Scratch::shared().with_tiny();
    // The smaller key has another secret: it must not be mixed with the larger one.
    for power in ["15", TINY_POWER] {
        s.ok(&["srs", "new", "--power", power]);
    }
    s.write("sub folder ñ/empty", b"");
    let mut args = [
        &["prove", "tiny.pleat", "--context", "c0ffee"],
        &DATA[..],
        &PART,
        &CLASS,
    ]
    .concat();
    args.extend(["-o", "sub folder ñ/a.proof"]);
    let accuracy = s.json(&args, &PROVE_KEYS);
    let args = "prove tiny.pleat --data x.idx --limit 2 --statement outputs --quiet -o o.proof";
    let args = [&args.split(' ').collect::<Vec<_>>()[..], &CLASS].concat();
    let outputs = s.run(&[&args[..], &["--json"]].concat());
    assert_eq!((outputs.code, &*outputs.err), (Some(0), ""));
    let register = ["register", "tiny.pleat", "-o", "tiny.registration"];
    let registration = s.json(&[&register[..], &CLASS].concat(), &REGISTER_KEYS);
    s.write("a.proof", &s.read("sub folder ñ/a.proof"));
    Proofs {
        s,
        accuracy,
        outputs: one_object(&outputs.out),
        registration,
    }
});

/// A folder of one's own with the files a verifier has.
pub(crate) fn verifier() -> (Scratch, String) {
    let p = &*PROOFS;
    let s = Scratch::new();
    for name in ["a.proof", "o.proof", "tiny.registration", "x.idx", "y.idx"] {
        s.write(name, &p.s.read(name));
    }
    (s, p.s.path("cache/pleat").display().to_string())
}

#[test]
fn a_proof_of_accuracy_verifies_against_everything_given() {
    let p = &*PROOFS;
    let statement = &p.accuracy["statement"];
    let id = statement["model_id"].as_str().unwrap();
    let mut args = vec!["verify", "sub folder ñ/a.proof", "--model-id", id];
    args.extend(["--context", "0xC0FFEE"]);
    args.extend(DATA);
    args.extend(REGISTERED);
    let r = p.s.json(&args, &VERIFY_KEYS);
    let again =
        p.s.json(&[&args[..], &["--offset", "2"]].concat(), &VERIFY_KEYS);
    assert_eq!(again["statement"], r["statement"]);
    let parts = serde_json::json!([{ "index": 0, "offset": 2, "samples": 3 }]);
    assert_eq!(r["parts"], parts);
    assert_eq!(r["valid"], true);
    assert_eq!(r["statement"], *statement);
    assert_eq!(r["model_checked"], true);
    assert_eq!(r["context_checked"], true);
    assert_eq!(r["data_range"], serde_json::json!([2, 5, 12]));
    assert!(r["srs_warning"].as_str().unwrap().contains("this machine"));
    let run =
        p.s.json(&[&["run", "tiny.pleat"], &DATA[..], &PART].concat(), &[]);
    assert_eq!(statement["correct"], run["correct"]);
    assert_eq!(p.accuracy["weights_cached"], false);
    assert_eq!(p.registration["model_id"], id);
    let size = p.s.read("a.proof").len();
    assert_eq!(p.accuracy["proof_bytes"], size);
}

#[test]
fn proved_outputs_are_those_of_run() {
    let p = &*PROOFS;
    let run = p.s.json(
        &["run", "tiny.pleat", "--data", "x.idx", "--limit", "2"],
        &[],
    );
    assert_eq!(p.outputs["statement"]["outputs"], run["outputs"]);
    assert_eq!(p.outputs["weights_cached"], true);
    let args = [&["verify", "o.proof", "--data", "x.idx"], &REGISTERED[..]].concat();
    let r = p.s.json(&args, &VERIFY_KEYS);
    assert_eq!(r["statement"]["outputs"], run["outputs"]);
    assert_eq!(r["model_checked"], false);
    assert_eq!(
        p.outputs["statement"]["model_id"],
        p.accuracy["statement"]["model_id"]
    );
    let text = p.s.ok(&["verify", "tiny.registration", "--quiet"]);
    assert!(text.starts_with("VALID\n"), "{text}");
}

const UNASKED: &str = "warning     the proof is bound to a context, which was not compared";

#[test]
fn a_context_that_was_not_compared_is_a_warning() {
    let p = &*PROOFS;
    let args = [&["verify", "a.proof"], &DATA[..], &REGISTERED].concat();
    let text = p.s.ok(&args);
    assert!(text.contains(UNASKED), "{text}");
    assert!(text.contains("--context HEX"), "{text}");
    let r = p.s.json(&args, &VERIFY_KEYS);
    assert_eq!(r["context_checked"], false);
    assert_eq!(r["statement"]["context"], "c0ffee");
    let text = p.s.ok(&[&args[..], &["--context", "c0ffee"]].concat());
    assert!(!text.contains(UNASKED), "{text}");
    assert!(text.contains("the context is the one you gave"), "{text}");
    // Without a context there is nothing to compare.
    let args = [&["verify", "o.proof", "--data", "x.idx"], &REGISTERED[..]].concat();
    let text = p.s.ok(&args);
    assert!(!text.contains(UNASKED), "{text}");
    assert!(!text.contains("the context is"), "{text}");
}

#[test]
fn inspect_says_how_many_steps_a_proof_has() {
    let p = &*PROOFS;
    for (proved, samples, kind) in [(&p.accuracy, "3", "accuracy"), (&p.outputs, "2", "outputs")] {
        let args = ["inspect", "tiny.pleat", "--samples", samples, "--statement"];
        let r = p.s.json(&[&args[..], &[kind], &CLASS].concat(), &[]);
        let estimate = &r["estimate"];
        assert_eq!(estimate["steps"], proved["steps"], "{kind}");
        assert!(estimate["power"].as_u64() >= proved["setup"]["power"].as_u64());
        let close = |expected: &Value, found: &Value| {
            let ratio = expected.as_f64().unwrap() / found.as_f64().unwrap();
            assert!((0.7..1.4).contains(&ratio), "{expected} for {found}");
        };
        close(&estimate["proof_bytes"], &proved["proof_bytes"]);
    }
}

#[cfg(unix)]
#[test]
fn a_proof_is_for_everybody_the_cache_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| {
        let metadata = PROOFS.s.path(name).metadata().unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("o.proof") & 0o444, 0o444);
    assert_eq!(mode("tiny.registration") & 0o444, 0o444);
    assert_eq!(mode("tiny.pleat.commitments"), 0o600);
}

#[test]
fn a_proof_of_something_else_is_invalid() {
    let (s, cache) = verifier();
    let verify = |args: &[&'static str]| {
        let mut all = vec!["verify".to_owned(), "--cache".into(), cache.clone()];
        all.extend(args.iter().map(|a| (*a).to_owned()));
        all.extend(REGISTERED.map(String::from));
        all
    };
    let fails = |args: &[&'static str], says: &[&str]| {
        let args = verify(args);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        s.fails(1, &args, says);
    };
    let refuses = |args: &[&'static str], says: &[&str]| {
        let args = verify(args);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        s.refuses(1, &args, says);
    };
    let at = ["a.proof", "--offset", "2"];
    let all = [&at[..], &DATA].concat();
    let other = "0707070707070707070707070707070707070707070707070707070707070707";
    fails(
        &[&all[..], &["--model-id", other]].concat(),
        &["a.proof", "it is about model", other],
    );
    for context in ["c0ffed", ""] {
        fails(
            &[&all[..], &["--context", context]].concat(),
            &["a.proof", "context 'c0ffee'"],
        );
    }
    for offset in ["0", "3", "10"] {
        let args = [&["a.proof", "--offset", offset], &DATA[..]].concat();
        fails(
            &args,
            &[
                "a.proof",
                "after 2 samples",
                &format!("not after --offset {offset}"),
            ],
        );
    }
    s.write("few.idx", &idx_images(4, 4));
    s.write("few labels.idx", &idx_labels(&[0, 1, 2, 0]));
    fails(
        &["a.proof", "--data", "few.idx", "--labels", "few labels.idx"],
        &["few.idx", "about samples 2 to 4", "these are 4 samples"],
    );
    let differs = ["a.proof", "it is about other data than"];
    let mut pixels = idx_images(12, 4);
    pixels[16 + 3 * 16] ^= 1;
    s.write("other.idx", &pixels);
    let labels = idx_labels(&[0, 1, 2, 1, 1, 2, 0, 1, 2, 0, 1, 2]);
    s.write("labels.idx", &labels);
    let of = |data, labels| [&at[..], &["--data", data, "--labels", labels]].concat();
    refuses(&of("other.idx", "y.idx"), &differs);
    refuses(&of("x.idx", "labels.idx"), &differs);
    // Changed and sealed again: the checksum is right, the proof is not.
    let lie = |name: &str, of: &str, change: &dyn Fn(&mut Envelope)| {
        let mut envelope = Envelope::from_bytes(&s.read(of)).unwrap();
        change(&mut envelope);
        s.write(name, &envelope.to_bytes().unwrap());
    };
    lie("count.proof", "a.proof", &|e| e.correct += 1);
    // Where the samples lie is a hint that the data settle.
    lie("place.proof", "a.proof", &|e| e.offset = 3);
    refuses(
        &[&["place.proof"], &DATA[..]].concat(),
        &["place.proof", differs[1]],
    );
    lie("context.proof", "a.proof", &|e| e.statement.context[0] ^= 1);
    lie("group.proof", "a.proof", &|e| e.statement.group_bits = 60);
    lie("fold.proof", "a.proof", &|e| {
        let middle = e.snark.len() / 2;
        e.snark[middle] ^= 1;
    });
    lie("short.proof", "a.proof", &|e| e.snark.truncate(100));
    for name in [
        "count.proof",
        "context.proof",
        "group.proof",
        "fold.proof",
        "short.proof",
    ] {
        let args = [&[name, "--offset", "2"], &DATA[..]].concat();
        refuses(&args, &[name]);
    }
    lie("value.proof", "o.proof", &|e| e.outputs[1][0][0] += 1);
    refuses(
        &["value.proof", "--data", "x.idx"],
        &["value.proof", "other outputs"],
    );
    lie("bad.registration", "tiny.registration", &|e| {
        let middle = e.snark.len() / 2;
        e.snark[middle] ^= 1;
    });
    let args = ["verify", "bad.registration", "--cache", &cache];
    s.refuses(1, &args, &["bad.registration"]);
}

#[test]
fn what_cannot_be_decided_is_bad_input() {
    let (s, cache) = verifier();
    let cached = ["--cache", &cache];
    let base = [
        &["verify", "a.proof", "--offset", "2"],
        &REGISTERED[..],
        &DATA,
    ]
    .concat();
    let with = |args: &[&'static str]| [&base[..], args].concat();
    s.ok(&[
        "srs",
        "new",
        "--power",
        TINY_POWER,
        "--cache",
        "other cache",
    ]);
    s.fails(
        3,
        &with(&["--cache", "other cache"]),
        &[
            "a.proof",
            "not here",
            "import the ceremony's file",
            "a new key cannot verify it",
        ],
    );
    s.fails(
        3,
        &with(&["--cache", "none"]),
        &["a.proof", "srs import", "a new key cannot verify it"],
    );
    let short =
        |args: &[&'static str]| [&["verify", "a.proof"], &REGISTERED[..], args, &cached].concat();
    s.fails(3, &short(&["--data", "x.idx"]), &["x.idx", "--labels"]);
    s.fails(3, &short(&[]), &["a.proof", "--data DATA --labels LABELS"]);
    s.fails(
        3,
        &short(&["--data", "gone.idx"]),
        &["gone.idx", "check the path"],
    );
    s.fails(
        3,
        &["verify", "none.proof"],
        &["none.proof", "check the path"],
    );
    s.fails(
        3,
        &["verify", "other cache"],
        &["proof other cache", "give a file"],
    );
    for (name, bytes) in [
        ("none", &b""[..]),
        (
            "text",
            b"no proof at all, but long enough to be one of something",
        ),
        ("short", b"PLEATPR"),
        ("bundle", &PROOFS.s.read("tiny.pleat")),
    ] {
        s.write(name, bytes);
        s.fails(
            3,
            &["verify", name],
            &[name, "not a valid proof file", "another kind of file"],
        );
    }
}

/// Bytes 0..8 say that this is a proof: without them it is not one (3). Any other is damage (1).
#[test]
fn every_damaged_byte_is_found() {
    let (s, cache) = verifier();
    let good = s.read("a.proof");
    let n = good.len();
    let check = |bytes: &[u8], what: String, intact_start: bool| {
        s.write("bad.proof", bytes);
        let mut args = vec!["verify", "bad.proof", "--json", "--cache", &cache];
        args.extend(REGISTERED);
        args.extend(DATA);
        let o = s.run(&args);
        let code = if intact_start { 1 } else { 3 };
        assert_eq!(o.code, Some(code), "{what}: {o:?}");
        let object = one_object(&o.out);
        assert_eq!(object["exit_code"], code, "{what}");
        assert_eq!(object["valid"] == false, intact_start, "{what}");
        check_sentence(&args, &o.err, &["proof bad.proof"]);
    };
    for i in (0..32)
        .chain((32..n - 40).step_by(n / 150))
        .chain(n - 40..n)
    {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        check(&bytes, format!("byte {i}"), i >= 8);
    }
    let lengths = (0..n).step_by(n / 30);
    for length in lengths.chain(6..12).chain([43, 44, n - 1, n - 32]) {
        check(&good[..length], format!("length {length}"), length >= 8);
    }
    check(&[&good[..], b"\0"].concat(), "a byte more".into(), true);
}

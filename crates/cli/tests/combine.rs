//! Proofs of two shards of some data, as one: what it says, and everything that is refused.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::LazyLock;

use pleat_compressor::{Combined, Envelope};
use serde_json::{Value, json};
use support::{Scratch, TINY_CLASS, TINY_POWER, idx_images, idx_labels, one_object, onnx};

/// Samples of a data vector of the model in its class.
const VECTOR: u64 = 16;
const SAMPLES: u32 = 24;
const DATA: [&str; 4] = ["--data", "x.idx", "--labels", "y.idx"];
const REGISTERED: [&str; 2] = ["--registration", "wide.registration"];
const CLASS: [&str; 2] = ["--size-class", TINY_CLASS];

struct Proofs {
    s: Scratch,
    /// The statement of one proof of all samples.
    single: Value,
    /// What `combine` said of the shards.
    combined: Value,
}

fn combine(proofs: &[&'static str]) -> Vec<&'static str> {
    let given = [&REGISTERED[..], &DATA, &["-o", "new.proof"]].concat();
    [&["combine"], proofs, &given].concat()
}

/// `a.proof`, `b.proof`, both as `whole.proof`, and `single.proof`.
static PROOFS: LazyLock<Proofs> = LazyLock::new(|| {
    let s = Scratch::shared();
    s.write("wide.onnx", &onnx::wide());
    s.write("x.idx", &idx_images(SAMPLES, 32));
    let labels: Vec<u8> = (0..SAMPLES as u8).map(|i| i % 3).collect();
    s.write("y.idx", &idx_labels(&labels));
    s.ok(&["import", "wide.onnx", "--calib", "x.idx"]);
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    let register = ["register", "wide.pleat", "-o", "wide.registration"];
    s.ok(&[&register[..], &CLASS].concat());
    let prove = |part: &[&str], output: &str| {
        let args = ["prove", "wide.pleat", "--context", "c0ffee", "-o", output];
        s.json(&[&args[..], &DATA, &REGISTERED, part].concat(), &[])
    };
    prove(&["--shard", "0/2"], "a.proof");
    prove(&["--shard", "1/2"], "b.proof");
    let single = prove(&[], "single.proof")["statement"].clone();
    let mut args = combine(&["a.proof", "b.proof"]);
    args.pop();
    args.extend(["whole.proof", "--json", "--quiet"]);
    let combined = one_object(&s.ok(&args));
    Proofs {
        s,
        single,
        combined,
    }
});

/// A folder of one's own with all files.
fn files() -> (Scratch, String) {
    let p = &*PROOFS;
    let s = Scratch::new();
    for name in [
        "a.proof",
        "b.proof",
        "whole.proof",
        "wide.registration",
        "x.idx",
        "y.idx",
    ] {
        s.write(name, &p.s.read(name));
    }
    (s, p.s.path("cache/pleat").display().to_string())
}

/// A proof that says something else of itself; nothing is computed before it is refused.
fn lie(s: &Scratch, name: &str, of: &str, change: impl Fn(&mut Envelope)) {
    let mut envelope = Envelope::from_bytes(&s.read(of)).unwrap();
    change(&mut envelope);
    s.write(name, &envelope.to_bytes().unwrap());
}

#[test]
fn two_shards_say_what_one_proof_says() {
    let p = &*PROOFS;
    assert_eq!(p.combined["statement"], p.single);
    assert_eq!(p.combined["statement"]["samples"], SAMPLES);
    let parts = json!([
        { "index": 0, "offset": 0, "samples": VECTOR },
        { "index": 1, "offset": VECTOR, "samples": u64::from(SAMPLES) - VECTOR },
    ]);
    let size = p.s.read("whole.proof").len();
    assert_eq!(p.combined["proof_bytes"], size);
    let mut args = vec!["verify", "whole.proof", "--context", "c0ffee"];
    args.extend(["--model-id", p.single["model_id"].as_str().unwrap()]);
    args.extend([&DATA[..], &REGISTERED].concat());
    let verified = p.s.json(&args, &["seconds", "verifying_key_id"]);
    for r in [&p.combined, &verified] {
        assert_eq!(r["valid"], true);
        assert_eq!(r["statement"], p.single);
        assert_eq!(r["parts"], parts);
        assert_eq!(r["data_range"], json!([0, SAMPLES, SAMPLES]));
    }
    // The plan that drivers read is the one that was proved.
    let samples = SAMPLES.to_string();
    let args = [
        "inspect",
        "wide.pleat",
        "--samples",
        &samples,
        "--shards",
        "2",
    ];
    let plan = p.s.json(&[&args[..], &CLASS].concat(), &[]);
    assert_eq!(plan["samples_per_vector"], VECTOR);
    assert_eq!(plan["shards"], parts);
}

#[test]
fn a_combined_proof_is_a_part_like_its_own() {
    let p = &*PROOFS;
    let (s, cache) = files();
    let text = s.ok(&[&combine(&["whole.proof"])[..], &["--cache", &cache]].concat());
    assert!(
        text.contains("VALID") && text.contains("parts       2 proofs"),
        "{text}"
    );
    assert_eq!(s.read("new.proof"), p.s.read("whole.proof"));
    // Of a part of the data, too: the offsets begin where it does.
    let args = combine(&["b.proof"]);
    let args = [&args[..], &["--offset", "16", "--force", "--cache", &cache]].concat();
    let part = s.json(&args, &[]);
    assert_eq!(part["data_range"], json!([16, 24, 24]));
}

#[test]
fn shards_in_another_order_or_number_are_named() {
    let (s, cache) = files();
    let refused = |args: Vec<&str>, says: &[&str]| {
        s.fails(3, &[&args[..], &["--cache", &cache]].concat(), says);
    };
    refused(
        combine(&["b.proof", "a.proof"]),
        &["b.proof: it begins at sample 16, but sample 0 is next; give proof a.proof before it"],
    );
    refused(
        combine(&["b.proof"]),
        &[
            "b.proof: it begins at sample 16, but sample 0 is next",
            "samples 0 to 15: make it with --offset 0 --limit 16",
        ],
    );
    refused(
        combine(&["a.proof"]),
        &[
            "a.proof: it ends before sample 16",
            "samples 16 to 23: make it with --offset 16 --limit 8",
        ],
    );
    lie(&s, "later.proof", "b.proof", |e| {
        e.offset = 18;
        e.statement.samples = 6;
    });
    refused(
        combine(&["a.proof", "later.proof"]),
        &[
            "later.proof: it begins at sample 18, but sample 16 is next",
            "samples 16 to 17",
        ],
    );
    lie(&s, "earlier.proof", "b.proof", |e| {
        e.offset = 12;
        e.statement.samples = 12;
    });
    refused(
        combine(&["a.proof", "earlier.proof"]),
        &["earlier.proof: it begins at sample 12, but proof a.proof is about that sample too"],
    );
    lie(&s, "longer.proof", "b.proof", |e| e.statement.samples = 9);
    refused(
        combine(&["a.proof", "longer.proof"]),
        &["longer.proof: it is about samples 16 to 24, the last one wanted of the data is 23"],
    );
    refused(
        [combine(&["a.proof", "b.proof"]), vec!["--offset", "8"]].concat(),
        &["a.proof: it begins at sample 0, before the first one wanted, 8"],
    );
    refused(
        [combine(&["a.proof", "b.proof"]), vec!["--limit", "20"]].concat(),
        &["b.proof: it is about samples 16 to 23, the last one wanted of the data is 19"],
    );
    refused(
        combine(&["a.proof", "a.proof"]),
        &["a.proof: it is given twice"],
    );
    s.write("copy.proof", &s.read("a.proof"));
    refused(
        combine(&["a.proof", "copy.proof", "b.proof"]),
        &["copy.proof: it begins at sample 0, but proof a.proof is about that sample too"],
    );
    refused(
        combine(&["whole.proof", "b.proof"]),
        &[
            "b.proof: it begins at sample 16, but proof whole.proof, part 2 of 2 is about that sample too",
        ],
    );
    // Neither cuts a data vector, said by the proofs themselves.
    lie(&s, "ragged.proof", "a.proof", |e| e.statement.samples = 15);
    lie(&s, "rest.proof", "b.proof", |e| {
        e.offset = 15;
        e.statement.samples = 9;
    });
    refused(
        combine(&["ragged.proof", "rest.proof"]),
        &[
            "ragged.proof: its 15 samples do not fill data vectors of 16",
            "--shard",
        ],
    );
}

#[test]
fn shards_of_something_else_are_named() {
    let (s, cache) = files();
    let refused = |code, args: Vec<&str>, says: &[&str]| {
        s.fails(code, &[&args[..], &["--cache", &cache]].concat(), says);
    };
    for (name, code, change, says) in [
        (
            "context.proof",
            3,
            (|e| e.statement.context[0] ^= 1) as fn(&mut Envelope),
            "its context is 'c1ffee', that of the first part 'c0ffee'",
        ),
        (
            "kind.proof",
            3,
            |e| {
                e.statement.kind = pleat_argument::program::Kind::Outputs;
                e.correct = 0;
            },
            "its kind is a proof about outputs, that of the first part a proof about accuracy",
        ),
        (
            "model.proof",
            1,
            |e| e.statement.model[0] ^= 1,
            "registration wide.registration: it is about model",
        ),
        (
            "class.proof",
            3,
            |e| {
                e.origin.class[0] = 14;
                e.statement.row_bits = 14;
            },
            "made for size class 2^13 and form Spartan, the proof for 2^14",
        ),
        (
            "key.proof",
            3,
            |e| e.origin.key[0] ^= 1,
            "made with another commitment key than the proof",
        ),
        (
            "circuit.proof",
            3,
            |e| e.origin.parameters[0] ^= 1,
            "its final argument is Spartan, parameters",
        ),
        (
            "labels.proof",
            3,
            |e| e.statement.labelled = false,
            "its kind of labels is none, that of the first part part of it",
        ),
    ] {
        lie(&s, name, "b.proof", change);
        let args = ["combine", "a.proof", name, "-o", "new.proof"];
        let args = [&args[..], &REGISTERED, &DATA].concat();
        refused(code, args, &[&format!("proof {name}: "), says]);
    }
}

#[test]
fn other_files_are_named() {
    let (s, cache) = files();
    let refused = |code, args: Vec<&str>, says: &[&str]| {
        s.fails(code, &[&args[..], &["--cache", &cache]].concat(), says);
    };
    refused(
        3,
        combine(&["a.proof", "wide.registration"]),
        &[
            "proof wide.registration: it is a registration",
            "--registration",
        ],
    );
    refused(
        3,
        combine(&["a.proof", "x.idx"]),
        &["proof x.idx", "another kind of file"],
    );
    refused(
        3,
        combine(&["none.proof"]),
        &["proof none.proof", "check the path"],
    );
    let args = ["combine", "a.proof", "b.proof", "-o", "a.proof"];
    let args = [&args[..], &REGISTERED, &DATA].concat();
    refused(3, args, &["output a.proof", "it is an input"]);
    let swapped = [
        "combine",
        "a.proof",
        "-o",
        "new.proof",
        "--registration",
        "b.proof",
    ];
    refused(3, [&swapped[..], &DATA].concat(), &["registers no model"]);
    for args in [
        &["combine", "-o", "new.proof"][..],
        &["combine", "a.proof", "--data", "x.idx", "-o", "new.proof"],
        &[
            "prove", "b.pleat", "--data", "x.idx", "-o", "o", "--shard", "2/2",
        ],
        &[
            "prove", "b.pleat", "--data", "x.idx", "-o", "o", "--shard", "0/2", "--limit", "3",
        ],
        &[
            "prove", "b.pleat", "--data", "x.idx", "-o", "o", "--shard", "0/2", "--offset", "0",
        ],
    ] {
        assert_eq!(s.run(args).code, Some(2), "{args:?}");
    }
    let p = &PROOFS.s;
    let args = ["prove", "wide.pleat", "-o", "c.proof", "--shard", "0/3"];
    p.fails(
        3,
        &[&args[..], &DATA, &REGISTERED].concat(),
        &[
            "data x.idx: 24 samples fill 2 data vectors of 16",
            "at most 2",
        ],
    );
    let args = ["inspect", "wide.pleat", "--samples", "24", "--shards", "3"];
    p.fails(3, &[&args[..], &CLASS].concat(), &["too few for 3 shards"]);
}

#[test]
fn shards_of_other_data_are_named() {
    let (s, cache) = files();
    let mut pixels = s.read("x.idx");
    *pixels.last_mut().unwrap() ^= 1;
    s.write("x.idx", &pixels);
    let args = [&combine(&["a.proof", "b.proof"])[..], &["--cache", &cache]].concat();
    let says = "it is about other data than x.idx";
    s.refuses(1, &args, &["proof b.proof: ", says]);
    assert!(!s.path("new.proof").exists());
    let mut args = vec!["verify", "whole.proof", "--cache", &cache];
    args.extend([&DATA[..], &REGISTERED].concat());
    s.refuses(1, &args, &["proof whole.proof, part 2 of 2: ", says]);
    // One that is as long, at another place: said by no part, but seen.
    let first = Envelope::from_bytes(&s.read("a.proof")).unwrap();
    let mut moved = first.clone();
    moved.offset = VECTOR;
    let twice = Combined::new(vec![first, moved]).unwrap();
    s.write("twice.proof", &twice.to_bytes().unwrap());
    s.write("x.idx", &idx_images(2 * VECTOR as u32, 32));
    s.write("y.idx", &idx_labels(&[0; 2 * VECTOR as usize]));
    args[1] = "twice.proof";
    s.refuses(1, &args, &["proof twice.proof, part ", says]);
}

/// Bytes 0..8 say that these are proofs: without them it is another file (3). Any other is damage (1).
#[test]
fn damaged_bytes_are_found() {
    let (s, cache) = files();
    let good = s.read("whole.proof");
    let n = good.len();
    let given = [&DATA[..], &REGISTERED, &["--cache", &cache]].concat();
    let check = |bytes: &[u8], intact_start: bool| {
        s.write("bad.proof", bytes);
        let args = [&["verify", "bad.proof"], &given[..]].concat();
        s.refuses(
            if intact_start { 1 } else { 3 },
            &args,
            &["proof bad.proof"],
        );
    };
    for i in (0..16).chain((16..n - 40).step_by(n / 60)).chain(n - 4..n) {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        check(&bytes, i >= 8);
    }
    for length in (0..n).step_by(n / 10).chain([7, 8, 12, 44, n - 1]) {
        check(&good[..length], length >= 8);
    }
    check(&[&good[..], b"\0"].concat(), true);
}

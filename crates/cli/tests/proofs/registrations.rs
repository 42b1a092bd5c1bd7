//! What a registration must be, and what is refused before any work.

use pleat_compressor::Envelope;

use crate::support::TINY_CLASS;
use crate::{DATA, PROOFS, REGISTERED, verifier};

/// Whoever names data asks for a proof about them: the public registration in its place proves nothing of the kind.
#[test]
fn a_registration_is_no_proof_about_data() {
    let p = &*PROOFS;
    let (s, cache) = verifier();
    let id = p.registration["model_id"].as_str().unwrap();
    s.write("claimed.proof", &s.read("tiny.registration"));
    let says = [
        "claimed.proof",
        "it is a registration",
        "no proof about data",
    ];
    for given in [
        [&["--model-id", id][..], &REGISTERED, &DATA].concat(),
        REGISTERED.to_vec(),
        DATA.to_vec(),
    ] {
        let args = [&["verify", "claimed.proof", "--cache", &cache], &given[..]].concat();
        s.fails(1, &args, &says);
    }
}

#[test]
fn the_registration_must_be_the_model_s() {
    let p = &*PROOFS;
    let (s, cache) = verifier();
    s.write("tiny.onnx", &p.s.read("tiny.onnx"));
    s.ok(&["import", "tiny.onnx", "--calib", "x.idx"]);
    let cached = ["--cache", &cache];
    let register = |class, out| {
        let args = ["register", "tiny.pleat", "--size-class", class, "-o", out];
        s.ok(&[&args[..], &cached].concat());
    };
    register(TINY_CLASS, "other.registration");
    register("14", "larger.registration");
    let prove = [
        &["prove", "tiny.pleat", "-o", "b.proof"],
        &DATA[..],
        &cached,
    ]
    .concat();
    s.fails(
        3,
        &[&prove[..], &["--registration", "a.proof"]].concat(),
        &["registration a.proof", "it registers no model"],
    );
    let verify = [&["verify", "a.proof", "--offset", "2"], &DATA[..], &cached].concat();
    let with = |name| [&verify[..], &["--registration", name]].concat();
    s.fails(
        1,
        &with("other.registration"),
        &["registration other.registration", "it is about model"],
    );
    s.fails(
        3,
        &with("larger.registration"),
        &["made for size class 2^14", "the proof for 2^13"],
    );
    s.fails(
        3,
        &with("o.proof"),
        &["registration o.proof", "registers no model"],
    );
    s.fails(
        3,
        &with("x.idx"),
        &["registration x.idx", "another kind of file"],
    );
    s.fails(3, &with("none"), &["registration none", "check the path"]);
    s.fails(
        3,
        &verify,
        &["a.proof", "--registration FILE", "pleat register"],
    );
    let good = s.read("tiny.registration");
    for (at, length) in [(9, good.len()), (good.len() / 2, good.len()), (12, 40)] {
        let mut bad = good[..length].to_vec();
        bad[at] ^= 1;
        s.write("bad.registration", &bad);
        s.fails(1, &with("bad.registration"), &["bad.registration", "; "]);
    }
}

/// What `verify` says of an honest proof with a changed registration, sealed again.
fn with_registration(code: i32, says: &[&str], change: impl Fn(&mut Envelope)) {
    let (s, cache) = verifier();
    let mut envelope = Envelope::from_bytes(&s.read("tiny.registration")).unwrap();
    change(&mut envelope);
    s.write("bad.registration", &envelope.to_bytes().unwrap());
    let args = ["verify", "a.proof", "--offset", "2", "--cache", &cache];
    let registration = ["--registration", "bad.registration"];
    let args = [&args[..], &DATA, &registration].concat();
    let says = [&["registration bad.registration"][..], says].concat();
    s.refuses(code, &args, &says);
}

#[test]
fn a_registration_that_proves_nothing() {
    with_registration(1, &["not valid"], |e| {
        e.folded.closing.blind += pleat_folding::Scalar::one();
    });
}

#[test]
fn a_registration_of_another_form() {
    with_registration(
        3,
        &["form MicroSpartan", "the proof for 2^13 and Spartan"],
        |e| {
            e.origin.form = pleat_folding::Form::MicroSpartan;
        },
    );
}

#[test]
fn a_registration_with_another_commitment_key() {
    with_registration(3, &["made with another commitment key"], |e| {
        e.origin.key[0] ^= 1;
    });
}

/// The id is a hash of the architecture: one of both lies.
#[test]
fn a_registration_of_another_architecture() {
    with_registration(1, &["it has another architecture than the proof"], |e| {
        e.network.input.resize = Some([3, 3]);
    });
}

/// What `verify` says of files one of which has no groups, without a commitment key: it needs none to refuse them.
fn without_keys(changed: &str, args: &[&str]) {
    let (s, _) = verifier();
    let args = [&["verify"], args, &["--cache", "none"]].concat();
    s.fails(3, &args, &["srs import"]);
    let mut envelope = Envelope::from_bytes(&s.read(changed)).unwrap();
    envelope.folded.groups.clear();
    s.write(changed, &envelope.to_bytes().unwrap());
    let says = [changed, "its number of groups is not that of its samples"];
    s.fails(1, &args, &says);
}

#[test]
fn a_registration_without_groups() {
    without_keys("tiny.registration", &["tiny.registration"]);
}

#[test]
fn a_proof_without_groups() {
    let args = [&["a.proof"], &DATA[..], &REGISTERED].concat();
    without_keys("a.proof", &args);
}

#[test]
fn a_proof_with_a_registration_without_groups() {
    let args = [&["a.proof"], &DATA[..], &REGISTERED].concat();
    without_keys("tiny.registration", &args);
}

/// Alone, too, a registration is compared with what is expected.
#[test]
fn a_registration_of_another_model() {
    let (s, cache) = verifier();
    let other = "07".repeat(32);
    let args = [
        "verify",
        "tiny.registration",
        "--cache",
        &cache,
        "--model-id",
        &other,
    ];
    s.fails(
        1,
        &args,
        &["tiny.registration", "it is about model", &other],
    );
}

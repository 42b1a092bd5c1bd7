//! Files of a few hundred bytes that ask a verifier for much: each ends within 10 seconds of a processor and 200 MB,
//! with a sentence that says what is wrong.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../argument/tests/support/extravagant.rs"]
mod extravagant;
#[path = "../../argument/tests/support/measure.rs"]
mod measure;
mod support;

use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pleat_argument::commitment::scalar_id;
use pleat_argument::layout::data_layout;
use pleat_argument::program::Kind;
use pleat_argument::statement::{architecture_bytes, model_id, to_bytes};
use pleat_compressor::{Combined, Envelope, Statement};
use pleat_model::network::Network;
use support::{Outcome, Scratch, TINY_CLASS, TINY_POWER, check_sentence};

const SECONDS: u64 = 10;
const KILOBYTES: u64 = 200_000;

/// A registration, from which all others are made: its points are points, and its proof of the fold is one in form.
static HONEST: LazyLock<Scratch> = LazyLock::new(|| {
    let s = Scratch::shared().with_tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    let register = "register tiny.pleat -o tiny.registration --size-class";
    let mut args: Vec<&str> = register.split(' ').collect();
    args.push(TINY_CLASS);
    s.ok(&args);
    s
});

fn honest() -> Envelope {
    Envelope::from_bytes(&HONEST.read("tiny.registration")).unwrap()
}

/// The registration of another network, in a size class that the key is large enough for.
fn registration(network: Network, row_bits: u32) -> Envelope {
    let mut e = honest();
    let key = scalar_id(&e.origin.key);
    let id = model_id(&network, row_bits, &key, &e.folded.weights).unwrap();
    e.origin.class[0] = u64::from(row_bits);
    e.statement = Statement::of_model(row_bits, to_bytes(&id));
    let coordinate = e.folded.point[0];
    e.folded.point.resize(row_bits as usize + 2, coordinate);
    e.network = network;
    e
}

/// The `part`th of several proofs about the model of a registration.
fn proof(registration: &Envelope, part: u64) -> Envelope {
    let mut e = registration.clone();
    let network = &e.network;
    let (layout, _) = data_layout(network, true, e.statement.row_bits).unwrap();
    e.statement.kind = Kind::Accuracy;
    e.statement.labelled = true;
    e.statement.group_bits = layout.samples_bits();
    e.statement.samples = 1 << layout.samples_bits();
    e.statement.visibility = pleat_argument::statement::Visibility::Public;
    e.offset = part * e.statement.samples;
    e.folded.data = vec![e.folded.weights[0]];
    let multiplier = e.folded.multipliers[0];
    e.folded.multipliers.resize(64, multiplier);
    e
}

/// What a command did, its time on all processors, and its largest resident set in kB.
fn watched(args: &[&str]) -> (Outcome, Duration, u64) {
    // Addresses that threads reserve are not filled: the limit only keeps the machine from harm.
    let plain = HONEST.command(args);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command.current_dir(plain.get_current_dir().unwrap());
    let begin = Instant::now();
    let mut child = command.spawn().unwrap();
    let id = child.id().to_string();
    let (mut peak, mut time) = (0, Duration::ZERO);
    loop {
        // The largest so far, so that a peak between two looks counts.
        peak = peak.max(measure::peak(&id).unwrap_or_default());
        time = time.max(measure::processor(&id).unwrap_or_default());
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if begin.elapsed() > Duration::from_secs(6 * SECONDS) {
            child.kill().unwrap();
            panic!("{args:?} takes longer than {:?}", begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    (child.wait_with_output().unwrap().into(), time, peak)
}

/// Refused in time, in little memory, with one sentence.
#[track_caller]
fn refused(name: &str, args: &[&str], says: &[&str]) {
    let (outcome, time, peak) = watched(args);
    println!(
        "{name}: {time:.2?}, {peak} kB, exit code {:?}: {}",
        outcome.code,
        outcome.err.lines().last().unwrap_or_default()
    );
    assert!(matches!(outcome.code, Some(1 | 3)), "{name}: {outcome:?}");
    check_sentence(args, &outcome.err, says);
    assert!(time < Duration::from_secs(SECONDS), "{name}: {time:?}");
    assert!(peak > 0 && peak <= KILOBYTES, "{name}: {peak} kB");
}

#[test]
fn registrations_of_extravagant_networks_are_refused_soon() {
    for name in extravagant::CASES {
        let (network, row_bits) = extravagant::case(name);
        let bytes = architecture_bytes(&network).unwrap().len();
        let own = registration(network, row_bits).to_bytes().unwrap();
        println!(
            "{name}: an architecture of {bytes} bytes, a file of {}",
            own.len()
        );
        HONEST.write("hostile.registration", &own);
        refused(name, &["verify", "hostile.registration"], &[]);
    }
}

#[test]
fn proofs_of_extravagant_networks_are_refused_soon() {
    let verify = |registration: &str| {
        let args = "verify hostile.proof --data x.npy --labels y.npy --registration";
        let mut args: Vec<String> = args.split(' ').map(String::from).collect();
        args.push(registration.into());
        args
    };
    let parts = 20;
    let row_bits = TINY_CLASS.parse().unwrap();
    for name in ["dropped", "one_of_many", "picks"] {
        let (network, _) = extravagant::case(name);
        let registered = registration(network.clone(), row_bits);
        HONEST.write("own.registration", &registered.to_bytes().unwrap());
        let mut foreign = registered.clone();
        foreign.statement.model = honest().statement.model;
        let samples = parts
            << data_layout(&network, true, row_bits)
                .unwrap()
                .0
                .samples_bits();
        HONEST.write("x.npy", &npy(samples, &format!("({samples}, 1)")));
        HONEST.write("y.npy", &npy(samples, &format!("({samples},)")));
        // Of a model that its owner registered, and in the name of an honest one; alone, and many as one statement.
        for (registration, of) in [
            ("own.registration", &registered),
            ("tiny.registration", &foreign),
        ] {
            let args = verify(registration);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            // Of one sample, so that its rows are in no way of the rest.
            let mut one = proof(of, 0);
            (one.statement.samples, one.statement.group_bits) = (1, 0);
            HONEST.write("hostile.proof", &one.to_bytes().unwrap());
            refused(&format!("{name}, {registration}"), &args, &[]);
            let all = (0..parts).map(|part| proof(of, part)).collect();
            let combined = Combined::new(all).unwrap().to_bytes().unwrap();
            HONEST.write("hostile.proof", &combined);
            refused(
                &format!("{name}, {registration}, {parts} parts"),
                &args,
                &[],
            );
        }
    }
}

/// An array of zeros, one a sample.
fn npy(samples: u64, shape: &str) -> Vec<u8> {
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + samples as usize, 0);
    bytes
}

/// What a statement implies about the lengths in a file is compared before anything is computed.
#[test]
fn claims_without_commitments_are_refused_at_once() {
    type Lie = fn(&mut Envelope);
    let lies: [(&str, &str, Lie); 5] = [
        ("samples", "these are", |e| {
            e.statement.samples = 1 << 40;
            e.statement.group_bits = 0;
        }),
        ("groups", "number of groups", |e| {
            let group = e.folded.groups[0].clone();
            e.folded.groups.resize(1000, group);
        }),
        ("a group", "number of groups", |e| {
            e.statement.group_bits = 63
        }),
        ("multipliers", "fewer multipliers", |e| {
            e.folded.multipliers.truncate(1);
        }),
        ("coordinates", "number of coordinates", |e| {
            e.folded.point.pop();
        }),
    ];
    let (network, _) = extravagant::case("one_of_many");
    let row_bits = TINY_CLASS.parse().unwrap();
    let registered = registration(network, row_bits);
    HONEST.write("lie.registration", &registered.to_bytes().unwrap());
    let honest = proof(&registered, 0);
    let samples = honest.statement.samples;
    HONEST.write("lie.npy", &npy(samples, &format!("({samples}, 1)")));
    HONEST.write("lies.npy", &npy(samples, &format!("({samples},)")));
    let args = "verify lie.proof --registration lie.registration --data lie.npy --labels lies.npy";
    let args: Vec<&str> = args.split(' ').collect();
    for (name, says, lie) in lies {
        let mut own = honest.clone();
        lie(&mut own);
        HONEST.write("lie.proof", &own.to_bytes().unwrap());
        let (outcome, time, _) = watched(&args);
        assert_eq!(outcome.code, Some(1), "{name}: {outcome:?}");
        assert!(outcome.err.contains(says), "{name}: {}", outcome.err);
        assert!(time < Duration::from_secs(1), "{name}: {time:?}");
    }
}

//! Interrupted proofs: what is kept, what goes on, what is refused.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{
    Outcome, Scratch, TINY_CLASS, TINY_POWER, check_sentence, idx_images, idx_labels, one_object,
};

/// Enough for several groups in several data vectors.
const SAMPLES: u32 = 2500;
const PROVE: [&str; 13] = [
    "prove",
    "tiny.pleat",
    "--data",
    "many.idx",
    "--labels",
    "labels.idx",
    "--size-class",
    TINY_CLASS,
    "--checkpoint-every",
    "1",
    "--resume",
    "-o",
    "p.proof",
];
const CHECKPOINT: &str = "p.proof.checkpoint";
const LEFTOVER: &str = ".pleat-p.proof.checkpoint-x0Yz19.tmp";

fn start(s: &Scratch) -> Child {
    let log = std::fs::File::create(s.path("log")).unwrap();
    let mut command = s.command(&[&PROVE[..], &["--json"]].concat());
    command.stdout(Stdio::piped()).stderr(log).spawn().unwrap()
}

/// Waits for a file that is another than before.
fn wait_for(child: &mut Child, path: &Path, before: Option<std::time::SystemTime>) {
    let start = Instant::now();
    while modified(path) == before || !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|m| m.modified()).ok()
}

fn kill(child: Child, signal: &str) -> Outcome {
    let id = child.id().to_string();
    let mut command = Command::new("kill");
    assert!(command.args([signal, &id]).status().unwrap().success());
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_proof_survives_signals() {
    use std::os::unix::fs::PermissionsExt;
    let s = Scratch::tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    s.write("many.idx", &idx_images(SAMPLES, 4));
    let labels: Vec<u8> = (0..SAMPLES).map(|i| (i % 3) as u8).collect();
    s.write("labels.idx", &idx_labels(&labels));
    let checkpoint = s.path(CHECKPOINT);

    // Asked to stop: a checkpoint, a sentence, exit code 4.
    let mut child = start(&s);
    wait_for(&mut child, &checkpoint, None);
    let stopped = kill(child, "-TERM");
    let log = String::from_utf8(s.read("log")).unwrap();
    assert_eq!(stopped.code, Some(4), "{log}");
    check_sentence(&PROVE, &log, &["interrupted", CHECKPOINT, "--resume"]);
    assert_eq!(one_object(&stopped.out)["exit_code"], 4);
    assert!(!s.path("p.proof").exists());
    let mode = checkpoint.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a checkpoint is secret");

    // What is not the same proof is refused, and the checkpoint stays.
    let kept = s.read(CHECKPOINT);
    let without =
        |flag: &str| -> Vec<&str> { PROVE.iter().copied().filter(|a| *a != flag).collect() };
    s.refuses(3, &without("--resume"), &[CHECKPOINT, "give --resume"]);
    let mut others = labels.clone();
    others[6] = 2 - others[6];
    s.write("labels.idx", &idx_labels(&others));
    s.refuses(3, &PROVE, &[CHECKPOINT, "labels are not what they were"]);
    s.write("labels.idx", &idx_labels(&labels));
    let with = |more: &[&'static str]| [&PROVE[..], more].concat();
    s.refuses(
        3,
        &with(&["--limit", "2400"]),
        &["another number of samples"],
    );
    s.refuses(3, &with(&["--context", "00"]), &["another context"]);
    let truncated = &kept[..kept.len() / 2];
    s.write(CHECKPOINT, truncated);
    s.refuses(3, &PROVE, &[CHECKPOINT, "checksum"]);
    assert_eq!(s.read(CHECKPOINT), truncated);
    s.write(CHECKPOINT, &kept);

    // Killed without warning: what was kept goes on, leftovers of a write go away.
    let before = modified(&checkpoint);
    let mut child = start(&s);
    wait_for(&mut child, &checkpoint, before);
    assert_eq!(kill(child, "-KILL").code, None);
    s.write(LEFTOVER, b"half a secret");
    let result = s.json(&PROVE, &["statement", "spent"]);
    assert!(
        !checkpoint.exists(),
        "the checkpoint of a finished proof is removed"
    );
    assert!(!s.path(LEFTOVER).exists());

    // The same statement as without interruption.
    let run = [
        "run",
        "tiny.pleat",
        "--data",
        "many.idx",
        "--labels",
        "labels.idx",
    ];
    let run = s.json(&run, &["correct"]);
    assert_eq!(result["statement"]["correct"], run["correct"]);
    assert_eq!(result["statement"]["samples"], SAMPLES);
    s.ok(&[
        "register",
        "tiny.pleat",
        "--size-class",
        TINY_CLASS,
        "-o",
        "r",
    ]);
    s.ok(&[
        "verify",
        "p.proof",
        "--registration",
        "r",
        "--data",
        "many.idx",
        "--labels",
        "labels.idx",
    ]);
}

/// A limit on the size of files is like a full disk: the kernel's signal must not end the proof.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_beyond_the_limit_of_files() {
    let s = Scratch::tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    s.write("many.idx", &idx_images(SAMPLES, 4));
    s.write("labels.idx", &idx_labels(&[1; SAMPLES as usize]));
    // Blocks of 512 bytes or of 1,024: more than the proof has, less than a checkpoint.
    let limited = "ulimit -f 256 && exec \"$0\" \"$@\"";
    let whole = s.command(&PROVE);
    let mut shell = Command::new("sh");
    shell.args(["-c", limited]).arg(whole.get_program());
    shell.args(PROVE).current_dir(s.path(""));
    for (name, value) in whole.get_envs() {
        shell.env(name, value.unwrap());
    }
    let o: Outcome = shell.output().unwrap().into();
    assert_eq!(o.code, Some(0), "{o:?}");
    check_sentence(
        &PROVE,
        &o.err,
        &["no checkpoint could be written", "the proof goes on"],
    );
    assert!(s.path("p.proof").exists());
}

//! Full disks, signals (4), and outputs that cannot or must not be written.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{DIGITS, LENET, Scratch, TINY_CLASS, TINY_POWER, check_sentence, one_object};

/// A file system of 64 kB, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(folder: PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&folder);
        match mount.output() {
            Ok(o) if o.status.success() => Some(Self(folder)),
            other => {
                eprintln!("SKIPPED, NOT TESTED: no file system can be mounted here: {other:?}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk() {
    let s = Scratch::tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    let Some(_mount) = Mount::new(s.path("small"), "size=64k") else {
        return;
    };
    let full = ["small", "free some space"];
    let room = |n: usize| std::fs::write(s.path("small/filler"), vec![1; n]);
    room(4096 * 12).unwrap();
    s.fails(
        4,
        &[
            "import",
            LENET,
            "--input-scale",
            "1/255",
            "--calib",
            DIGITS,
            "-o",
            "small/l.pleat",
        ],
        &full,
    );
    std::fs::create_dir(s.path("small/srs")).unwrap();
    s.fails(
        4,
        &["srs", "new", "--power", "12", "--cache", "small"],
        &full,
    );
    room(4096 * 14).unwrap();
    let register = ["register", "tiny.pleat", "--size-class", TINY_CLASS, "-o"];
    s.fails(
        4,
        &[&register[..], &["small/r"]].concat(),
        &[
            "small/r",
            "of disk",
            "free in small",
            "free some space",
            "--force",
        ],
    );
    let before = s.files();
    let args = [
        "prove",
        "tiny.pleat",
        "--data",
        "x.idx",
        "--limit",
        "1",
        "--statement",
        "outputs",
        "--size-class",
        TINY_CLASS,
        // The check of room before the work would refuse it.
        "--force",
        "-o",
        "small/p.proof",
    ];
    let o = s.run(&args);
    assert_eq!((o.code, o.out.as_str()), (Some(4), ""), "{o:?}");
    check_sentence(&args, &o.err, &full);
    // Commitments to the weights are whole, and good for the next time.
    let after = s.files();
    let made: Vec<_> = after.difference(&before).map(|(p, _)| p).collect();
    assert_eq!(
        made,
        [&s.path("small"), &s.path("tiny.pleat.commitments")][1..]
    );
    // Checkpoints may go elsewhere than the proof.
    let args = args.map(|arg| match arg {
        "--force" => "--checkpoint=small/c",
        "small/p.proof" => "p.proof",
        other => other,
    });
    s.fails(4, &args, &["small/c", "for two of them", "free in small"]);
}

/// Starts, waits for `said` on standard error (or a while), signals, and expects a clean end.
fn interrupt(s: &Scratch, args: &[&str], said: &str, signal: &str) {
    let before = s.files();
    let log = std::fs::File::create(s.path("log")).unwrap();
    let mut child = s
        .command(args)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(200));
        if String::from_utf8_lossy(&s.read("log")).contains(said) {
            break;
        }
    }
    assert!(
        child.try_wait().unwrap().is_none(),
        "{args:?} is done already"
    );
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
    let o = child.wait_with_output().unwrap();
    let err = String::from_utf8(s.read("log")).unwrap();
    assert_eq!(o.status.code(), Some(4), "{args:?} {signal}: {err}");
    check_sentence(args, &err, &["interrupted", "unchanged"]);
    match args.contains(&"--json") {
        true => assert_eq!(
            one_object(&String::from_utf8(o.stdout).unwrap())["exit_code"],
            4
        ),
        false => assert!(o.stdout.is_empty()),
    }
    std::fs::remove_file(s.path("log")).unwrap();
    let after = s.files();
    let made: Vec<_> = after.difference(&before).collect();
    assert!(made.is_empty(), "{args:?} {signal}: {made:?}");
}

#[test]
fn interrupted() {
    let s = Scratch::tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    // A second key, so that the keys of a class are put together in a temporary folder.
    s.ok(&["srs", "new", "--power", "15"]);
    s.write("old.proof", b"old");
    s.write("demo/srs/empty", b"");
    let class = ["--size-class", TINY_CLASS, "--force", "-o", "old.proof"];
    let prove = [
        &["prove", "tiny.pleat", "--data", "x.idx", "--json"][..],
        &["--statement", "outputs"],
        &class[..],
    ]
    .concat();
    let register = [&["register", "tiny.pleat"], &class[..]].concat();
    // Commitments to the weights stay, so they are there before.
    let cached = [&register[..5], &["--quiet", "-o", "r"]].concat();
    assert_eq!(s.ok(&cached).lines().next().unwrap()[..10], *"registered");
    for signal in ["-INT", "-TERM"] {
        interrupt(&s, &prove, "writing out", signal);
        interrupt(&s, &prove, "compressing", signal);
        interrupt(&s, &register, "this machine", signal);
        interrupt(&s, &["srs", "new", "--power", "21"], "", signal);
        interrupt(&s, &["demo", "--cache", "demo"], "2. key", signal);
    }
    assert_eq!(s.read("old.proof"), b"old");
}

/// Outputs are looked at first: with inputs that do not exist, only the output is complained about.
#[test]
fn outputs_that_must_not_be_written() {
    let s = Scratch::tiny();
    s.write("there", b"old");
    std::os::unix::fs::symlink("nowhere", s.path("dangling")).unwrap();
    std::fs::create_dir(s.path("folder")).unwrap();
    let prove = |out| vec!["prove", "gone.pleat", "--data", "gone", "-o", out];
    let import = |out| vec!["import", "gone.onnx", "-o", out];
    let register = |out| vec!["register", "gone.pleat", "-o", out];
    for (out, says) in [
        ("there", &["there", "exists already", "--force"][..]),
        ("dangling", &["exists already"]),
        ("folder", &["is a folder", "name a file"]),
        ("folder/", &["is a folder"]),
        ("no/where", &["no folder no", "make it"]),
        ("there/x", &["no folder there"]),
        ("..", &["is a folder"]),
    ] {
        s.fails(3, &prove(out), says);
        s.fails(3, &import(out), says);
        s.fails(3, &register(out), says);
    }
    let own = "it is an input of this command";
    let args = ["prove", "tiny.pleat", "--data", "x.idx", "--force", "-o"];
    for out in ["tiny.pleat", "./x.idx", "folder/../tiny.pleat"] {
        s.fails(3, &[&args[..], &[out]].concat(), &[own, "another name"]);
    }
    s.fails(
        3,
        &["register", "tiny.pleat", "--force", "-o", "tiny.pleat"],
        &[own],
    );
    s.fails(
        3,
        &["import", "tiny.onnx", "--force", "-o", "tiny.onnx"],
        &[own],
    );
    s.fails(
        3,
        &["import", "tiny.onnx"],
        &["tiny.pleat", "exists already", "--force"],
    );
    s.ok(&["import", "tiny.onnx", "--force", "-o", "there"]);
    assert_ne!(s.read("there"), b"old");
    for name in ["digits.proof", "lenet5.registration", "lenet5.pleat"] {
        s.write(&format!("{name} demo/{name}"), b"old");
        s.fails(
            3,
            &["demo", "-o", &format!("{name} demo")],
            &[name, "exists already", "--force"],
        );
    }
}

/// A file is written under a longer temporary name first, and a checkpoint's name is longer still.
#[test]
fn names_too_long_to_be_written() {
    let s = Scratch::tiny();
    let long = "x".repeat(245);
    let says = [&long[..], "too long", "shorter name"];
    s.fails(3, &["import", "tiny.onnx", "-o", &long], &says);
    s.fails(3, &["register", "gone.pleat", "-o", &long], &says);
    let prove = ["prove", "gone.pleat", "--data", "gone"];
    s.fails(3, &[&prove[..], &["-o", &long]].concat(), &says);
    let long = "x".repeat(230);
    let says = [
        &format!("{long}.checkpoint")[..],
        "too long",
        "shorter name",
    ];
    s.fails(3, &[&prove[..], &["-o", &long]].concat(), &says);
    // What fits is no problem.
    let short = [&prove[..], &["-o", &long, "--checkpoint", "c"]].concat();
    s.fails(3, &short, &["gone.pleat"]);
}

/// The finished proof would be removed as its own checkpoint.
#[test]
fn the_checkpoint_is_not_the_output() {
    let s = Scratch::tiny();
    std::fs::create_dir(s.path("folder")).unwrap();
    std::os::unix::fs::symlink("folder", s.path("link")).unwrap();
    let own = "it is the output; choose another name";
    for (out, checkpoint) in [
        ("p", "p"),
        ("p", "./p"),
        ("p", "folder/../p"),
        ("folder/p", "link/p"),
    ] {
        let args = ["prove", "gone.pleat", "--data", "gone", "-o", out];
        let args = [&args[..], &["--checkpoint", checkpoint, "--force"]].concat();
        s.fails(3, &args, &["checkpoint", own]);
    }
}

/// Bundles are mounted so in containers.
#[test]
fn a_bundle_in_a_folder_that_cannot_be_written() {
    let s = Scratch::tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    let Some(_mount) = Mount::new(s.path("fixed"), "size=64k") else {
        return;
    };
    std::fs::copy(s.path("tiny.pleat"), s.path("fixed/tiny.pleat")).unwrap();
    let mut remount = Command::new("mount");
    let remount = remount.args(["-o", "remount,ro"]).arg(s.path("fixed"));
    assert!(remount.status().unwrap().success());
    let register = ["register", "fixed/tiny.pleat", "--size-class", TINY_CLASS];
    let o = s.run(&[&register[..], &["-o", "r"]].concat());
    assert_eq!(o.code, Some(0), "{o:?}");
    let says = ["fixed/tiny.pleat.commitments", "computed again"];
    check_sentence(&register, &o.err, &says);
}

#[test]
fn a_folder_that_cannot_be_written() {
    let s = Scratch::tiny();
    let Some(_mount) = Mount::new(s.path("fixed"), "ro,size=64k") else {
        return;
    };
    let says = ["fixed", "choose a folder that can be written"];
    let out = ["-o", "fixed/out"];
    s.fails(4, &[&["import", "gone.onnx"][..], &out].concat(), &says);
    s.fails(
        4,
        &[&["prove", "gone.pleat", "--data", "gone"][..], &out].concat(),
        &says,
    );
    s.fails(
        4,
        &["srs", "new", "--power", "4", "--cache", "fixed"],
        &says,
    );
    assert!(
        Path::new(&s.path("fixed"))
            .read_dir()
            .unwrap()
            .next()
            .is_none()
    );
}

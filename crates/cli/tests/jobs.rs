//! What batch jobs rely on: events, the log, quiet, and the check of memory before the work.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Outcome, Scratch, idx_images, idx_labels, one_object};

/// Every line of standard error as an event with its fields; they begin with "start" and end with one
/// "done" or "error".
#[track_caller]
fn events(o: &Outcome) -> Vec<Value> {
    let events: Vec<Value> = o
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in: {line}")))
        .collect();
    let mut last = 0.0;
    for (i, event) in events.iter().enumerate() {
        let elapsed = event["elapsed_seconds"].as_f64().unwrap();
        assert!((last..600.0).contains(&elapsed), "{event}");
        last = elapsed;
        let name = event["event"].as_str().unwrap();
        let fields: &[&str] = match name {
            "start" => &["version", "pid", "arguments"],
            "progress" => &[
                "phase",
                "step",
                "steps",
                "rate",
                "remaining_seconds",
                "rss_bytes",
            ],
            "note" => &["text"],
            "done" => &["exit_code"],
            "error" => &["text", "exit_code"],
            _ => panic!("unknown event {event}"),
        };
        let mut keys: Vec<&str> = event
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = [fields, &["event", "elapsed_seconds"]].concat();
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected, "{event}");
        assert_eq!(name == "start", i == 0, "{event}");
        let ends = name == "done" || name == "error";
        assert_eq!(ends, i + 1 == events.len(), "{event}");
    }
    let code = events.last().unwrap()["exit_code"].as_i64();
    assert_eq!(code, o.code.map(i64::from), "{o:?}");
    events
}

/// The progress events of each phase, which counts up from 0 to its end, not more than ten a second.
#[track_caller]
fn phases(events: &[Value]) -> BTreeMap<String, u64> {
    let mut phases: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for event in events.iter().filter(|e| e["event"] == "progress") {
        let phase = event["phase"].as_str().unwrap().to_owned();
        phases.entry(phase).or_default().push(event);
    }
    let number = |event: &Value, key: &str| event[key].as_f64().unwrap();
    let check = |(phase, events): (String, Vec<&Value>)| {
        let (first, last) = (events[0], events[events.len() - 1]);
        assert_eq!(first["step"], 0, "{phase}");
        assert!(first["remaining_seconds"].is_null() && first["rate"] == 0.0);
        assert_eq!(last["step"], last["steps"], "{phase}");
        assert_eq!(last["remaining_seconds"], 0.0, "{phase}");
        assert!(number(last, "rate") > 0.0, "{phase}");
        let seconds = number(last, "elapsed_seconds") - number(first, "elapsed_seconds");
        assert!(events.len() as f64 <= 3.0 + 10.0 * seconds, "{phase}");
        assert!(events.is_sorted_by(|a, b| number(a, "step") < number(b, "step")));
        if cfg!(target_os = "linux") {
            assert!(events.iter().all(|e| number(e, "rss_bytes") > 1e6));
        }
        (phase, last["steps"].as_u64().unwrap())
    };
    phases.into_iter().map(check).collect()
}

const N: u32 = 20_000;

/// With a model and data that are quick to run and not done at once.
fn many() -> Scratch {
    let s = Scratch::tiny();
    s.write("many.idx", &idx_images(N, 4));
    s.write("many-labels.idx", &idx_labels(&vec![1; N as usize]));
    s
}

#[test]
fn progress_as_events() {
    let s = many();
    let o = s.run(&[
        "--progress",
        "json",
        "import",
        "tiny.onnx",
        "--calib",
        "many.idx",
        "--labels",
        "many-labels.idx",
        "-o",
        "other.pleat",
    ]);
    assert_eq!(o.code, Some(0), "{o:?}");
    assert!(o.out.starts_with("bundle "), "{o:?}");
    let all = events(&o);
    let expected = [
        ("calibrating", 1),
        ("comparing with the float network", u64::from(N)),
    ];
    assert_eq!(
        phases(&all),
        expected.map(|(p, n)| (p.to_owned(), n)).into()
    );
    assert_eq!(all[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(all[0]["arguments"][2], "import");
    let pixels = |e: &Value| e["text"].as_str().is_some_and(|t| t.contains("as stored"));
    assert!(all.iter().any(|e| e["event"] == "note" && pixels(e)));
    // The option may stand behind the verb too, and goes with --json.
    let args = ["run", "tiny.pleat", "--data", "many.idx"];
    let o = s.run(&[&args[..], &["--progress=json", "--json"]].concat());
    assert_eq!(one_object(&o.out)["samples"], N);
    assert_eq!(
        phases(&events(&o)),
        [("samples".to_owned(), u64::from(N))].into()
    );
}

#[test]
fn errors_as_events() {
    let s = Scratch::tiny();
    let says = |args: &[&str], code: i32, text: &str| {
        let o = s.run(args);
        assert_eq!(o.code, Some(code), "{args:?}: {o:?}");
        let all: Vec<Value> = o
            .err
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        let last = all.last().unwrap();
        assert_eq!(last["event"], "error", "{o:?}");
        assert_eq!(last["exit_code"], code, "{o:?}");
        assert!(last["text"].as_str().unwrap().contains(text), "{o:?}");
        o
    };
    let gone = ["run", "gone.pleat", "--data", "x.idx", "--progress", "json"];
    events(&says(&gone, 3, "bundle gone.pleat"));
    let o = says(&[&gone[..], &["--quiet"]].concat(), 3, "bundle gone.pleat");
    assert_eq!(o.err.lines().count(), 1, "{o:?}");
    let o = says(&[&gone[..], &["--json"]].concat(), 3, "bundle gone.pleat");
    assert_eq!(one_object(&o.out)["exit_code"], 3);
    // Wrong usage is found before the options are known.
    says(&["frobnicate", "--progress", "json"], 2, "frobnicate");
    let o = says(&["frobnicate", "--progress=json", "--json"], 2, "frob");
    assert_eq!(one_object(&o.out)["exit_code"], 2);
    s.fails(
        2,
        &["srs", "info", "--progress", "loud"],
        &["possible values"],
    );
}

#[cfg(unix)]
#[test]
fn an_interruption_as_an_event() {
    use std::io::{BufRead, BufReader, Read};
    let s = Scratch::new();
    let mut child = s
        .command(&["srs", "new", "--power", "21", "--progress", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut err = String::new();
    reader.read_line(&mut err).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let id = child.id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-TERM", &id]).status().unwrap().success());
    reader.read_to_string(&mut err).unwrap();
    let mut o = Outcome::from(child.wait_with_output().unwrap());
    o.err = err;
    let all = events(&o);
    assert_eq!(o.code, Some(4), "{o:?}");
    let text = all.last().unwrap()["text"].as_str().unwrap();
    assert!(text.contains("interrupted"), "{o:?}");
}

#[test]
fn quiet_and_no_progress() {
    let s = Scratch::tiny();
    let import = |options: &[&str]| {
        let args = ["import", "tiny.onnx", "--force", "-o", "other.pleat"];
        let o = s.run(&[&args[..], options].concat());
        assert_eq!(o.code, Some(0), "{o:?}");
        o.err
    };
    let notes = import(&[]);
    assert!(
        notes.contains("no --calib") && !notes.contains("calibrating"),
        "{notes}"
    );
    assert_eq!(import(&["--progress", "none"]), notes);
    assert_eq!(import(&["--progress", "plain"]), notes);
    for quiet in ["--quiet", "-q"] {
        assert_eq!(import(&[quiet]), "");
        assert_eq!(import(&[quiet, "--progress", "plain"]), "");
        assert_eq!(import(&[quiet, "--progress", "json"]), "");
    }
    let o = s.run(&["run", "gone.pleat", "--data", "x.idx", "-q"]);
    assert!(o.err.starts_with("pleat: bundle gone.pleat"), "{o:?}");
}

#[test]
fn the_log() {
    let s = Scratch::tiny();
    let log = ["--log", "job ü.log"];
    let import = ["import", "tiny.onnx", "-o", "other.pleat", "-q"];
    s.ok(&[&import[..], &log].concat());
    let first = s.read("job ü.log");
    let o = s.run(&[&["run", "gone\n.pleat", "--data", "x.idx"][..], &log].concat());
    assert_eq!(o.code, Some(3), "{o:?}");
    let text = String::from_utf8(s.read("job ü.log")).unwrap();
    assert!(text.as_bytes().starts_with(&first), "{text}");
    let mut names = vec![];
    for line in text.lines() {
        let [time, name, rest] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        assert_eq!(&time[10..11], "T", "{line}");
        names.push(name);
        let says = match names.len() {
            1 => "import tiny.onnx -o other.pleat -q --log job ü.log",
            2 => "as stored",
            3 => "no --calib",
            4 => "calibrating: 1 of 1",
            5 => "exit code 0",
            6 => "run gone\\u{a}.pleat",
            _ => "exit code 3: bundle gone\\u{a}.pleat",
        };
        assert!(rest.contains(says), "no '{says}' in: {line}");
    }
    let expected = [
        "start", "note", "note", "progress", "done", "start", "error",
    ];
    assert_eq!(names, expected, "{text}");
}

#[test]
fn logs_that_cannot_be_written() {
    let s = Scratch::tiny();
    std::fs::create_dir(s.path("folder")).unwrap();
    let before = s.read("tiny.pleat");
    for (log, says) in [
        ("no/where.log", &["check the path"][..]),
        ("folder", &["give a file"]),
        ("tiny.pleat", &["no text file", "another name"]),
        ("x.idx", &["no text file"]),
    ] {
        let place = format!("log {log}: ");
        let says = [says, &[place.as_str()]].concat();
        s.fails(3, &["srs", "info", "--log", log], &says);
    }
    assert_eq!(s.read("tiny.pleat"), before);
    events(&s.run(&["srs", "info", "--log", "folder", "--progress", "json"]));
}

/// Runs under limits of `ulimit`.
#[cfg(target_os = "linux")]
fn limited(s: &Scratch, limit: &str, args: &[&str]) -> Outcome {
    let whole = s.command(args);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(whole.get_program())
        .args(args)
        .current_dir(whole.get_current_dir().unwrap());
    for (name, value) in whole.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell.output().unwrap().into()
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_memory_is_refused_unless_forced() {
    let s = Scratch::tiny();
    let args = [
        "register",
        "tiny.pleat",
        "--size-class",
        support::TINY_CLASS,
        "-o",
        "r",
    ];
    // Without a key nothing expensive comes after the check.
    let no_key = |o: &Outcome| {
        assert_eq!(o.code, Some(3), "{o:?}");
        assert!(o.err.contains("pleat srs new"), "{o:?}");
    };
    let o = s.run(&args);
    no_key(&o);
    assert!(!o.err.contains("--force"), "{o:?}");
    // The first would do if threads reserved no addresses.
    for (limit, place) in [("-v 600000", "ulimit -v"), ("-d 300000", "ulimit -d")] {
        let o = limited(&s, limit, &args);
        assert_eq!(o.code, Some(4), "{o:?}");
        let says = [
            "size class 2^13 needs about",
            " are free",
            place,
            "--size-class",
            "--force",
        ];
        support::check_sentence(&args, &o.err, &says);
        assert!(!s.path("r").exists());
        let o = limited(&s, limit, &[&args[..], &["--force"]].concat());
        no_key(&o);
        assert!(o.err.contains("ignored because of --force"), "{o:?}");
    }
}

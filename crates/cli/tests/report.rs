//! Pages about proofs: their figures, what they refuse, and how a browser reads them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::process::Command;
use std::sync::LazyLock;

use pleat_argument::program::Kind;
use pleat_compressor::Envelope;
use pleat_model::bundle::Bundle;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use support::{Scratch, TINY_CLASS, TINY_POWER, one_object};

const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u{202e}\u{61c}";
const REGISTERED: [&str; 2] = ["--registration", "tiny.registration"];
const DATA: [&str; 4] = ["--data", "x.idx", "--labels", "y.idx"];

/// A proof of five outputs with the prover's result, its registration, and a claim of accuracy about the same
/// samples that nobody has proved.
static PROOFS: LazyLock<Scratch> = LazyLock::new(|| {
    let s = Scratch::shared().with_tiny();
    s.ok(&["srs", "new", "--power", TINY_POWER]);
    let class = ["--size-class", TINY_CLASS];
    let register = ["register", "tiny.pleat", "-o", "tiny.registration"];
    s.ok(&[&register[..], &class].concat());
    let prove = "prove tiny.pleat --data x.idx --limit 5 --statement outputs --context c0ffee -o o.proof --json";
    let run = s.ok(&[&prove.split(' ').collect::<Vec<_>>()[..], &class].concat());
    s.write("o.json", run.as_bytes());
    let run = s.json(
        &[&["run", "tiny.pleat", "--limit", "5"], &DATA[..]].concat(),
        &[],
    );
    change(&s, "o.proof", "a.proof", |e| {
        e.statement.kind = Kind::Accuracy;
        e.statement.labelled = true;
        e.outputs.clear();
        e.correct = run["correct"].as_u64().unwrap();
    });
    s
});

/// Changed and sealed again: the checksum is right, the proof is not.
fn change(s: &Scratch, from: &str, to: &str, change: impl FnOnce(&mut Envelope)) {
    let mut envelope = Envelope::from_bytes(&s.read(from)).unwrap();
    change(&mut envelope);
    s.write(to, &envelope.to_bytes().unwrap());
}

/// A folder of one's own with all files, and the folder of keys.
fn files() -> (Scratch, String) {
    let s = Scratch::new();
    for name in "o.proof a.proof o.json tiny.registration tiny.pleat x.idx y.idx".split(' ') {
        s.write(name, &PROOFS.read(name));
    }
    (s, PROOFS.path("cache/pleat").display().to_string())
}

/// Makes a page; its text, and what `--json` printed.
#[track_caller]
fn page(s: &Scratch, args: &[&str]) -> (String, Value) {
    let fixed = ["report", "-o", "page.html"];
    let printed = s.json(&[&fixed[..], args].concat(), &["made", "proofs"]);
    (String::from_utf8(s.read("page.html")).unwrap(), printed)
}

fn select<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    let selector = Selector::parse(selector).unwrap();
    html.select(&selector).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

/// The figures in a page's JSON, after every visible one was found to be the same.
#[track_caller]
fn figures(html: &str) -> Value {
    let html = Html::parse_document(html);
    let scripts = select(&html, "script");
    assert_eq!(scripts.len(), 1, "one script, and it is no program");
    assert_eq!(scripts[0].attr("type"), Some("application/json"));
    let json: Value = serde_json::from_str(&text(scripts[0])).unwrap();
    let visible = select(&html, "[data-figure]");
    assert!(visible.len() > 40, "{} figures", visible.len());
    for element in visible {
        let pointer = element.attr("data-figure").unwrap();
        let figure = json.pointer(pointer);
        let figure = figure.unwrap_or_else(|| panic!("{pointer} is not in the JSON"));
        same(pointer, &text(element), figure);
    }
    json
}

/// Texts are equal; numbers are, as far as the page rounds them.
#[track_caller]
fn same(pointer: &str, shown: &str, figure: &Value) {
    let Some(expected) = figure.as_f64() else {
        assert_eq!(Some(shown), figure.as_str(), "{pointer}");
        return;
    };
    let (number, unit) = shown.split_once(' ').unwrap_or((shown, ""));
    let unit = match unit {
        "" | "s" | "bytes" => 1.0,
        "%" => 0.01,
        "MB" => 1e6,
        "GB" => 1e9,
        other => panic!("{pointer}: unit '{other}' of '{shown}'"),
    };
    let digits = number.split_once('.').map_or(0, |(_, d)| d.len());
    let rounding = match figure.is_u64() && unit == 1.0 {
        true => 0.0,
        false => 0.501 * unit * 0.1f64.powi(digits as i32),
    };
    let found: f64 = number.replace(',', "").parse().unwrap();
    let difference = (found * unit - expected).abs();
    assert!(difference <= rounding, "{pointer}: {shown} for {figure}");
}

#[test]
fn a_verified_page_says_what_was_proved() {
    let (s, cache) = files();
    let args = ["o.proof", "--run", "o.json", "--cache", &cache];
    let (html, printed) = page(&s, &[&args[..], &DATA, &REGISTERED].concat());
    let json = figures(&html);
    assert_eq!(json, printed);
    let p = &json["proofs"][0];
    let run = one_object(&String::from_utf8(s.read("o.json")).unwrap());
    assert_eq!(p["verdict"]["verified"], true);
    assert!(html.contains("VALID"));
    // Nobody asked for its context here, and the page says so where it says what was not checked.
    let unchecked = p["verdict"]["unchecked"].as_array().unwrap();
    let says = |text: &Value| text.as_str().unwrap().contains("was not compared");
    assert_eq!(unchecked.iter().filter(|text| says(text)).count(), 1);
    for key in ["model_id", "data_id", "samples", "context"] {
        assert_eq!(p["claim"][key], run["statement"][key], "{key}");
    }
    assert_eq!(p["bytes"], run["proof_bytes"]);
    assert_eq!(p["timing"]["steps"], run["steps"]);
    assert_eq!(p["timing"]["peak_rss_bytes"], run["peak_rss_bytes"]);
    assert_eq!(p["timing"]["fold_seconds"], run["spent"]["fold_seconds"]);
    assert_eq!(p["timing"]["setup_seconds"], run["setup"]["seconds"]);
    // The matrix is that of the executor's predictions.
    let args = [&["run", "tiny.pleat", "--limit", "5"], &DATA[..]].concat();
    let run = s.json(&args, &[]);
    let mut cells = vec![vec![0; 3]; 3];
    for i in 0..5 {
        let at = |key: &str| run[key][i].as_u64().unwrap() as usize;
        cells[at("labels")][at("predictions")] += 1;
    }
    assert_eq!(p["confusion"]["cells"], serde_json::json!(cells));
    assert_eq!(p["confusion"]["correct"], run["correct"]);
    let basis = "follows from the proved outputs and the given labels";
    assert_eq!(p["confusion"]["basis"], basis);
    // The rows are those of `inspect`.
    let args = "inspect tiny.pleat --samples 5 --statement outputs --size-class";
    let args: Vec<&str> = args.split(' ').chain([TINY_CLASS]).collect();
    let estimate = &s.json(&args, &[])["estimate"];
    assert_eq!(p["cost"]["rows"], estimate["rows"]);
    let parts = p["cost"]["parts"].as_array().unwrap();
    let sum: u64 = parts.iter().map(|p| p["rows"].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), estimate["rows"].as_u64());
}

#[test]
fn an_unverified_page_says_so_and_how_to_verify() {
    let (s, _) = files();
    let (html, _) = page(&s, &["a.proof"]);
    let json = figures(&html);
    assert!(html.contains("not verified on this page") && !html.contains("VALID"));
    let p = &json["proofs"][0];
    assert_eq!(p["verdict"]["verified"], false);
    assert_eq!(
        p["verdict"]["command"],
        "pleat verify a.proof --registration REGISTRATION --data DATA --labels LABELS"
    );
    assert!(p["confusion"].is_null() && p["timing"].is_null());
    let correct = p["claim"]["correct"].as_u64().unwrap() as f64;
    assert_eq!(p["claim"]["accuracy"], correct / 5.0);
    assert!(html.contains("random sample"));
}

#[test]
fn several_proofs_share_a_page() {
    let (s, _) = files();
    let (html, printed) = page(&s, &["a.proof", "o.proof", "--run", "o.json"]);
    assert_eq!(figures(&html), printed);
    assert!(printed["proofs"][0]["timing"].is_null());
    assert!(printed["proofs"][1]["timing"].is_object());
    let html = Html::parse_document(&html);
    assert_eq!(select(&html, ".overview tbody tr").len(), 2);
    for link in select(&html, "a[href]") {
        assert_eq!(select(&html, link.attr("href").unwrap()).len(), 1);
    }
}

#[test]
fn the_owner_may_show_more_than_is_proved() {
    let (s, _) = files();
    let args = [
        "report",
        "a.proof",
        "--bundle",
        "tiny.pleat",
        "-o",
        "page.html",
    ];
    let o = s.run(&[&args[..], &DATA].concat());
    assert_eq!(o.code, Some(0), "{o:?}");
    assert!(o.err.contains("more than the proof reveals"), "{}", o.err);
    let html = String::from_utf8(s.read("page.html")).unwrap();
    let p = &figures(&html)["proofs"][0];
    assert_eq!(p["confusion"]["basis"], "computed by the owner, not proved");
    assert_eq!(p["confusion"]["correct"], p["claim"]["correct"]);
    let refused = |proof: &str, says: &[&str]| {
        let args = ["report", proof, "--bundle", "tiny.pleat", "-o", "none.html"];
        s.fails(3, &[&args[..], &DATA].concat(), says);
    };
    change(&s, "a.proof", "more.proof", |e| {
        e.correct = (e.correct + 1) % 6;
    });
    refused("more.proof", &["bundle tiny.pleat", "the proof says"]);
    for from in ["a.proof", "o.proof"] {
        change(&s, from, "other.proof", |e| {
            e.network.outputs[0].unit = Some(3);
        });
        refused(
            "other.proof",
            &["bundle tiny.pleat", "another architecture"],
        );
    }
    let args = "report a.proof --bundle tiny.pleat --data x.idx -o none.html";
    let args: Vec<&str> = args.split(' ').collect();
    s.fails(3, &args, &["x.idx", "--labels"]);
}

#[test]
fn names_from_files_stay_text() {
    let (s, _) = files();
    s.write("<i>&'.proof", &s.read("o.proof"));
    let mut bundle = Bundle::load(&s.path("tiny.pleat")).unwrap();
    bundle.annotations.layers[1].name = HOSTILE.into();
    bundle.annotations.outputs[0].name = HOSTILE.repeat(100);
    bundle.save(&s.path("tiny.pleat"), true).unwrap();
    let (html, _) = page(&s, &["<i>&'.proof", "--bundle", "tiny.pleat"]);
    let json = figures(&html);
    assert!(!html.contains("<img") && !html.contains(['\u{202e}', '\u{61c}']));
    assert_eq!(html.matches("</script").count(), 1);
    let name = json["proofs"][0]["cost"]["parts"][0]["name"].as_str();
    assert!(name.unwrap().starts_with("</script><script>"), "{name:?}");
    assert_eq!(json["proofs"][0]["file"], "<i>&'.proof");
    assert!(html.len() < 100_000);
}

/// The architecture has no names; the owner's bundle has. Units are the owner's to publish.
#[test]
fn names_and_units_are_the_owners() {
    let (s, _) = files();
    let bundle = Bundle::load(&s.path("tiny.pleat")).unwrap();
    let (html, _) = page(&s, &["o.proof"]);
    let p = &figures(&html)["proofs"][0];
    let layer = &p["cost"]["parts"][0];
    let index = layer["layer"].as_u64().unwrap() as usize;
    assert_eq!(layer["name"], bundle.network.layer_name(index));
    let output = &p["architecture"]["outputs"][0];
    assert_eq!(output["name"], "output 0");
    assert!(output["unit"].is_null() && output["head"].is_null());

    let o = s.run(&[
        "report",
        "o.proof",
        "--bundle",
        "tiny.pleat",
        "-o",
        "own.html",
    ]);
    assert_eq!(o.code, Some(0), "{o:?}");
    assert!(o.err.contains("names of the model file"), "{}", o.err);
    let html = String::from_utf8(s.read("own.html")).unwrap();
    let p = &figures(&html)["proofs"][0];
    let (layers, outputs) = (&bundle.annotations.layers, &bundle.annotations.outputs);
    assert_eq!(p["cost"]["parts"][0]["name"], layers[index].name);
    let output = &p["architecture"]["outputs"][0];
    assert_eq!(output["name"], outputs[0].name);
    let unit = output["unit"].as_i64().unwrap() as i32;
    assert_eq!(
        2f64.powi(unit),
        layers[bundle.network.outputs[0].layer].scale
    );

    change(&s, "o.proof", "unit.proof", |e| {
        e.network.outputs[0].unit = Some(-7);
    });
    let (html, _) = page(&s, &["unit.proof", "--force"]);
    let p = &figures(&html)["proofs"][0];
    assert_eq!(p["architecture"]["outputs"][0]["unit"], -7);
    assert!(html.contains("integers of 2<sup"));
}

#[test]
fn pages_are_reproducible() {
    let (s, _) = files();
    let make = |name: &str, epoch: &str| {
        let args = ["report", "o.proof", "--run", "o.json", "-o", name];
        let mut command = s.command(&args);
        let o = command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        (o.status.code(), String::from_utf8(o.stderr).unwrap())
    };
    for name in ["first.html", "second.html"] {
        assert_eq!(make(name, "1700000000").0, Some(0));
    }
    let first = s.read("first.html");
    assert!(first == s.read("second.html"));
    assert!(
        String::from_utf8(first)
            .unwrap()
            .contains("2023-11-14T22:13:20Z")
    );
    let (code, says) = make("third.html", "today");
    assert!(
        code == Some(3) && says.contains("SOURCE_DATE_EPOCH"),
        "{says}"
    );
}

#[test]
fn an_invalid_proof_makes_no_page() {
    let (s, cache) = files();
    change(&s, "o.proof", "bad.proof", |e| {
        e.outputs[1][0][0] += 1;
    });
    let args = ["bad.proof", "--data", "x.idx", "--cache", &cache];
    let args = [&args[..], &REGISTERED].concat();
    let verify = s.run(&[&["verify"], &args[..]].concat());
    let report = s.run(&[&["report", "-o", "bad.html"], &args[..]].concat());
    assert_eq!((verify.code, report.code), (Some(1), Some(1)), "{report:?}");
    let last = |text: &str| text.lines().last().unwrap().to_owned();
    assert_eq!(last(&verify.err), last(&report.err));
    assert!(!s.path("bad.html").exists());
}

/// Whoever serves the file may give another content every time it is opened.
#[cfg(unix)]
#[test]
fn what_is_shown_is_what_was_verified() {
    let (s, cache) = files();
    let (good, bad) = (s.read("o.proof"), "bad.proof");
    change(&s, "o.proof", bad, |e| {
        e.outputs[1][0][0] += 1_000;
    });
    let (bad, pipe) = (s.read(bad), s.path("pipe.proof"));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // Whatever is verified is good, whatever is looked at besides is not.
    std::thread::spawn(move || {
        for bytes in [&bad, &bad, &good, &bad] {
            let _ = std::fs::write(&pipe, bytes);
            // Until the reader has seen the end.
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    });
    let args = ["report", "pipe.proof", "-o", "page.html", "--data", "x.idx"];
    let o = s.run(&[&args[..], &REGISTERED, &["--cache", &cache]].concat());
    assert_eq!(o.code, Some(1), "a page about outputs nobody proved: {o:?}");
    assert!(!s.path("page.html").exists());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (s, _) = files();
    let refused = |code: i32, args: &str, says: &[&str]| {
        let args: Vec<&str> = args.split(' ').collect();
        s.fails(code, &[&["report"], &args[..]].concat(), says);
    };
    refused(
        3,
        "tiny.registration -o r.html",
        &["proof tiny.registration", "--registration"],
    );
    refused(3, "o.proof -o o.json", &["o.json", "--force"]);
    refused(3, "o.proof -o o.proof --force", &["it is an input"]);
    let run = "a.proof -o r.html --run";
    refused(
        3,
        &format!("{run} o.json"),
        &["run o.json", "its statement"],
    );
    refused(
        3,
        &format!("{run} x.idx"),
        &["run x.idx", "pleat prove --json"],
    );
    let twice = "o.proof -o r.html --run o.json --run o.json";
    refused(3, twice, &["run o.json", "twice"]);
    let json = String::from_utf8(s.read("o.json")).unwrap();
    let negative = json.replace("\"prove_seconds\":", "\"prove_seconds\":-");
    assert_ne!(json, negative);
    s.write("negative.json", negative.as_bytes());
    let negative = "o.proof -o r.html --run negative.json";
    refused(3, negative, &["run negative.json", "times below zero"]);
    refused(
        3,
        "o.proof --data gone.idx -o r.html",
        &["gone.idx", "check the path"],
    );
    let impossible = |says: &str, f: &dyn Fn(&mut Envelope)| {
        change(&s, "a.proof", "lie.proof", f);
        refused(1, "lie.proof -o r.html", &["proof lie.proof", says]);
    };
    impossible("6 of 5 samples", &|e| e.correct = 6);
    impossible("about no samples", &|e| {
        (e.correct, e.statement.samples) = (0, 0);
    });
    impossible("samples", &|e| e.statement.samples = u64::MAX);
    impossible("groups", &|e| e.statement.group_bits = 60);
    change(&s, "o.proof", "lie.proof", |e| e.outputs.truncate(1));
    refused(1, "lie.proof -o r.html", &["outputs of 1 samples"]);
    change(&s, "o.proof", "lie.proof", |e| e.outputs[0][0].clear());
    refused(1, "lie.proof -o r.html", &["not the network's in number"]);
}

/// A browser's reading of the page: no complaint, and what is seen is what the JSON says.
#[test]
fn a_browser_shows_the_figures() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED, NOT TESTED: no chromium here; install it or set PLEAT_CHROMIUM");
        return;
    };
    let (s, _) = files();
    let args = ["o.proof", "a.proof", "--run", "o.json"];
    let (_, printed) = page(&s, &[&args[..], &DATA].concat());
    let profile = tempfile::tempdir().unwrap();
    let o = Command::new(browser)
        .args("--headless --no-sandbox --disable-gpu --disable-background-networking".split(' '))
        .args("--disable-component-update --disable-sync --no-first-run --v=0".split(' '))
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(s.path("page.html"))
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&o.stderr);
    assert!(o.status.success(), "{err}");
    for line in err.lines() {
        assert!(
            !line.contains("CONSOLE") && !line.contains("Uncaught"),
            "{line}"
        );
    }
    assert_eq!(figures(&String::from_utf8(o.stdout).unwrap()), printed);
}

/// The first browser that answers.
fn browser() -> Option<String> {
    let own = std::env::var("PLEAT_CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let mut names = own.into_iter().chain(known.map(String::from));
    names.find(|name| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|o| o.status.success())
    })
}

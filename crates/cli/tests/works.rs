//! What succeeds without a proof: import, inspect, run, keys, help.
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Stdio;

use support::{
    DIGIT_LABELS, DIGITS, LENET, Scratch, gzip, idx_images, npy_images, png_folder, shared, zip,
};

const IMPORT_KEYS: [&str; 7] = [
    "layers",
    "parameters",
    "activations",
    "float_accuracy",
    "int_accuracy",
    "shift",
    "widths",
];
const INSPECT_KEYS: [&str; 4] = ["layers", "estimate", "provable", "reason"];

#[test]
fn lenet_imports_inspects_and_runs() {
    let s = Scratch::new();
    let args = [
        "import",
        LENET,
        "--input-scale",
        "1/255",
        "--calib",
        DIGITS,
        "--labels",
        DIGIT_LABELS,
    ];
    let r = s.json(&args, &IMPORT_KEYS);
    assert_eq!(r["parameters"], 61_706);
    assert!(r["int_accuracy"].as_f64().unwrap() > 0.95);
    let r = s.json(
        &["inspect", "lenet5.pleat", "--samples", "10"],
        &INSPECT_KEYS,
    );
    assert_eq!(r["provable"], true);
    assert!(r["reason"].is_null());
    let estimate = &r["estimate"];
    assert_eq!(estimate["samples"], 10);
    for key in [
        "row_bits",
        "group_samples",
        "groups",
        "chunks",
        "rows",
        "utilisation",
        "steps",
        "power",
        "setup_seconds",
        "prove_seconds",
        "compress_seconds",
        "memory_bytes",
        "disk_bytes",
        "proof_bytes",
    ] {
        assert!(estimate[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert!(estimate["utilisation"].as_f64().unwrap() <= 1.0);
    // Rows and steps are exact: 100 groups of a size are 100 times one.
    let of = |n: &str| {
        s.json(&["inspect", "lenet5.pleat", "--samples", n], &INSPECT_KEYS)["estimate"].clone()
    };
    let rows = estimate["chunks"].as_u64().unwrap() << estimate["row_bits"].as_u64().unwrap();
    assert_eq!(estimate["rows"], rows);
    let many = of("1000");
    assert!(many["steps"].as_u64() > estimate["steps"].as_u64());
    let other = s.json(
        &["inspect", "lenet5.pleat", "--size-class", "13"],
        &INSPECT_KEYS,
    );
    assert_eq!(other["estimate"]["row_bits"], 13);
    let small = s.json(
        &["inspect", "lenet5.pleat", "--memory", "600MB"],
        &INSPECT_KEYS,
    );
    assert!(small["estimate"]["memory_bytes"].as_f64().unwrap() <= 600e6);
    // The other final argument takes a larger key and more memory.
    let args = ["inspect", "lenet5.pleat", "--form", "micro"];
    let micro = s.json(&args, &INSPECT_KEYS);
    assert_eq!(micro["estimate"]["power"], 21);
    for key in ["memory_bytes", "disk_bytes", "compress_seconds"] {
        let (more, less) = (&micro["estimate"][key], &estimate[key]);
        assert!(more.as_f64() > less.as_f64(), "{key}: {more}, {less}");
    }
    assert!(s.ok(&["inspect", "lenet5.pleat"]).contains("estimate"));
    let data = ["--data", DIGITS, "--labels", DIGIT_LABELS];
    let run = [&["run", "lenet5.pleat"], &data[..]].concat();
    let all = s.json(&run, &["outputs", "predictions", "accuracy"]);
    assert_eq!(all["outputs"].as_array().unwrap().len(), 128);
    let part = s.json(
        &[&run[..], &["--offset", "5", "--limit", "2"]].concat(),
        &[],
    );
    assert_eq!(part["outputs"][1], all["outputs"][6]);
}

/// What of a model every proof will show is the owner's to say, or is said to the owner.
#[test]
fn import_says_what_is_public() {
    let s = Scratch::tiny();
    s.write("slopes.onnx", &support::onnx::tiny("LeakyRelu"));
    let inspect = |bundle: &str| s.json(&["inspect", bundle], &["published_units"]);
    let shown = |args: &[&str]| {
        let o = s.run(args);
        assert_eq!(o.code, Some(0), "{o:?}");
        o.err.contains("public in every proof: slopes 'the act'")
    };
    let import = ["import", "tiny.onnx", "--calib", "x.idx", "-o", "a.pleat"];
    assert!(!shown(&import));
    let slopes = ["import", "slopes.onnx", "--calib", "x.idx", "-o", "b.pleat"];
    assert!(shown(&slopes));
    assert!(inspect("a.pleat")["published_units"][0].is_null());
    let text = s.ok(&["inspect", "a.pleat"]);
    assert!(
        text.contains("not in proofs (import --publish-unit)"),
        "{text}"
    );

    s.ok(&[&import[..], &["--publish-unit", "--force"]].concat());
    let unit = inspect("a.pleat")["published_units"][0].as_i64().unwrap();
    let run = s.json(&["run", "a.pleat", "--data", "x.idx"], &["output_scales"]);
    let scale = run["output_scales"][0].as_f64().unwrap();
    assert_eq!(scale, 2f64.powi(unit as i32));
    let text = s.ok(&["inspect", "a.pleat"]);
    assert!(
        text.contains(&format!("in every proof: 2^{unit} of output 0")),
        "{text}"
    );
}

#[test]
fn keras_files_import() {
    for (name, bundle) in [
        ("lenet5_mnist.h5", "lenet5_mnist.pleat"),
        ("lenet5_mnist.keras", "lenet5_mnist.pleat"),
    ] {
        let Some(model) = shared(name) else { continue };
        let s = Scratch::new();
        let r = s.json(&["import", &model, "--input-scale", "1/255"], &IMPORT_KEYS);
        assert_eq!(r["parameters"], 61_706);
        assert_eq!(r["bundle"], bundle);
    }
}

#[test]
fn every_form_of_the_same_data_gives_the_same_outputs() {
    let s = Scratch::tiny();
    let keys = ["outputs", "predictions", "accuracy"];
    let outputs =
        |data: &str| s.json(&["run", "tiny.pleat", "--data", data], &keys)["outputs"].clone();
    let expected = outputs("x.idx");
    assert_eq!(expected.as_array().unwrap().len(), 12);
    s.write("x.gz", &gzip(&idx_images(12, 4)));
    s.write("x.npy", &npy_images(12, 4));
    s.write("x.npz", &zip("images.npy", &npy_images(12, 4)));
    png_folder(&s.path("png ü"), 12, 4);
    for data in ["x.gz", "x.npy", "x.npz", "png ü"] {
        assert_eq!(outputs(data), expected, "{data}");
    }
    let text = s.ok(&["run", "tiny.pleat", "--data", "png ü"]);
    assert!(text.contains("accuracy"), "{text}");
}

#[test]
fn a_network_that_cannot_be_proved_as_asked_is_described_all_the_same() {
    let s = Scratch::tiny();
    let args = ["inspect", "tiny.pleat", "--memory", "2MB"];
    let r = s.json(&args, &INSPECT_KEYS);
    assert_eq!(r["provable"], false);
    assert!(r["reason"].as_str().unwrap().contains("larger --memory"));
    assert!(r["estimate"].is_null());
    assert!(s.ok(&args).contains("not possible"));
}

#[test]
fn keys_are_made_listed_and_imported() {
    let s = Scratch::new();
    let none = s.json(&["srs", "info"], &["keys"]);
    assert_eq!(none["keys"].as_array().unwrap().len(), 0);
    let made = s.json(&["srs", "new", "--power", "6"], &["keys", "seconds"]);
    let key = &made["keys"][0];
    assert!(key["warning"].as_str().unwrap().contains("this machine"));
    let path = key["path"].as_str().unwrap().to_owned();
    let args = ["srs", "import", &path, "--power", "5", "--cache", "other"];
    let imported = s.json(&args, &["keys"]);
    assert_eq!(imported["keys"][0]["id"], key["id"]);
    assert!(imported["keys"][0]["warning"].is_null());
    assert!(s.ok(&["srs", "info"]).contains("2^6"));
    s.fails(
        3,
        &["srs", "new", "--power", "6"],
        &["exists already", "--force"],
    );
    s.ok(&["srs", "new", "--power", "6", "--force"]);
}

#[test]
fn help_has_an_example_everywhere() {
    let s = Scratch::new();
    let verbs: [&[&str]; 16] = [
        &["import"],
        &["inspect"],
        &["run"],
        &["register"],
        &["prove"],
        &["verify"],
        &["combine"],
        &["report"],
        &["srs"],
        &["srs", "new"],
        &["srs", "import"],
        &["srs", "info"],
        &["demo"],
        &["completions"],
        &["man"],
        &[],
    ];
    for verb in verbs {
        let help = s.ok(&[verb, &["--help"]].concat());
        assert!(help.contains("Example:\n"), "{verb:?}: {help}");
    }
    let help = s.ok(&["--help"]);
    for verb in help.lines().skip_while(|l| *l != "Commands:").skip(1) {
        // A blank line ends the list; deeper lines go on with a verb's text.
        let Some(name) = verb.split_whitespace().next() else {
            break;
        };
        if verb.starts_with("   ") {
            continue;
        }
        assert!(
            name == "help" || verbs.contains(&&[name][..]),
            "{name} is not tested"
        );
    }
    assert!(s.ok(&["--version"]).starts_with("pleat "));
}

#[test]
fn completions_and_man() {
    let s = Scratch::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(s.ok(&["completions", shell]).contains("pleat"), "{shell}");
        s.json(&["completions", shell], &["shell", "script"]);
    }
    assert!(s.ok(&["man"]).contains(".TH pleat"));
    s.json(&["man"], &["page"]);
}

/// One for pleat and one for every verb, each naming only pages that are there.
#[test]
fn every_verb_has_a_manual_page() {
    let s = Scratch::new();
    let written = s.json(&["man", "--all", "pages"], &["pages"]);
    let paths = written["pages"].as_array().unwrap();
    let names: Vec<&str> = paths
        .iter()
        .map(|p| p.as_str().unwrap().strip_prefix("pages/").unwrap())
        .collect();
    let help = s.ok(&["--help"]);
    for verb in [
        "import",
        "inspect",
        "run",
        "register",
        "prove",
        "verify",
        "combine",
        "report",
        "srs",
        "srs-new",
        "srs-import",
        "srs-info",
        "demo",
        "completions",
        "man",
    ] {
        let file = format!("pleat-{verb}.1");
        assert!(names.contains(&file.as_str()), "{file} of {names:?}");
        let page = String::from_utf8(s.read(&format!("pages/{file}"))).unwrap();
        assert!(page.contains(&format!(".TH pleat-{verb} 1")), "{page}");
        assert!(page.contains("Example:"), "{page}");
        let words = [&["man"], &verb.split('-').collect::<Vec<_>>()[..]].concat();
        assert_eq!(s.ok(&words).trim_end(), page.trim_end());
        assert!(verb.contains('-') || help.contains(&format!("  {verb}")));
    }
    assert_eq!(names.len(), 16, "{names:?}");
    let first = String::from_utf8(s.read("pages/pleat.1")).unwrap();
    assert_eq!(s.ok(&["man"]).trim_end(), first.trim_end());
    let named = first.lines().filter(|l| l.starts_with("pleat\\-"));
    for line in named {
        let name = line.replace('\\', "");
        let (name, _) = name.split_once('(').unwrap();
        assert!(names.contains(&&*format!("{name}.1")), "{line}");
    }
    s.fails(3, &["man", "frobnicate"], &["no verb 'frobnicate'"]);
    s.fails(2, &["man", "prove", "--all", "d"], &["cannot be used with"]);
    s.write("file", b"");
    s.fails(3, &["man", "--all", "file"], &["folder file", "; "]);
}

#[cfg(unix)]
#[test]
fn bundles_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let s = Scratch::tiny();
    let mode = s
        .path("tiny.pleat")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    s.write("open.pleat", b"");
    s.ok(&["import", "tiny.onnx", "-o", "open.pleat", "--force"]);
    let mode = s
        .path("open.pleat")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// As in `pleat ... | head -0`: no panic, no error.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let s = Scratch::tiny();
    for args in [
        &["run", "tiny.pleat", "--data", "x.idx"][..],
        &["inspect", "tiny.pleat", "--json"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["run", "none", "--data", "x.idx", "--json"],
    ] {
        let mut child = s
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let o = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&o.stderr);
        assert!(!err.contains("panicked"), "{args:?}: {err}");
        let expected = if args.get(1) == Some(&"none") { 3 } else { 0 };
        assert_eq!(o.status.code(), Some(expected), "{args:?}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let s = Scratch::tiny();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let o = s
        .command(&["inspect", "tiny.pleat"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(o.status.code(), Some(4), "{o:?}");
}

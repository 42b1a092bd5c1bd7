//! What succeeds without a proof: import, inspect, run, keys, help.
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Stdio;

use support::{
    DIGIT_LABELS, DIGITS, LENET, Scratch, gzip, idx_images, npy_images, onnx, png_folder, shared,
    zip,
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
const INSPECT_KEYS: [&str; 6] = [
    "constraints_per_step",
    "steps_per_batch",
    "budget",
    "estimate",
    "provable",
    "reason",
];

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
    let r = s.json(&["inspect", "lenet5.pleat", "--steps", "10"], &INSPECT_KEYS);
    assert_eq!(r["provable"], true);
    assert_eq!(r["steps_per_batch"], 10);
    let c = r["constraints_per_step"].as_u64().unwrap();
    assert_eq!(r["budget"]["constraints"], c);
    assert!(r["budget"]["key_points"].as_u64().unwrap() >= c);
    for key in [
        "setup_seconds",
        "fold_seconds",
        "compress_seconds",
        "memory_bytes",
        "disk_bytes",
        "proof_bytes",
    ] {
        assert!(r["estimate"][key].as_f64().unwrap() > 0.0, "{key}");
    }
    let one = s.json(&["inspect", "lenet5.pleat"], &INSPECT_KEYS);
    let fold = |r: &serde_json::Value| r["estimate"]["fold_seconds"].as_f64().unwrap();
    assert!((fold(&r) / fold(&one) - 10.0).abs() < 1e-6);
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
fn a_table_network_imports_and_inspect_says_why_it_has_no_proof() {
    let s = Scratch::tiny();
    s.write("sig.v1.onnx", &onnx::tiny("Sigmoid"));
    s.ok(&[
        "import",
        "sig.v1.onnx",
        "--calib",
        "x.idx",
        "--input-scale",
        "1/255",
    ]);
    let r = s.json(&["inspect", "sig.v1.pleat"], &INSPECT_KEYS);
    assert_eq!(r["provable"], false);
    assert!(r["reason"].as_str().unwrap().contains("cannot prove"));
    for key in [
        "constraints_per_step",
        "steps_per_batch",
        "budget",
        "estimate",
    ] {
        assert!(r[key].is_null(), "{key}");
    }
    assert!(s.ok(&["inspect", "sig.v1.pleat"]).contains("not possible"));
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
    let verbs: [&[&str]; 13] = [
        &["import"],
        &["inspect"],
        &["run"],
        &["prove"],
        &["verify"],
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
        let Some(name) = verb.split_whitespace().next() else {
            break;
        };
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

//! Wrong usage (2) and bad input (3): one sentence, no result, no file left behind.
#![allow(clippy::unwrap_used)]

mod support;

use support::{
    LENET, Scratch, TINY_CLASS, TINY_POWER, gzip, idx_images, idx_labels, npy_images, onnx,
    png_folder, shared, zip,
};

#[test]
fn wrong_usage() {
    let s = Scratch::new();
    let id = "0".repeat(62);
    for (args, says) in [
        ("frobnicate", "frobnicate"),
        ("import", "<MODEL>"),
        ("import m --wrong", "--wrong"),
        ("import m --input-scale abc", "'abc' is no number"),
        ("import m --input-scale 1/0", "finite"),
        ("import m --mean 1,x", "'x' is no number"),
        ("import m --std nan", "finite"),
        ("import m --std 1,0", "'0' is 0"),
        ("import m --input-scale 0/3", "'0/3' is 0"),
        ("import m --input-scale 1e-60", "'1e-60' is 0"),
        ("import m --size 4x", "rows and columns"),
        ("import m --size 4x4x4", "rows and columns"),
        ("import m --activation-bits eight", "invalid digit"),
        ("import m --labels y", "--calib"),
        ("import m --layout xyz", "possible values"),
        ("inspect b --samples 0", "at least 1"),
        ("inspect b --statement both", "possible values"),
        ("inspect b --size-class 7", "8..=24"),
        ("inspect b --size-class 25", "8..=24"),
        ("inspect b --memory lots", "write it like 2GB"),
        ("inspect b --memory 3", "not between 1MB"),
        ("inspect b --memory 2XB", "write it like 2GB"),
        (
            "inspect b --memory 2GB --size-class 9",
            "cannot be used with",
        ),
        ("register b", "--output"),
        ("register b -o r --form groth", "possible values"),
        ("prove b --data d -o p --form x", "possible values"),
        (
            "prove b --data d -o p --checkpoint-every x",
            "checkpoint-every",
        ),
        ("run b", "--data"),
        ("run b --data d --limit 0", "at least 1"),
        ("run b --data d --limit -1", "-1"),
        ("run b --data d --offset x", "invalid digit"),
        ("run b --data d --threads 0", "at least 1"),
        ("prove b --data d", "--output"),
        ("prove b --data d -o p --context 0g", "hexadecimal"),
        ("prove b --data d -o p --context abc", "hexadecimal"),
        ("prove b --data d -o p --statement all", "possible values"),
        ("verify p --model-id 00", "32 bytes"),
        (&format!("verify p --model-id {id}"), "has 31"),
        ("verify p --context é", "hexadecimal"),
        ("verify p --offset 1", "--data"),
        ("srs", "Usage"),
        ("srs new", "--power"),
        ("srs new --power 0", "1..=28"),
        ("srs new --power 29", "1..=28"),
        ("demo --samples 129", "128"),
        ("completions tcsh", "possible values"),
    ] {
        s.fails(2, &args.split(' ').collect::<Vec<_>>(), &[says]);
    }
    let o = s.run(&[]);
    assert_eq!((o.code, o.out.as_str()), (Some(2), ""));
}

/// Empty, garbage, cut anywhere, a folder, nothing at all.
///
/// The last bytes of PNG files carry nothing: readers do without them.
fn damaged(s: &Scratch, name: &str, good: &[u8], command: impl Fn(&str) -> Vec<String>) {
    let fails = |name: &str, says: &str| {
        let args = command(name);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        s.fails(3, &args, &[name, says]);
    };
    let n = good.len();
    let mut lengths = vec![0, 1, 4, 9, n / 4, n / 2, n - 1];
    lengths.retain(|&l| l < n && (l < n - 1 || !name.ends_with(".png")));
    for length in lengths {
        s.write(name, &good[..length]);
        eprintln!("{name} cut to {length} of {n}");
        // An empty file needs no advice.
        fails(name, if length == 0 { "" } else { "; " });
    }
    for byte in [b'A', 0xff, 0] {
        s.write(name, &[byte; 300]);
        fails(name, "");
    }
    std::fs::remove_file(s.path(name)).unwrap();
    fails(name, "");
    std::fs::create_dir(s.path(name)).unwrap();
    fails(name, "");
    std::fs::remove_dir(s.path(name)).unwrap();
}

#[test]
fn damaged_models() {
    let s = Scratch::new();
    let import = |m: &str| vec!["import".into(), m.into()];
    damaged(&s, "m.onnx", &onnx::tiny("Relu"), import);
    for name in ["mnist_poly_layers.h5", "mnist_poly_layers.keras"] {
        if let Some(path) = shared(name) {
            damaged(&s, name, &std::fs::read(path).unwrap(), import);
        }
    }
}

#[test]
fn damaged_data() {
    let s = Scratch::tiny();
    let run = |d: &str| {
        ["run", "tiny.pleat", "--data", d]
            .map(String::from)
            .to_vec()
    };
    damaged(&s, "d.idx", &idx_images(12, 4), run);
    damaged(&s, "d.idx.gz", &gzip(&idx_images(12, 4)), run);
    damaged(&s, "d.npy", &npy_images(12, 4), run);
    damaged(&s, "d.npz", &zip("images.npy", &npy_images(12, 4)), run);
    png_folder(&s.path("png"), 1, 4);
    let png = s.read("png/0000_0.png");
    let folder = |f: &str| {
        ["run", "tiny.pleat", "--data", f]
            .map(String::from)
            .to_vec()
    };
    s.write("bad/0001_0.png", &png);
    for length in [0, 20, png.len() / 2] {
        s.write("bad/0000_0.png", &png[..length]);
        s.fails(3, &["run", "tiny.pleat", "--data", "bad"], &["0000_0.png"]);
    }
    damaged(&s, "one_1.png", &png, folder);
    let labels = |l: &str| {
        ["run", "tiny.pleat", "--data", "x.idx", "--labels", l]
            .map(String::from)
            .to_vec()
    };
    damaged(&s, "l.idx", &idx_labels(&[0; 12]), labels);
}

#[test]
fn damaged_bundles_and_keys() {
    let s = Scratch::tiny();
    let bundle = s.read("tiny.pleat");
    damaged(&s, "b.pleat", &bundle, |b| vec!["inspect".into(), b.into()]);
    let mut bytes = bundle.clone();
    for i in (0..bundle.len()).step_by(251) {
        bytes[i] ^= 4;
        s.write("b.pleat", &bytes);
        s.fails(3, &["inspect", "b.pleat"], &["b.pleat", "import"]);
        bytes[i] ^= 4;
    }
    s.ok(&["srs", "new", "--power", "5"]);
    let key = s.read("cache/pleat/srs/ppot_pruned_05.ptau");
    let import = |k: &str| {
        ["srs", "import", k, "--cache", "c"]
            .map(String::from)
            .to_vec()
    };
    damaged(&s, "k.ptau", &key, import);
    let nowhere = ["srs", "new", "--power", "20", "--cache", "tiny.onnx"];
    s.fails(3, &nowhere, &["folder tiny.onnx", "check the path"]);
    s.write("cache/pleat/srs/ppot_pruned_05.ptau", &key[..100]);
    s.fails(3, &["srs", "info"], &["ppot_pruned_05.ptau", "srs new"]);
}

#[test]
fn models_that_are_no_network() {
    let s = Scratch::tiny();
    let good = onnx::tiny("Relu");
    let weight = onnx::FIRST_WEIGHT.to_le_bytes();
    let at = good.windows(4).position(|w| w == weight).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&bad.to_le_bytes());
        s.write("bad.onnx", &bytes);
        s.fails(3, &["import", "bad.onnx"], &["bad.onnx", "'k'"]);
    }
    s.write("op.onnx", &onnx::tiny("Relv"));
    s.fails(3, &["import", "op.onnx"], &["op.onnx", "the act", "Relv"]);
    for args in [
        &["--size", "5x5"][..],
        &["--mean", "1,2,3"],
        &["--activation-bits", "40"],
    ] {
        s.fails(
            3,
            &[&["import", "tiny.onnx", "-o", "new.pleat"], args].concat(),
            &["tiny.onnx"],
        );
    }
}

#[test]
fn data_that_do_not_fit() {
    let s = Scratch::tiny();
    s.write("wide.idx", &idx_images(12, 5));
    s.write("none.idx", &idx_images(0, 4));
    s.write("few.idx", &idx_labels(&[0; 11]));
    s.write(
        "seven.idx",
        &idx_labels(&[0, 1, 2, 0, 1, 7, 0, 1, 2, 0, 1, 2]),
    );
    std::fs::create_dir(s.path("empty folder")).unwrap();
    let folder = s.path("wide png");
    png_folder(&folder, 3, 3);
    for (data, says) in [
        (&["wide.idx"][..], &["wide.idx", "5", "4"][..]),
        (&["none.idx"], &["none.idx"]),
        (&["empty folder"], &["empty folder"]),
        (&["wide png"], &["wide png", "3", "4"]),
        (&["x.idx", "--labels", "few.idx"], &["few.idx", "11", "12"]),
        (
            &["x.idx", "--labels", "seven.idx"],
            &["x.idx", "label 7", "3 classes", "sample 5"],
        ),
        (
            &["x.idx", "--labels", "nowhere.csv"],
            &["nowhere.csv", "check the path"],
        ),
        (
            &["x.idx", "--offset", "12"],
            &["x.idx", "12 samples", "--offset"],
        ),
    ] {
        s.fails(3, &[&["run", "tiny.pleat", "--data"], data].concat(), says);
        let mut prove = vec!["prove", "tiny.pleat", "-o", "p.proof", "--data"];
        prove.extend(data);
        s.fails(3, &prove, &[]);
        let import = [&["import", LENET, "-o", "l.pleat", "--calib"], &data[..1]].concat();
        s.fails(3, &import, &[data[0]]);
    }
}

#[test]
fn what_is_refused_before_the_work() {
    let s = Scratch::tiny();
    let labels = ["--labels", "y.idx"];
    let prove = |more: &[&'static str]| {
        [
            &["prove", "tiny.pleat", "--data", "x.idx", "-o", "p.proof"],
            more,
        ]
        .concat()
    };
    s.fails(
        3,
        &prove(&[]),
        &["x.idx", "--labels", "--statement outputs"],
    );
    // One sentence names a key that is large enough for everything.
    let class = ["--size-class", TINY_CLASS];
    let register = [&["register", "tiny.pleat", "-o", "r"], &class[..]].concat();
    let missing = ["2^17", "srs new --power 17", "srs import"];
    s.fails(3, &prove(&[&labels[..], &class].concat()), &missing);
    s.fails(3, &register, &missing);
    s.ok(&["srs", "new", "--power", "10"]);
    s.fails(3, &register, &missing);
    let path = format!("cache/pleat/srs/ppot_pruned_{TINY_POWER}.ptau");
    s.write(&path, &s.read("cache/pleat/srs/ppot_pruned_10.ptau"));
    s.fails(3, &register, &["its name says 2^17"]);
    let memory = ["--memory", "2MB"];
    let says = ["takes at least", "larger --memory"];
    s.fails(4, &prove(&[&labels[..], &memory].concat()), &says);
    let register = [&["register", "tiny.pleat", "-o", "r"], &memory[..]].concat();
    s.fails(4, &register, &says);
}

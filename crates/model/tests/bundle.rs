//! Bundles and files: nothing damaged is read, nothing is lost, nothing leaks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

#[path = "support/integer.rs"]
mod integer;

use std::path::Path;

use pleat_model::Error;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::files::{Access, write_atomic};
use pleat_model::graph::Head;
use sha2::{Digest, Sha256};

fn bundle() -> Bundle {
    let (mut network, weights) = integer::sample();
    // Without the large table, so that every byte can be tried.
    network.layers.truncate(9);
    network.outputs[0].layer = 8;
    let mut weights = weights;
    weights.layers.truncate(9);
    Bundle {
        annotations: integer::notes(&network),
        network,
        weights,
        salt: [7; 32],
        report: ImportReport {
            source: "m.onnx".into(),
            parameters: 20,
            input_scale: 1.0,
            mean: vec![0.0],
            std: vec![1.0],
            calibration_samples: 3,
            activation_bits: 8,
            output_error: 0.01,
            worst_layer: "named".into(),
            worst_layer_error: 0.02,
            accuracy: None,
            statistics: vec![],
        },
    }
}

fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::digest(&content);
    content.extend(checksum);
    content
}

fn refusal(bytes: &[u8]) -> String {
    match Bundle::from_bytes(bytes) {
        Err(e @ Error::Malformed { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut list: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    list.sort();
    list
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pleat");
    let b = bundle();
    b.save(&path, false).unwrap();
    assert_eq!(Bundle::load(&path).unwrap(), b);
    assert_eq!(std::fs::read(&path).unwrap(), b.to_bytes().unwrap());
    assert_eq!(names(folder.path()), ["a.pleat"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn any_damage_is_noticed() {
    let good = bundle().to_bytes().unwrap();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1 << (i % 8);
        refusal(&bad);
    }
    for n in 0..good.len() {
        refusal(&good[..n]);
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(refusal(&longer).contains("checksum"));
}

#[test]
fn messages_say_what_to_do() {
    let good = bundle().to_bytes().unwrap();
    assert!(refusal(b"PK").contains("does not start like one; make one with 'pleat import"));
    assert!(refusal(&good[..40]).contains("truncated; import the model again"));
    assert!(refusal(&good[..good.len() - 1]).contains("checksum is wrong"));
    let mut other = good[..good.len() - 32].to_vec();
    other[8] = 9;
    assert!(refusal(&sealed(other.clone())).contains("format version 9, this program reads 2"));
    // The version whose architecture told too much.
    other[8] = 1;
    let old = refusal(&sealed(other));
    assert!(
        old.contains("version 1: its public architecture shows scales and names"),
        "{old}"
    );
    assert!(
        old.contains("import the model again and make a new registration"),
        "{old}"
    );
}

#[test]
fn a_right_checksum_is_not_enough() {
    let good = bundle().to_bytes().unwrap();
    let content = &good[..good.len() - 32];
    assert!(refusal(&sealed([content, &[0]].concat())).contains("left over"));
    assert!(refusal(&sealed(content[..content.len() - 1].to_vec())).contains("does not decode"));
    let mut b = bundle();
    b.network.layers[3].inputs[0] = 8;
    assert!(refusal(&b.to_bytes().unwrap()).contains("reads a later layer"));
    let mut b = bundle();
    b.weights.layers[1].kernel[0] = 99;
    assert!(refusal(&b.to_bytes().unwrap()).contains("wider than declared"));
    let mut b = bundle();
    b.weights.layers.pop();
    assert!(refusal(&b.to_bytes().unwrap()).contains("another number of layers"));
}

/// A refused change to the owner's notes.
fn refused(what: &str, change: impl Fn(&mut Bundle)) {
    let mut b = bundle();
    change(&mut b);
    let said = refusal(&b.to_bytes().unwrap());
    assert!(said.contains(what), "'{said}' instead of '{what}'");
}

#[test]
fn notes_are_the_networks() {
    refused("another number of layers", |b| {
        b.annotations.layers.pop();
    });
    refused("another number of layers or outputs", |b| {
        b.annotations.outputs.clear();
    });
    for scale in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        refused("conv 1 'named': the scale", |b| {
            b.annotations.layers[1].scale = scale;
        });
    }
    for dims in [vec![1, 159], vec![1, 1, 1, 1, 1, 1, 1, 1, 160], vec![]] {
        refused("output 0 'y' has dimensions that do not fit", |b| {
            b.annotations.outputs[0].dims.clone_from(&dims);
        });
    }
    for (classes, stride) in [(0, 1), (3, 1), (1, 0), (usize::MAX, 2)] {
        refused("a head that does not fit", |b| {
            b.annotations.outputs[0].head = Head::ArgMax { classes, stride };
        });
    }
    refused("a published unit that is not its scale", |b| {
        b.network.outputs[0].unit = Some(-2);
    });
    let mut b = bundle();
    b.network.outputs[0].unit = Some(-1);
    Bundle::from_bytes(&b.to_bytes().unwrap()).unwrap();
}

#[test]
fn nothing_is_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pleat");
    std::fs::write(&path, "old").unwrap();
    let e = bundle().save(&path, false).unwrap_err();
    assert!(
        matches!(e, Error::Invalid(_)) && e.to_string().contains("--force"),
        "{e}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    bundle().save(&path, true).unwrap();
    Bundle::load(&path).unwrap();
    assert_eq!(names(folder.path()), ["a.pleat"]);
}

#[test]
fn an_absent_folder_or_a_folder_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/a.pleat");
    let e = bundle().save(&path, false).unwrap_err();
    assert!(
        matches!(e, Error::Io(_)) && e.to_string().contains("no/a.pleat"),
        "{e}"
    );
    std::fs::create_dir(folder.path().join("taken")).unwrap();
    let e = bundle()
        .save(&folder.path().join("taken"), true)
        .unwrap_err();
    assert!(matches!(e, Error::Io(_)), "{e}");
    assert_eq!(names(folder.path()), ["taken"]);
    let e = Bundle::load(&path).unwrap_err();
    assert!(matches!(e, Error::Io(_)), "{e}");
}

#[test]
fn a_failed_write_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    std::fs::write(&path, "old").unwrap();
    let e = write_atomic(&path, Access::Public, true, |w| {
        w.write_all(&[0; 100_000])?;
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    });
    assert!(matches!(e, Err(Error::Io(e)) if e.kind() == std::io::ErrorKind::StorageFull));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn concurrent_writers_leave_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let (forced, once) = (folder.path().join("forced"), folder.path().join("once"));
    let won: usize = std::thread::scope(|s| {
        let writers: Vec<_> = (0u8..16)
            .map(|i| {
                let (forced, once) = (&forced, &once);
                s.spawn(move || {
                    let fill = |w: &mut dyn std::io::Write| {
                        (0..50).try_for_each(|_| w.write_all(&[i; 1000]))
                    };
                    write_atomic(forced, Access::Secret, true, fill).unwrap();
                    usize::from(write_atomic(once, Access::Secret, false, fill).is_ok())
                })
            })
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
    for path in [forced, once] {
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(bytes.len(), 50_000);
        assert!(bytes.iter().all(|b| *b == bytes[0]));
    }
    assert_eq!(names(folder.path()), ["forced", "once"]);
}

//! What every caller relies on, without a proof: events in order, stopping, errors, types that can be sent.
#![allow(clippy::unwrap_used)]

mod support;

use pleat_jobs::{
    Class, ClassOptions, CombineOptions, CombineResult, DemoOptions, DemoResult, Error, Event,
    ImportOptions, ImportResult, InspectOptions, InspectResult, KeyList, KeyStore, ProveOptions,
    ProveResult, RegisterOptions, RegisterResult, ReportOptions, ReportResult, RunOptions,
    RunResult, Stop, VerifyOptions, VerifyResult, Watch, combine, import, inspect, prove, register,
    report, run, verify, verify_bytes,
};
use support::{CLASS, Ears, Scratch, is_in};

const SAMPLES: u32 = 1300;

fn running(s: &Scratch) -> RunOptions {
    RunOptions {
        bundle: s.path("tiny.pleat"),
        data: s.data(),
    }
}

fn proving(s: &Scratch) -> ProveOptions {
    ProveOptions {
        bundle: s.path("tiny.pleat"),
        data: s.data(),
        class: ClassOptions {
            size_class: Some(CLASS),
            ..ClassOptions::default()
        },
        output: s.path("p.proof"),
        ..ProveOptions::default()
    }
}

/// The class of what a job fails with, and whether its sentence says this.
#[track_caller]
fn fails<T: std::fmt::Debug>(result: pleat_jobs::Result<T>, class: Class, says: &str) -> Error {
    let error = result.unwrap_err();
    let sentence = error.sentence();
    assert!(sentence.contains(says), "no '{says}' in: {sentence}");
    assert_eq!(error.class(), class, "{sentence}");
    error
}

#[test]
fn phases_follow_each_other_and_are_counted() {
    let s = Scratch::new(SAMPLES);
    let n = u64::from(SAMPLES);
    let ears = Ears::default();
    let imported = import(&s.import(), &ears.watch()).unwrap();
    assert_eq!(imported.samples, n);
    let expected = [
        ("calibrating", 0, 1, 1),
        ("comparing with the float network", 0, n, n),
    ];
    assert_eq!(ears.phases(), expected);
    assert!(ears.notes()[0].contains("as stored"), "{:?}", ears.notes());

    let ears = Ears::default();
    let result = run(&running(&s), &ears.watch()).unwrap();
    assert_eq!(result.outputs.len(), SAMPLES as usize);
    assert_eq!(ears.phases(), [("samples", 0, n, n)]);
    assert_eq!(ears.heard().last(), Some(&Event::End));
    assert_eq!(ears.notes(), [""; 0]);
}

/// Everywhere but where a checkpoint can be kept: an error of its own, and nothing written.
#[test]
fn what_is_asked_to_stop_stops_and_leaves_nothing() {
    let s = Scratch::imported(SAMPLES);
    let before = s.files();
    let in_phase = |name: &'static str| {
        let ears = Ears::default();
        let watch = ears.stopping(move |heard, event| {
            is_in(heard, name) && matches!(event, Event::Advance { .. })
        });
        (ears, watch)
    };
    let stopped = |ears: &Ears, phase: &str, error: Error| {
        assert!(matches!(error.cause(), Error::Stopped), "{error:?}");
        let heard = ears.heard();
        assert!(is_in(&heard, phase) && heard.last() != Some(&Event::End));
        assert_eq!(s.files(), before);
    };

    let phase = "comparing with the float network";
    let (ears, watch) = in_phase(phase);
    let again = ImportOptions {
        output: Some(s.path("other.pleat")),
        ..s.import()
    };
    let error = fails(import(&again, &watch), Class::Interrupted, "interrupted");
    stopped(&ears, phase, error);

    let (ears, watch) = in_phase("samples");
    let error = fails(
        run(&running(&s), &watch),
        Class::Interrupted,
        "run it again",
    );
    stopped(&ears, "samples", error);

    let keys = KeyStore::in_cache(&s.path("none"));
    let (ears, watch) = in_phase("checking samples");
    let error = fails(
        prove(&proving(&s), &keys, &watch),
        Class::Interrupted,
        "interrupted",
    );
    stopped(&ears, "checking samples", error);

    // Asked before it began.
    let stop = Stop::default();
    stop.ask();
    let watch = Watch::default().stopped_by(&stop);
    assert_eq!(
        run(&running(&s), &watch).unwrap_err().class(),
        Class::Interrupted
    );
}

#[test]
fn files_that_are_none_are_bad_input() {
    let s = Scratch::imported(12);
    let (keys, watch) = (KeyStore::in_cache(&s.path("cache")), Watch::default());
    let inspected = |name: &str| {
        inspect(&InspectOptions {
            bundle: s.path(name),
            ..InspectOptions::default()
        })
    };
    assert!(inspected("tiny.pleat").unwrap().provable);
    fails(inspected("gone"), Class::BadInput, "check the path");
    fails(inspected("x.idx"), Class::BadInput, "bundle ");
    // Without a key nothing is proved, and the sentence says how to make one.
    fails(
        prove(&proving(&s), &keys, &watch),
        Class::BadInput,
        "pleat srs new --power 17",
    );
    let options = VerifyOptions {
        proof: s.path("x.idx"),
        ..VerifyOptions::default()
    };
    fails(
        verify(&options, &keys, &watch),
        Class::BadInput,
        "another kind of file",
    );
    // No path at all.
    fails(
        verify(&VerifyOptions::default(), &keys, &watch),
        Class::BadInput,
        "proof ",
    );
    fails(
        register(&RegisterOptions::default(), &keys, &watch),
        Class::BadInput,
        "name a file",
    );
}

#[test]
fn what_begins_like_a_proof_and_is_none_is_invalid() {
    let s = Scratch::new(1);
    let (keys, watch) = (KeyStore::in_cache(&s.path("cache")), Watch::default());
    let options = VerifyOptions {
        proof: "what it is called".into(),
        ..VerifyOptions::default()
    };
    for magic in [b"PLEATPRF", b"PLEATCMB"] {
        let bytes = [&magic[..], &[0; 100]].concat();
        fails(
            verify_bytes(&bytes, &options, &keys, &watch),
            Class::InvalidProof,
            "proof what it is called: ",
        );
    }
    let bundle = [&b"PLEATBDL"[..], &[0; 100]].concat();
    fails(
        verify_bytes(&bundle, &options, &keys, &watch),
        Class::BadInput,
        "another kind of file",
    );
}

#[test]
fn too_little_memory_is_a_lack_of_resources() {
    let s = Scratch::imported(12);
    let (keys, watch) = (KeyStore::in_cache(&s.path("cache")), Watch::default());
    let options = RegisterOptions {
        bundle: s.path("tiny.pleat"),
        class: ClassOptions {
            memory: Some(2_000_000),
            ..ClassOptions::default()
        },
        output: s.path("r"),
        ..RegisterOptions::default()
    };
    let error = fails(
        register(&options, &keys, &watch),
        Class::Resources,
        "takes at least",
    );
    assert!(matches!(error.cause(), Error::OutOfMemory(_)));
}

/// What the command line cannot say, a program can.
#[test]
fn options_out_of_range_are_refused() {
    let s = Scratch::imported(12);
    let (keys, watch) = (KeyStore::in_cache(&s.path("cache")), Watch::default());
    let bad = Class::BadInput;
    let with = |change: &dyn Fn(&mut ImportOptions)| {
        let mut options = s.import();
        options.force = true;
        change(&mut options);
        import(&options, &watch)
    };
    fails(with(&|o| o.input_scale = 0.0), bad, "'0' as scale");
    fails(with(&|o| o.std = vec![1.0, f32::NAN]), bad, "'NaN'");
    fails(with(&|o| o.mean = vec![f32::INFINITY]), bad, "'inf'");
    fails(with(&|o| o.size = Some([4, 0])), bad, "0 rows");
    fails(with(&|o| o.resize = Some([1 << 20, 4])), bad, "rows");
    fails(with(&|o| o.calib = None), bad, "calibration data");
    for class in [7, 25, 64] {
        let mut options = proving(&s);
        options.class.size_class = Some(class);
        fails(
            prove(&options, &keys, &watch),
            bad,
            "choose one from 8 to 24",
        );
    }
    let long = ProveOptions {
        context: vec![0; 1025],
        ..proving(&s)
    };
    fails(prove(&long, &keys, &watch), bad, "at most 1024");
    let none = InspectOptions {
        bundle: s.path("tiny.pleat"),
        samples: 0,
        ..InspectOptions::default()
    };
    assert!(inspect(&none).unwrap().reason.is_some());
    let nothing = CombineOptions {
        registration: s.path("x.idx"),
        output: s.path("c"),
        ..CombineOptions::default()
    };
    fails(combine(&nothing, &keys, &watch), bad, "registration");
    fails(
        report(&ReportOptions::default(), &keys, &watch),
        bad,
        "at least one",
    );
    let unasked = ReportOptions {
        proofs: vec![s.path("p")],
        model_id: Some([0; 32]),
        ..ReportOptions::default()
    };
    fails(report(&unasked, &keys, &watch), bad, "a model id");
    for power in [0, 29, 64] {
        fails(keys.create(power, false), bad, "from 1 to 28");
    }
}

#[test]
fn keys_are_made_listed_and_not_replaced() {
    let s = Scratch::new(1);
    let keys = KeyStore::in_cache(&s.path("cache"));
    assert!(keys.list().unwrap().keys.is_empty());
    let made = keys.create(5, false).unwrap();
    let [key] = made.keys.as_slice() else {
        unreachable!("one key was made")
    };
    assert!(key.path.starts_with(keys.folder()) && key.power == 5);
    assert!(key.warning.is_some());
    fails(keys.create(5, false), Class::BadInput, "--force");
    let listed = keys.list().unwrap();
    assert_eq!(listed.keys[0].id, key.id);
    assert_ne!(keys.create(5, true).unwrap().keys[0].id, key.id);

    // From elsewhere, and with a word about what nobody can tell.
    let other = KeyStore::in_cache(&s.path("other"));
    let ears = Ears::default();
    let imported = other
        .import(&key.path, Some(4), false, &ears.watch())
        .unwrap();
    assert_eq!(imported.keys[0].power, 4);
    assert!(
        ears.notes()[0].contains("compare the SHA-256"),
        "{:?}",
        ears.notes()
    );
}

#[test]
fn everything_can_be_sent_to_another_thread() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Sync>() {}
    sent::<(Error, Watch, Stop, KeyStore, KeyList)>();
    sent::<(ImportOptions, ImportResult, InspectOptions, InspectResult)>();
    sent::<(RunOptions, RunResult, RegisterOptions, RegisterResult)>();
    sent::<(ProveOptions, ProveResult, VerifyOptions, VerifyResult)>();
    sent::<(CombineOptions, CombineResult, ReportOptions, ReportResult)>();
    sent::<(DemoOptions, DemoResult)>();
    shared::<(Watch, Stop, KeyStore, Error)>();
    let s = Scratch::imported(12);
    let options = running(&s);
    let result = std::thread::spawn(move || run(&options, &Watch::default()));
    assert_eq!(result.join().unwrap().unwrap().samples, 12);
}

//! A proof that is stopped keeps a checkpoint and goes on; a registration, which has none, ends.
#![allow(clippy::unwrap_used)]

mod support;

use pleat_jobs::{
    CheckpointOptions, Class, ClassOptions, Error, Event, KeyStore, ProveOptions, RegisterOptions,
    RunOptions, Watch, prove, register, run,
};
use support::{CLASS, Ears, POWER, Scratch, is_in};

/// Enough for some tens of steps, so that it stops long before the last.
const SAMPLES: u32 = 1500;
const FOLDING: &str = "folding steps";

/// Whether so many steps are folded.
fn folded(heard: &[Event], event: &Event, steps: u64) -> bool {
    is_in(heard, FOLDING) && matches!(event, Event::Advance { done } if *done >= steps)
}

#[test]
fn a_stopped_proof_goes_on_from_its_checkpoint() {
    let s = Scratch::imported(SAMPLES);
    let keys = KeyStore::in_cache(&s.path("cache"));
    keys.create(POWER, false).unwrap();
    let class = ClassOptions {
        size_class: Some(CLASS),
        ..ClassOptions::default()
    };

    let ears = Ears::default();
    let watch =
        ears.stopping(|_, event| matches!(event, Event::Begin { phase, .. } if *phase == FOLDING));
    let registration = RegisterOptions {
        bundle: s.path("tiny.pleat"),
        class,
        output: s.path("r"),
        ..RegisterOptions::default()
    };
    let error = register(&registration, &keys, &watch).unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error:?}");
    assert!(!s.path("r").exists());

    let checkpoint = s.path("p.proof.checkpoint");
    let options = ProveOptions {
        bundle: s.path("tiny.pleat"),
        data: s.data(),
        class,
        output: s.path("p.proof"),
        ..ProveOptions::default()
    };
    let ears = Ears::default();
    let watch = ears.stopping(|heard, event| folded(heard, event, 3));
    let error = prove(&options, &keys, &watch).unwrap_err();
    assert_eq!(error.class(), Class::Interrupted, "{error:?}");
    assert!(!matches!(error.cause(), Error::Stopped));
    let sentence = error.sentence();
    assert!(
        sentence.contains("p.proof.checkpoint") && sentence.contains("--resume"),
        "{sentence}"
    );
    assert!(checkpoint.exists() && !s.path("p.proof").exists());
    assert_eq!(watch.stop().checkpoint(), Some(checkpoint.clone()));
    assert!(!watch.stop().is_keeping());
    let n = u64::from(SAMPLES);
    let whole = [
        ("checking samples", 0, n, n),
        ("committing to samples", 0, n, n),
    ];
    assert_eq!(ears.phases(), whole);

    // It is not begun again by mistake.
    let error = prove(&options, &keys, &Watch::default()).unwrap_err();
    assert_eq!(error.class(), Class::BadInput);
    assert!(error.sentence().contains("give --resume"), "{error:?}");

    let ears = Ears::default();
    let watch = ears.watch();
    let options = ProveOptions {
        checkpoints: CheckpointOptions {
            resume: true,
            ..CheckpointOptions::default()
        },
        ..options
    };
    let proved = prove(&options, &keys, &watch).unwrap();
    assert!(!checkpoint.exists() && s.path("p.proof").exists());
    assert_eq!(watch.stop().checkpoint(), None);
    let phases = ears.phases();
    let (name, from, to, steps) = phases[2];
    assert_eq!((phases.len(), name), (3, FOLDING));
    assert!((3..steps).contains(&from), "{from} of {steps}");
    assert_eq!((to, proved.steps), (steps, steps));
    let on = format!("going on after {from} of {steps} steps");
    assert!(ears.notes().contains(&on), "{:?}", ears.notes());

    let options = RunOptions {
        bundle: s.path("tiny.pleat"),
        data: s.data(),
    };
    let run = run(&options, &Watch::default()).unwrap();
    let correct = run.correct.map(|n| n as u64);
    assert_eq!(proved.statement.correct, correct);
    assert_eq!(proved.statement.samples, n);
}

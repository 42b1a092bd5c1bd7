//! Data that are others when they are read again: no proof is made of what was not committed to.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use pleat_argument::data::{DataSecrecy, Samples, fold_data, register_data};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::layout::data_layout;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::statement::context_hash;
use pleat_argument::{Error, Result};
use pleat_model::data::Sample;

use crate::claims::MODEL;
use crate::fixture::{BUNDLE, GROUP_BITS, KEY, ROW_BITS, samples};

/// Samples of which one is changed after it was read once.
struct Unsteady {
    samples: Vec<Sample>,
    index: usize,
    change: fn(&mut Sample),
    read: AtomicUsize,
}

impl Samples for Unsteady {
    fn count(&self) -> u64 {
        self.samples.len() as u64
    }

    fn labelled(&self) -> bool {
        true
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Sample>> {
        let mut samples = self.samples.as_slice().read(range.clone())?;
        if range.contains(&(self.index as u64)) && self.read.fetch_add(1, Ordering::Relaxed) > 0 {
            (self.change)(&mut samples[self.index - range.start as usize]);
        }
        Ok(samples)
    }
}

/// A value of another sample that is in range, too.
fn other_value(sample: &mut Sample) {
    let value = sample.values[0];
    let other = sample.values.iter().find(|&&v| v != value);
    sample.values[0] = *other.unwrap();
}

fn other_label(sample: &mut Sample) {
    sample.label = sample.label.map(|label| u32::from(label == 0));
}

#[test]
fn data_that_changed_since_they_were_committed_to_are_not_proved() {
    let network = &BUNDLE.network;
    let layout = data_layout(network, true, ROW_BITS).unwrap().0;
    let of_vector = 1usize << layout.samples_bits();
    // Two vectors and a sample; what is changed lies in the second.
    let all = samples(&BUNDLE, 2 * of_vector + 1);
    let index = 2 * of_vector - 1;
    let name = format!("samples {of_vector} to {index} are not");
    let unsteady = |change| Unsteady {
        samples: all.clone(),
        index,
        change,
        read: AtomicUsize::new(0),
    };
    let scheme = Scheme::HyperKzg;
    let context = context_hash(b"changes");
    let evaluation = |data: &Unsteady| {
        let public = DataSecrecy::Public;
        Evaluation::new(&MODEL, Kind::Accuracy, data, public, Some(GROUP_BITS)).unwrap()
    };
    let changes: [fn(&mut Sample); 2] = [other_value, other_label];
    for change in changes {
        let mut steps = 0;
        let mut count = |_| {
            steps += 1;
            Ok(())
        };
        let data = unsteady(change);
        let proved = evaluation(&data).prove(&data, context, &ProofSecret::native([1; 32]), scheme);
        let data = unsteady(change);
        let own = evaluation(&data);
        let prepared = own
            .prepare(&data, context, &ProofSecret::native([1; 32]))
            .unwrap();
        let folded = own.fold(prepared, &data, scheme, &mut count, None);
        let (own, secret) = (&ProofSecret::native([2; 32]), [3; 32]);
        let data = unsteady(change);
        let registered = register_data(&KEY, network, ROW_BITS, &data, secret, own, scheme);
        let data = unsteady(change);
        let folded_data = fold_data(
            &KEY, network, ROW_BITS, &data, secret, own, scheme, &mut count,
        );
        let errors = [
            proved.map(drop),
            folded.map(drop),
            registered.map(drop),
            folded_data.map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Changed(_)), "{error}");
            assert!(error.to_string().starts_with(&name), "{error}");
        }
        // Found before anything of the vector was proved, not at the end.
        assert!(steps > 0);
    }
    // Left alone, they are proved.
    let data = unsteady(|_| ());
    let proved = evaluation(&data).prove(&data, context, &ProofSecret::native([1; 32]), scheme);
    assert_eq!(proved.unwrap().statement.samples, all.len() as u64);
}

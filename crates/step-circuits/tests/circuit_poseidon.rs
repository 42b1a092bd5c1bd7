//! Hashes and transcripts against their native twins.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{inputs, random_scalars};
use nova_snark::frontend::ConstraintSystem;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use pleat_argument::transcript::{self, Domain};
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::Number;
use pleat_step_circuits::circuit::poseidon::{Transcript, hash};
use pleat_step_circuits::testing::Recorder;

const LENGTHS: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 24, 25, 60];

#[test]
fn hashes_equal_their_twins_and_cost_what_is_said() {
    let mut costs = vec![];
    for length in LENGTHS {
        let values = random_scalars(length, 7);
        let mut cs = Recorder::default();
        let (numbers, _) = inputs(&mut cs, &values);
        let digest = hash(&mut cs, Domain::Group, &numbers).unwrap();
        assert_eq!(digest.value(), transcript::hash(Domain::Group, &values));
        cs.assert_satisfied();
        // All but the inputs and the constant are determined one by one by a constraint.
        assert_eq!(cs.cells() - length - 1, cs.constraints());
        costs.push((length, cs.constraints(), cs.nonzeros()));

        let mut witness = WitnessCS::<Scalar>::new();
        let numbers: Vec<_> = (values.iter())
            .map(|v| Number::alloc(&mut witness, "input", *v).unwrap())
            .collect();
        let again = hash(&mut witness, Domain::Group, &numbers).unwrap();
        assert_eq!(again.value(), digest.value());
        let cells: Vec<_> = (1..cs.cells()).map(|i| cs.get(i)).collect();
        assert_eq!(witness.aux_assignment(), cells);
    }
    let expected = [
        (0, 252, 2852),
        (1, 255, 2877),
        (2, 258, 2902),
        (3, 261, 2927),
        (4, 306, 3464),
        (5, 309, 3495),
        (6, 720, 11645),
        (24, 774, 13229),
        (25, 1551, 26474),
        (60, 2328, 39821),
    ];
    assert_eq!(costs, expected);
}

#[test]
fn no_variable_of_a_hash_is_free() {
    for length in [2, 3, 5, 26] {
        let values = random_scalars(length, 8);
        let mut cs = Recorder::default();
        let (numbers, given) = inputs(&mut cs, &values);
        hash(&mut cs, Domain::Group, &numbers).unwrap();
        assert_eq!(cs.free_cells(&given), Vec::<String>::new());
        assert_eq!(cs.freedom(&given), 0);
    }
}

#[test]
fn transcripts_equal_their_twin() {
    let values = random_scalars(9, 9);
    let mut cs = Recorder::default();
    let (numbers, _) = inputs(&mut cs, &values);
    let mut native = transcript::Transcript::new(Domain::Step, &values[..4]);
    let mut ours = Transcript::new(&mut cs, Domain::Step, &numbers[..4]).unwrap();
    assert_eq!(ours.state().value(), native.state());
    for range in [4..5, 5..9] {
        let challenge = ours.message(&mut cs, &numbers[range.clone()]).unwrap();
        assert_eq!(challenge.value(), native.message(&values[range]));
        assert_eq!(ours.state().value(), native.state());
    }
    let resumed = Transcript::resume(ours.state().clone());
    assert_eq!(resumed.state().value(), native.state());
    cs.assert_satisfied();
}

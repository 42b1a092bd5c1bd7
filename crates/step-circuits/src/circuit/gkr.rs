//! The verifier of a sum of fractions.

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::lookup::LookupProof;

use super::Number;
use super::poseidon::Transcript;
use crate::Scalar;

/// What remains to be checked of a sum of fractions.
#[derive(Clone, Debug)]
pub struct LeafClaim {
    /// Numerator and denominator of the sum. The caller checks that the denominator is not zero.
    pub root: [Number; 2],
    /// By bit: the bits of the row, then the bit that selects the fraction.
    pub point: Vec<Number>,
    /// The extension of the numerators there.
    pub numerator: Number,
    /// The extension of the denominators there.
    pub denominator: Number,
}

/// Verifies a sum of fractions over `2^row_bits` rows down to a claim about the leaves.
///
/// Shape: a proof of `row_bits + 1` layers, layer `k` with `k` rounds, which is the prover's; an error if
/// it has another. The transcript goes on.
/// Requires: nothing; zeros throughout satisfy it, for a step without lookups.
/// Enforces: what the native verifier does. `q(1)` of a round is a witness `q(0) + step` with
/// `z step = expected - q(0)`; where the coordinate `z` is zero the native verifier rejects, while here
/// `step` would be free. A coordinate is a hash, zero with probability 1/p.
/// Binds: root and layers' values are the prover's messages; all else by the products named after them.
/// Cost: 264 a round (261 for its hash, 3), 316 a layer (309 for its hash, 7), 262 for the root:
/// `132 row_bits (row_bits + 1) + 316 (row_bits + 1) + 262`.
/// Native twin: [`pleat_argument::lookup::verify`].
/// Source: Papini and Haboeck (eprint 2023/1284), rounds of Gruen (eprint 2024/108).
pub fn verify<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    row_bits: u32,
    proof: &LookupProof,
    transcript: &mut Transcript,
) -> Result<LeafClaim, SynthesisError> {
    let shape = proof.layers.len() as u64 == u64::from(row_bits) + 1
        && (proof.layers.iter().enumerate()).all(|(k, layer)| layer.rounds.len() == k);
    if !shape {
        return Err(SynthesisError::IncompatibleLengthVector("layers".into()));
    }
    let root = messages(cs, &proof.root)?;
    let challenge = transcript.message(cs, &root)?;
    let mut lambda = challenge.product(cs, "lambda", &challenge)?;
    let mut point: Vec<Number> = vec![];
    let [mut numerator, mut denominator] = root.clone();
    for layer in &proof.layers {
        let mut expected = lambda.product_plus(cs, "layer", &denominator, &numerator)?;
        for (round, z) in layer.rounds.iter().zip(point.iter_mut().rev()) {
            let round = messages(cs, round)?;
            let [q0, q2] = &round;
            let rest = &expected - q0;
            let step = z.value().invert().unwrap_or(Scalar::ZERO) * rest.value();
            let step = Number::alloc(cs, "step", step)?;
            z.enforce_product(cs, "step", &step, &rest);
            let r = transcript.message(cs, &round)?;
            let quadratic = r.product(cs, "quadratic", q2)?;
            let slope = &(&step - q2) + &quadratic;
            expected = r.product_plus(cs, "round", &slope, q0)?;
            *z = r;
        }
        let values = messages(cs, &layer.values)?;
        let [na, da, nb, db] = &values;
        let cross = na.product(cs, "cross product", db)?;
        let weighted = lambda.product_plus(cs, "weighted", db, nb)?;
        da.enforce_product(cs, "layer below", &weighted, &(&expected - &cross));
        let c = transcript.message(cs, &values)?;
        numerator = c.product_plus(cs, "numerator", &(nb - na), na)?;
        denominator = c.product_plus(cs, "denominator", &(db - da), da)?;
        lambda = c.product(cs, "lambda", &c)?;
        point.push(c);
    }
    Ok(LeafClaim {
        root,
        point,
        numerator,
        denominator,
    })
}

/// A message of the prover.
fn messages<CS: ConstraintSystem<Scalar>, const N: usize>(
    cs: &mut CS,
    values: &[Scalar; N],
) -> Result<[Number; N], SynthesisError> {
    let mut numbers = std::array::from_fn(|_| Number::zero());
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = Number::alloc(cs, "message", *value)?;
    }
    Ok(numbers)
}

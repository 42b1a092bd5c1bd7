//! The verifier of a sum-check of degree three.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::poseidon::Transcript;
use super::{Bit, Number};
use crate::Scalar;

/// The value at `r` of a round's polynomial with coefficients `c0, c2, c3` and the linear one from the claim.
///
/// Shape: claim, message, challenge to the next claim.
/// Requires: nothing. Enforces: `c0 + r (c1 + r (c2 + r c3))` with `c1 = claim - 2 c0 - c2 - c3`.
/// Binds: two inner values of Horner's rule and the result, one product each.
/// Cost: 3. Native twin: a round of [`pleat_argument::sumcheck::verify`] for `D = 3`.
/// Source: Lund, Fortnow, Karloff, Nisan (1992).
pub fn round<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    claim: &Number,
    [c0, c2, c3]: [&Number; 3],
    r: &Number,
) -> Result<Number, SynthesisError> {
    let cubic = r.product(cs, "cubic part", c3)?;
    let quadratic = r.product(cs, "quadratic part", &(c2 + &cubic))?;
    let linear = claim - &Number::sum([&c0.double(), c2, c3]);
    r.product_plus(cs, "round", &(&linear + &quadratic), c0)
}

/// What the rounds of a sum-check end with.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// Coordinates, lowest first; zero where the round was inactive.
    pub point: Vec<Number>,
    /// The claim about the summand there, which the caller must check.
    pub claim: Number,
    /// The transcript after the last active round.
    pub transcript: Transcript,
}

/// The rounds of a sum-check, some of which may not take place.
///
/// Shape: messages `c0, c2, c3` and bits, highest coordinate first, as many of one as of the other, else an error.
/// Requires: bits are bits.
/// Enforces, per active round: the message is absorbed, the coordinate is the challenge, and the next claim
/// that of [`round`]. An inactive round has coordinate zero and leaves claim and transcript as they are.
/// `c3` is zero unless `cubic`, whether a round is active or not.
/// Binds: coordinates, claims and states by the selections named after them. Messages are the prover's;
/// those of inactive rounds are read by nothing.
/// Cost: 313 a round: 306 for the hash, 3 for [`round`], one each for coordinate, state, claim, degree.
/// Native twin: [`pleat_argument::sumcheck::verify`] over the active rounds.
pub fn rounds<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    claim: &Number,
    messages: &[[Scalar; 3]],
    active: &[Bit],
    cubic: &Bit,
    transcript: Transcript,
) -> Result<Rounds, SynthesisError> {
    if messages.len() != active.len() {
        return Err(SynthesisError::IncompatibleLengthVector("rounds".into()));
    }
    let mut state = transcript.state().clone();
    let mut claim = claim.clone();
    let mut point = Vec::with_capacity(messages.len());
    for (message, active) in messages.iter().zip(active) {
        let [c0, c2, c3] = message.map(|c| Number::alloc(cs, "message", c));
        let message = [c0?, c2?, c3?];
        let [c0, c2, c3] = &message;
        c3.enforce_product(cs, "degree", cubic.not().number(), &Number::zero());
        let r = Transcript::resume(state.clone()).message(cs, &message)?;
        let value = round(cs, &claim, [c0, c2, c3], &r)?;
        point.push(active.number().product(cs, "coordinate", &r)?);
        state = active.select_variable(cs, "state", &r, &state)?;
        claim = active.select_variable(cs, "claim", &value, &claim)?;
    }
    point.reverse();
    Ok(Rounds {
        point,
        claim,
        transcript: Transcript::resume(state),
    })
}

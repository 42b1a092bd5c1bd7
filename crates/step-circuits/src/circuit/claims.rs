//! Claims of products: absorbed, checked against the channel sum-check, added to the linear relation.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::WEIGHT_BITS;
use pleat_argument::step::transition::Message;

use super::bits::{power, squares, times_power};
use super::descriptor::DescriptorNumbers;
use super::number::Number;
use super::poseidon::Transcript;
use super::state::StateNumbers;
use super::task::Done;
use super::transition::Said;
use crate::Scalar;

/// Absorbs claims and count, and returns the squares of zeta and of the new delta.
///
/// Enforces what the native transition's `claims` does.
/// Binds: claims by the transcript and the sum-check's last claim, zero in unused places; the count by the
/// linear relation, zero unless claimed.
/// Cost: about 28 a product and the hash of all claims.
pub(super) fn claims<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    message: &Message,
    said: &Said,
    done: &Done,
    state: &mut StateNumbers,
) -> Result<(Vec<Number>, Vec<Number>), SynthesisError> {
    let zero = Number::zero();
    let flags = &descriptor.claims;
    let inner = &mut state.inner;

    // Transcript.
    let head = &descriptor.head;
    inner.marks[0] = head.select_variable(cs, "first mark", &done.transcript, &inner.marks[0])?;
    let own = head.select_variable(cs, "transcript", &done.transcript, &inner.transcript)?;
    let before = flags
        .replay
        .select_variable(cs, "replayed transcript", &inner.marks[0], &own)?;
    inner.marks[1] = flags
        .close
        .select_variable(cs, "last mark", &before, &inner.marks[1])?;
    let mut claimed: Vec<[Number; 2]> = vec![];
    for ([x, u], product) in message.claims.iter().zip(&descriptor.products) {
        let unused = product.active.not();
        let pair = [Number::alloc(cs, "X", *x)?, Number::alloc(cs, "U", *u)?];
        for claim in &pair {
            unused
                .number()
                .enforce_product(cs, "no claim", claim, &zero);
        }
        claimed.push(pair);
    }
    let all: Vec<Number> = claimed.iter().flatten().cloned().collect();
    let absorbed = Transcript::resume(before.clone()).message(cs, &all)?;
    let (verify, target) = (flags.verify.number(), flags.target.number());
    let both = verify.product(cs, "verified and added", target)?;
    let any = Number::sum([verify, target, &-&both]);
    inner.transcript = any.product_plus(cs, "after claims", &(&absorbed - &before), &before)?;
    flags.replayed.number().enforce_product(
        cs,
        "replayed claims",
        &(&inner.transcript - &inner.marks[1]),
        &zero,
    );

    // Count and delta.
    for unclaimed in [flags.close.not(), descriptor.count_claimed.not()] {
        unclaimed
            .number()
            .enforce_product(cs, "no count", &said.count, &zero);
    }
    let closed = Transcript::resume(inner.transcript.clone())
        .message(cs, std::slice::from_ref(&said.count))?;
    inner.delta = flags
        .close
        .select_variable(cs, "delta", &closed, &inner.delta)?;
    state.count = &state.count + &said.count;
    let zeta = squares(cs, &inner.zeta, WEIGHT_BITS as usize)?;
    let delta = squares(cs, &inner.delta, WEIGHT_BITS as usize)?;
    let counted =
        power(cs, &delta, &descriptor.count_claim)?.product(cs, "counted", &said.count)?;

    // Products.
    let mut weight = power(cs, &zeta, &descriptor.first_identity)?;
    let mut scale = power(cs, &delta, &descriptor.first_claim)?;
    let (mut verified, mut added) = (vec![], vec![]);
    for ([x, u], product) in claimed.iter().zip(&descriptor.products) {
        weight = times_power(cs, &weight, &zeta, &product.step)?;
        let both = x.product(cs, "X U", u)?;
        verified.push(weight.product(cs, "product", &both)?);
        let next = scale.product(cs, "delta of U", &inner.delta)?;
        added.push(scale.product(cs, "weighted X", x)?);
        added.push(next.product(cs, "weighted U", u)?);
        let after = next.product(cs, "delta of the next", &inner.delta)?;
        scale = product
            .active
            .select_variable(cs, "delta of X", &after, &scale)?;
    }
    let verified = verify.product(cs, "verified", &Number::sum(&verified))?;
    let added = target.product(cs, "added", &Number::sum(&added))?;
    inner.claim = &inner.claim - &verified;
    inner.linear = Number::sum([&inner.linear, &counted, &added]);
    Ok((zeta, delta))
}

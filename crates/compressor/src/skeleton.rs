//! The lengths inside nova's proof.
//!
//! nova-snark 0.76 asserts some lengths while it verifies (`batch_eval_verify`), where hostile bytes
//! would panic. Its types keep their fields to themselves, so the proof is read a second time into
//! types of the same encoding, and every length the circuit does not vary is compared.
#![allow(
    dead_code,
    reason = "fields give the encoding's shape; only lengths are read"
)]

use pleat_step_circuits::ARITY;
use serde::Deserialize;

use crate::{Envelope, Error, Result};

type Element = [u8; 32];
type Point = [u8; 32];
type Sumcheck = Vec<Vec<Element>>;

#[derive(Deserialize)]
struct Relaxed {
    comm_w: Point,
    comm_e: Point,
    x: Vec<Element>,
    u: Element,
}

#[derive(Deserialize)]
struct Strict {
    comm_w: Point,
    x: Vec<Element>,
}

#[derive(Deserialize)]
struct Spartan<A> {
    outer: Sumcheck,
    claims_outer: [Element; 3],
    eval_e: Element,
    inner: Sumcheck,
    eval_w: Element,
    batch: Sumcheck,
    evals_batch: Vec<Element>,
    argument: A,
}

#[derive(Deserialize)]
struct Kzg {
    com: Vec<Point>,
    w: [Point; 3],
    v: Vec<[Element; 3]>,
}

#[derive(Deserialize)]
struct InnerProduct {
    left: Vec<Point>,
    right: Vec<Point>,
    a_hat: Element,
}

#[derive(Deserialize)]
struct Skeleton {
    r_u_secondary: Relaxed,
    ri_secondary: Element,
    l_u_secondary: Strict,
    nifs_uf_secondary: Point,
    l_ur_secondary: Relaxed,
    nifs_un_secondary: Point,
    r_u_primary: Relaxed,
    ri_primary: Element,
    l_ur_primary: Relaxed,
    nifs_un_primary: Point,
    blinds: [Element; 4],
    primary: Spartan<Kzg>,
    secondary: Spartan<InnerProduct>,
    zn: Vec<Element>,
}

/// Most rounds of a sum-check: no circuit has more variables.
const MAX_ROUNDS: usize = 40;

fn sumcheck(proof: &Sumcheck, coefficients: usize) -> bool {
    proof.len() <= MAX_ROUNDS && proof.iter().all(|round| round.len() == coefficients)
}

fn spartan<A>(snark: &Spartan<A>) -> bool {
    // A round's polynomial is sent without its linear term: degree 3, 2, 2.
    sumcheck(&snark.outer, 3)
        && sumcheck(&snark.inner, 2)
        && sumcheck(&snark.batch, 2)
        && snark.evals_batch.len() == 2
}

/// Checks every length in the proof that does not depend on the circuit, and bounds the others.
pub(crate) fn check(envelope: &Envelope) -> Result<()> {
    let wrong = |_| Error::Malformed("its proof has another structure".into());
    let bytes = postcard::to_stdvec(&envelope.snark).map_err(wrong)?;
    let (skeleton, rest) = postcard::take_from_bytes::<Skeleton>(&bytes).map_err(wrong)?;
    let instances = [
        &skeleton.r_u_secondary.x,
        &skeleton.l_u_secondary.x,
        &skeleton.l_ur_secondary.x,
        &skeleton.r_u_primary.x,
        &skeleton.l_ur_primary.x,
    ];
    let (kzg, ipa) = (&skeleton.primary.argument, &skeleton.secondary.argument);
    let right = rest.is_empty()
        && instances.iter().all(|x| x.len() == 2)
        && skeleton.zn.len() == ARITY
        && spartan(&skeleton.primary)
        && spartan(&skeleton.secondary)
        && kzg.v.len() <= MAX_ROUNDS
        && kzg.com.len() + 1 == kzg.v.len()
        && ipa.left.len() < 32
        && ipa.left.len() == ipa.right.len();
    if right {
        Ok(())
    } else {
        Err(Error::Malformed("its proof has another structure".into()))
    }
}

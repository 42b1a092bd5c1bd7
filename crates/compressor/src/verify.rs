//! Checking the proof of a fold.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pleat_argument::group::folded::Expected;
use pleat_folding::{Circuit, Scalar};

use crate::{Error, Result, Snark, VerifyingKey};

/// Checks that a proof attests what the public side of a statement expects of the fold.
///
/// The caller has made sure that `expected` was computed with the size class and the commitment key of
/// `key`: [`crate::Envelope::verify`] does.
///
/// # Errors
/// [`Error::Malformed`] for bytes that are no proof, [`Error::Invalid`] for one that proves something else.
pub fn verify<C: Circuit>(key: &VerifyingKey<C>, snark: &[u8], expected: &Expected) -> Result<()> {
    key.check(snark, expected.steps, expected.initial, expected.last)
}

impl<C: Circuit> VerifyingKey<C> {
    /// Checks that `steps` steps of the circuit lead from one digest to another.
    pub(crate) fn check(
        &self,
        snark: &[u8],
        steps: u64,
        initial: Scalar,
        last: Scalar,
    ) -> Result<()> {
        let invalid = |what: &str| Error::Invalid(what.into());
        let snark = Snark::<C>::from_bytes(self.form(), snark).map_err(Error::Malformed)?;
        // Of zero steps nova-snark would say nothing.
        let steps = usize::try_from(steps).ok().filter(|n| *n > 0);
        let steps = steps.ok_or_else(|| invalid("it has no steps"))?;
        // What is left of nova-snark's assertions once lengths are checked: a challenge of zero has no
        // inverse, debug builds assert what the last pairing decides anyway.
        let verified = catch_unwind(AssertUnwindSafe(|| {
            snark.verify(self.keys(), steps, initial)
        }));
        let verified = verified.map_err(|_| invalid("its values cannot be checked"))?;
        let outputs = verified
            .ok_or_else(|| invalid("it has another form"))?
            .map_err(|e| Error::Invalid(e.to_string()))?;
        match outputs == [last] {
            true => Ok(()),
            false => Err(invalid(
                "its steps do not lead to the result, data or model it is claimed for",
            )),
        }
    }
}

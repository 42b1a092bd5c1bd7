//! Nova's compressed proof in its two forms.

use nova_snark::errors::NovaError;
use nova_snark::nova;
use nova_snark::provider::{hyperkzg, ipa_pc, mercury};
use nova_snark::spartan::{ppsnark, snark};
use pleat_folding::sealed::{Damage, whole};
use pleat_folding::{Circuit, Form, Primary, Scalar, Secondary};
use pleat_step_circuits::circuit::step::Step;

use crate::{Result, skeleton};

/// The final argument on the primary curve, form [`Form::Spartan`].
pub(crate) type Spartan = snark::RelaxedR1CSSNARK<Primary, hyperkzg::EvaluationEngine<Primary>>;
/// The final argument on the primary curve, form [`Form::MicroSpartan`].
pub(crate) type Micro = ppsnark::RelaxedR1CSSNARK<Primary, mercury::EvaluationEngine<Primary>>;
/// The final argument on the secondary curve.
pub(crate) type Last = snark::RelaxedR1CSSNARK<Secondary, ipa_pc::EvaluationEngine<Secondary>>;

pub(crate) type Compressed<C, S> = nova::CompressedSNARK<Primary, Secondary, C, S, Last>;
pub(crate) type ProverKey<C, S> = nova::ProverKey<Primary, Secondary, C, S, Last>;
pub(crate) type VerifierKey<C, S> = nova::VerifierKey<Primary, Secondary, C, S, Last>;

/// The compressed proof of a fold.
pub struct Snark<C: Circuit = Step>(Inner<C>);

enum Inner<C: Circuit> {
    Spartan(Box<Compressed<C, Spartan>>),
    Micro(Box<Compressed<C, Micro>>),
}

/// What checks such a proof.
pub(crate) enum Keys<C: Circuit> {
    Spartan(Box<VerifierKey<C, Spartan>>),
    Micro(Box<VerifierKey<C, Micro>>),
}

impl<C: Circuit> std::fmt::Debug for Snark<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snark({})", self.form())
    }
}

impl<C: Circuit> Snark<C> {
    pub(crate) fn spartan(snark: Compressed<C, Spartan>) -> Self {
        Self(Inner::Spartan(Box::new(snark)))
    }

    pub(crate) fn micro(snark: Compressed<C, Micro>) -> Self {
        Self(Inner::Micro(Box::new(snark)))
    }

    /// Its form.
    pub fn form(&self) -> Form {
        match self.0 {
            Inner::Spartan(_) => Form::Spartan,
            Inner::Micro(_) => Form::MicroSpartan,
        }
    }

    /// Its encoding.
    ///
    /// # Errors
    /// A proof that cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = match &self.0 {
            Inner::Spartan(snark) => postcard::to_stdvec(snark),
            Inner::Micro(snark) => postcard::to_stdvec(snark),
        };
        bytes.map_err(|e| {
            pleat_folding::Error::Invalid(format!("the proof cannot be encoded: {e}")).into()
        })
    }

    /// Reads what [`Self::to_bytes`] writes, and nothing else: points are on their curves, field elements
    /// reduced, lists of the lengths that nova-snark's verifier relies on.
    ///
    /// # Errors
    /// [`Damage::Content`].
    pub fn from_bytes(form: Form, bytes: &[u8]) -> Result<Self, Damage> {
        skeleton::check(form, bytes)?;
        Ok(match form {
            Form::Spartan => Self(Inner::Spartan(whole(bytes)?)),
            Form::MicroSpartan => Self(Inner::Micro(whole(bytes)?)),
        })
    }

    /// The output that `steps` steps from `initial` lead to; `None` for keys of another form.
    pub(crate) fn verify(
        &self,
        keys: &Keys<C>,
        steps: usize,
        initial: Scalar,
    ) -> Option<Result<Vec<Scalar>, NovaError>> {
        match (&self.0, keys) {
            (Inner::Spartan(snark), Keys::Spartan(key)) => {
                Some(snark.verify(key, steps, &[initial]))
            }
            (Inner::Micro(snark), Keys::Micro(key)) => Some(snark.verify(key, steps, &[initial])),
            _ => None,
        }
    }
}

//! The step circuit: the digest of a state to the digest of the next.

use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::step::Shape;
use pleat_argument::step::descriptor::Descriptor;
use pleat_argument::step::state::{Constants, State};
use pleat_argument::step::transition::Message;

use super::number::Number;
use super::transition::transition;
use crate::Scalar;

/// One step: its shape, and what is proved of it.
#[derive(Clone, Debug)]
pub struct Step {
    shape: Shape,
    record: StepRecord,
}

impl Step {
    /// The circuit of a size class, with a witness of zeros: for its shape.
    pub fn blank(shape: Shape) -> Self {
        Self {
            shape,
            record: StepRecord {
                state: State::new(Constants::default(), &shape, &G1Affine::identity()),
                descriptor: Descriptor::default(),
                message: Message::empty(&shape),
            },
        }
    }

    /// The circuit of a step.
    pub fn new(shape: Shape, record: StepRecord) -> Self {
        Self { shape, record }
    }
}

impl StepCircuit<Scalar> for Step {
    fn arity(&self) -> usize {
        1
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<Scalar>],
    ) -> Result<Vec<AllocatedNum<Scalar>>, SynthesisError> {
        let [input] = z else {
            return Err(SynthesisError::IncompatibleLengthVector("z".into()));
        };
        let digest = transition(cs, &self.shape, &self.record, &Number::of(input))?;
        let output = AllocatedNum::alloc(cs.namespace(|| "next"), || Ok(digest.value()))?;
        digest.enforce_equal(cs, "next state", &Number::of(&output));
        Ok(vec![output])
    }
}

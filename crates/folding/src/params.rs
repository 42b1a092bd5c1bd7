//! Public parameters of a network and a kind of statement.

use std::path::Path;

use nova_snark::nova::PublicParams;
use nova_snark::traits::snark::RelaxedR1CSSNARKTrait;
use pleat_argument::quiet::quietly;
use pleat_argument::srs::{self, SrsFile};
use pleat_model::network::Network;
use pleat_step_circuits::{Counts, Kind, Step};

use crate::{Error, Primary, PrimarySnark, Result, Secondary, SecondarySnark};

/// What nova adds to a step of [`pleat_step_circuits::ARITY`] elements on the primary curve:
/// verification of the previous step's folding. Its non-zero coefficients are not counted.
pub const AUGMENTED: Counts = Counts {
    constraints: 11_544,
    variables: 11_544,
    nonzeros: 0,
};

/// Coefficients of the step's matrices per point of the key, at most: several times what networks have.
const MAX_NONZEROS_PER_POINT: usize = 64;

/// What a step needs, known before any key is read.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    /// Size of the step circuit, nova's part included.
    pub constraints: usize,
    /// Variables, nova's part included.
    pub variables: usize,
    /// Non-zero coefficients of the step circuit, nova's part not included.
    pub nonzeros: usize,
    /// The commitment key needs `2^power` points.
    pub power: u32,
}

impl Requirements {
    /// Counts the constraints of a network's step.
    ///
    /// # Errors
    /// A network that cannot be proved, or not in one step.
    pub fn of(step: &Step) -> Result<Self> {
        let counts = step.counts()?;
        let constraints = counts.constraints + AUGMENTED.constraints;
        let variables = counts.variables + AUGMENTED.variables;
        let power = constraints.max(variables).next_power_of_two().ilog2();
        if power > srs::MAX_POWER {
            return Err(Error::TooLarge { power });
        }
        // A verifier has chosen how much it can afford by its key; long constraints must not exceed it.
        let limit = MAX_NONZEROS_PER_POINT << power;
        if counts.nonzeros > limit {
            return Err(Error::Invalid(format!(
                "the network's constraints have {} coefficients, a step of 2^{power} can hold {limit}",
                counts.nonzeros
            )));
        }
        Ok(Self {
            constraints,
            variables,
            nonzeros: counts.nonzeros,
            power,
        })
    }
}

/// Everything that depends on the architecture and the kind of statement only: circuit, key, shapes.
pub struct Params {
    step: Step,
    nova: PublicParams<Primary, Secondary, Step>,
    srs: SrsFile,
    requirements: Requirements,
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params")
            .field("srs", &self.srs)
            .field("requirements", &self.requirements)
            .finish_non_exhaustive()
    }
}

impl Params {
    /// Builds the circuit and reads the smallest sufficient key of `srs_dir`.
    ///
    /// # Errors
    /// A network that cannot be proved; a missing, too small or defective key.
    pub fn setup(network: &Network, kind: Kind, srs_dir: &Path) -> Result<Self> {
        let step = Step::new(network, kind)?;
        let requirements = Requirements::of(&step)?;
        let srs = srs::find(srs_dir, requirements.power)?;
        let nova = quietly(|| {
            PublicParams::setup_with_ptau_dir(
                &step,
                &*PrimarySnark::ck_floor(),
                &*SecondarySnark::ck_floor(),
                srs_dir,
            )
        })?;
        // The key was chosen by the predicted size; another size would read another key.
        if nova.num_constraints().0 != requirements.constraints
            || nova.num_variables().0 != requirements.variables
        {
            return Err(Error::Invalid(format!(
                "a step has {} constraints, {} were predicted; this is a defect, please report it",
                nova.num_constraints().0,
                requirements.constraints
            )));
        }
        Ok(Self {
            step,
            nova,
            srs,
            requirements,
        })
    }

    /// The circuit with an empty witness.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Nova's parameters.
    pub fn nova(&self) -> &PublicParams<Primary, Secondary, Step> {
        &self.nova
    }

    /// The commitment key's file.
    pub fn srs(&self) -> &SrsFile {
        &self.srs
    }

    /// The size of a step.
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }
}

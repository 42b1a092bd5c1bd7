//! The incremental prover: commitment keys, public parameters, one folding step per sample.
//!
//! Primary curve BN254 with HyperKZG commitments, whose key is a powers-of-tau file ([`srs`]);
//! secondary curve Grumpkin with inner-product commitments, which need no secret. Each sample is one
//! step of nova's incremental computation over [`pleat_step_circuits::Step`].
#![forbid(unsafe_code)]

pub mod error;
pub mod params;
pub mod prove;

pub use error::{Error, Result};
pub use params::{Params, Requirements};
pub use pleat_argument::srs;
pub use prove::{Prover, RunningProof};

use nova_snark::provider::{Bn256EngineKZG, GrumpkinEngine, hyperkzg, ipa_pc};
use nova_snark::spartan::snark::RelaxedR1CSSNARK;

/// The primary curve: steps, samples, weights.
pub type Primary = Bn256EngineKZG;
/// The secondary curve of the cycle.
pub type Secondary = GrumpkinEngine;
/// The final argument on the primary curve.
pub type PrimarySnark = RelaxedR1CSSNARK<Primary, hyperkzg::EvaluationEngine<Primary>>;
/// The final argument on the secondary curve.
pub type SecondarySnark = RelaxedR1CSSNARK<Secondary, ipa_pc::EvaluationEngine<Secondary>>;
/// Nova's incremental proof of this project's steps.
pub type Recursive =
    nova_snark::nova::RecursiveSNARK<Primary, Secondary, pleat_step_circuits::Step>;

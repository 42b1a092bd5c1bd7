//! What a proof will cost, before anything is proved.

use anyhow::Result;
use pleat_folding::Requirements;
use pleat_model::network::Network;
use pleat_step_circuits::{Kind, Step};
use serde::Serialize;

/// Size of one step.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Budget {
    pub(crate) constraints: usize,
    pub(crate) variables: usize,
    pub(crate) nonzeros: usize,
    /// Points of the commitment key needed: two to the `power`.
    pub(crate) key_points: u64,
    pub(crate) power: u32,
}

/// Expected cost of a proof of some steps on two cores.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Estimate {
    pub(crate) steps: usize,
    pub(crate) setup_seconds: f64,
    pub(crate) fold_seconds: f64,
    pub(crate) compress_seconds: f64,
    pub(crate) memory_bytes: u64,
    /// Commitment key and proof.
    pub(crate) disk_bytes: u64,
    pub(crate) proof_bytes: u64,
}

/// Cost as a line through measurements: `base + slope * constraints`.
struct Line {
    base: f64,
    slope: f64,
}

impl Line {
    fn at(&self, constraints: usize) -> f64 {
        self.base + self.slope * constraints as f64
    }
}

// Reference: two shared, busy cores of a virtual x86-64 server, lines through two measurements.
//
// | network        | constraints | setup | step   | compression | memory  | proof (key)         |
// | tiny           |      14,320 | 3.0 s | 0.27 s |       8.2 s | 0.14 GB | 11,183 bytes (2^14) |
// | LeNet-5 (demo) |   1,102,478 | 6.2 s | 0.97 s |        27 s | 3.95 GB | 14,071 bytes (2^21) |
//
// More cores help folding and compression; other machines differ by a factor of two or so.
const SETUP_SECONDS: Line = Line {
    base: 3.0,
    slope: 2.9e-6,
};
const FOLD_SECONDS: Line = Line {
    base: 0.26,
    slope: 0.64e-6,
};
const COMPRESS_SECONDS: Line = Line {
    base: 8.0,
    slope: 17.3e-6,
};
const MEMORY_BYTES: Line = Line {
    base: 91e6,
    slope: 3_500.0,
};
/// Bytes of a proof beside those that grow with the key and the outputs.
const PROOF_BYTES: u64 = 5_400;
/// Bytes of a proof per doubling of the key: commitments, evaluations, rounds of sumchecks.
const PROOF_BYTES_PER_POWER: u64 = 412;
/// Bytes of one output value in a proof.
const OUTPUT_BYTES: u64 = 2;
/// Bytes of one point in a key file.
const POINT_BYTES: u64 = 64;

/// Memory a proof takes.
pub(crate) fn memory_bytes(constraints: usize) -> u64 {
    MEMORY_BYTES.at(constraints) as u64
}

/// The cost of proving `steps` samples, one per step.
///
/// # Errors
/// A network that the prover cannot prove; the sentence says why.
pub(crate) fn estimate(network: &Network, kind: Kind, steps: usize) -> Result<(Budget, Estimate)> {
    let requirements = Requirements::of(&Step::new(network, kind)?)?;
    let constraints = requirements.constraints;
    let key_points = 1u64 << requirements.power;
    let outputs = match kind {
        Kind::Accuracy => 0,
        Kind::Outputs => network
            .outputs
            .iter()
            .map(|o| network.layers[o.layer].shape.len() as u64)
            .sum(),
    };
    let proof_bytes = PROOF_BYTES
        + PROOF_BYTES_PER_POWER * u64::from(requirements.power)
        + OUTPUT_BYTES * outputs * steps as u64;
    let budget = Budget {
        constraints,
        variables: requirements.variables,
        nonzeros: requirements.nonzeros,
        key_points,
        power: requirements.power,
    };
    let estimate = Estimate {
        steps,
        setup_seconds: SETUP_SECONDS.at(constraints),
        fold_seconds: FOLD_SECONDS.at(constraints) * steps as f64,
        compress_seconds: COMPRESS_SECONDS.at(constraints),
        memory_bytes: memory_bytes(constraints),
        disk_bytes: POINT_BYTES * key_points + proof_bytes,
        proof_bytes,
    };
    Ok((budget, estimate))
}

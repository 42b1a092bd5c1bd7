//! What a proof will cost, before anything is proved.

use pleat_argument::layout::{choose_group_bits, inference, register_model};
use pleat_argument::program::{COLUMN_BITS, Kind, Program, VectorKind};
use pleat_argument::statement::architecture_bytes;
use pleat_argument::step::schedule::Schedule;
use pleat_folding::Form;
use pleat_model::network::Network;
use serde::Serialize;

use crate::error::Result;

/// Size and expected cost of a proof on two cores.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Estimate {
    /// Rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Samples of the proof.
    pub samples: u64,
    /// Samples of a group.
    pub group_samples: u64,
    /// Groups.
    pub groups: u64,
    /// Chunks of all groups.
    pub chunks: u64,
    /// Their rows.
    pub rows: u64,
    /// The part of the rows that holds something.
    pub utilisation: f64,
    /// Steps of all groups.
    pub steps: u64,
    /// Points of the commitment key: two to this power.
    pub power: u32,
    /// Seconds of reading keys and writing out the circuit.
    pub setup_seconds: f64,
    /// Seconds from the first row to the last fold.
    pub prove_seconds: f64,
    /// Seconds of compression.
    pub compress_seconds: f64,
    /// Peak memory in bytes.
    pub memory_bytes: u64,
    /// Commitment key and proof, in bytes.
    pub disk_bytes: u64,
    /// The proof file, in bytes.
    pub proof_bytes: u64,
    /// One checkpoint, in bytes; 0 where none is written.
    pub checkpoint_bytes: u64,
}

// Reference: two cores of a virtual x86-64 server; docs/benchmarks.md has the measurements. More cores
// help; other machines differ by a factor of two or so.
/// Constraints of a step, folding included: a constant, one per row bit, one per round of the lookups.
const CONSTRAINTS: [f64; 3] = [38_000.0, 3_400.0, 132.0];
/// Seconds of folding a constraint.
const FOLD_SECONDS: f64 = 4.2e-6;
/// Seconds of a row: committing, lookups, sum-checks.
const ROW_SECONDS: f64 = 0.7e-6;
/// Seconds of opening, a row of the class.
const OPEN_SECONDS: f64 = 28e-6;
const SETUP_SECONDS: f64 = 16e-6;
const COMPRESS_SECONDS: f64 = 39e-6;
const MEMORY: [f64; 2] = [480e6, 2_080.0];
/// What MicroSpartan takes for the circuits of all classes, which have one to two million non-zeros: points of the
/// key as a power of two, seconds of compression, bytes of memory.
const MICRO_POWER: u32 = 21;
const MICRO_SECONDS: f64 = 42.0;
const MICRO_MEMORY: u64 = 3_900_000_000;
/// Bytes of a point in a key file, in a proof with its multiplier, and of the rest of a proof.
const POINT_BYTES: u64 = 64;
const TERM_BYTES: u64 = 64;
const PROOF_BYTES: u64 = 12_400;
/// Bytes of the opening for every row bit.
const OPENING_BYTES: u64 = 128;
/// Bytes of one output value in a proof.
const OUTPUT_BYTES: u64 = 2;

/// Bytes of a scalar: a checkpoint holds one for every value of the opening's combination, and vectors as
/// long as the step circuit.
const SCALAR_BYTES: u64 = 32;
const CHECKPOINT_VECTORS: u64 = 3;

impl Estimate {
    /// The same proof, compressed in this form.
    pub(crate) fn in_form(self, form: Form) -> Self {
        match form {
            Form::Spartan => self,
            Form::MicroSpartan => {
                let power = self.power.max(MICRO_POWER);
                Self {
                    power,
                    compress_seconds: MICRO_SECONDS,
                    memory_bytes: self.memory_bytes.max(MICRO_MEMORY),
                    disk_bytes: (POINT_BYTES << power) + self.proof_bytes,
                    ..self
                }
            }
        }
    }
}

/// Constraints of a step of a size class, folding included.
fn constraints(row_bits: u32) -> f64 {
    let b = f64::from(row_bits);
    let [base, per_bit, per_round] = CONSTRAINTS;
    base + per_bit * b + per_round * b * (b + 1.0)
}

/// Points of the key that a step needs, as a power of two.
pub(crate) fn step_power(row_bits: u32) -> u32 {
    constraints(row_bits).log2().ceil() as u32
}

/// The cost of proving `samples` samples in a size class.
///
/// # Errors
/// A network that the class cannot prove; the sentence says why.
pub(crate) fn estimate(
    network: &Network,
    kind: Kind,
    labelled: bool,
    row_bits: u32,
    samples: u64,
) -> Result<Estimate> {
    let group_bits = choose_group_bits(network, kind, labelled, row_bits, samples)?;
    let program = inference(network, kind, labelled, row_bits, group_bits)?;
    let outputs: u64 = match kind {
        Kind::Outputs => (network.outputs.iter())
            .map(|o| network.layers[o.layer].shape.len() as u64)
            .sum(),
        _ => 0,
    };
    cost(network, &program, samples, outputs)
}

/// The cost of registering a network in a size class; no checkpoint is written.
///
/// # Errors
/// As [`estimate`].
pub(crate) fn estimate_registration(network: &Network, row_bits: u32) -> Result<Estimate> {
    Ok(Estimate {
        checkpoint_bytes: 0,
        ..cost(network, &register_model(network, row_bits)?, 0, 0)?
    })
}

/// The cost of proving a program for so many samples, with so many public output values each.
fn cost(network: &Network, program: &Program, samples: u64, outputs: u64) -> Result<Estimate> {
    let row_bits = program.row_bits;
    let schedule = Schedule::new(program, samples)?;
    let (groups, steps) = (schedule.groups(), schedule.steps());
    let chunks = program.chunks() as u64 * groups;
    let rows = chunks << row_bits;
    let constraints = constraints(row_bits);
    let class_rows = f64::from(1u32 << row_bits);
    let own =
        program.of_kind(VectorKind::Trace).count() + program.of_kind(VectorKind::Outputs).count();
    let all = program.vectors.len() as u64 * groups;
    let proof_bytes = PROOF_BYTES
        + OPENING_BYTES * u64::from(row_bits)
        + architecture_bytes(network)?.len() as u64
        + 32 * all
        + (TERM_BYTES - 32) * own as u64 * groups
        + OUTPUT_BYTES * outputs * samples;
    let power = (row_bits + COLUMN_BITS).max(step_power(row_bits));
    let [memory, memory_per_row] = MEMORY;
    Ok(Estimate {
        row_bits,
        samples,
        group_samples: program.group_samples(),
        groups,
        chunks,
        rows,
        utilisation: program.utilisation(),
        steps,
        power,
        setup_seconds: SETUP_SECONDS * constraints,
        prove_seconds: steps as f64 * FOLD_SECONDS * constraints
            + rows as f64 * ROW_SECONDS
            + class_rows * OPEN_SECONDS,
        compress_seconds: COMPRESS_SECONDS * constraints,
        memory_bytes: (memory + memory_per_row * class_rows) as u64,
        disk_bytes: (POINT_BYTES << power) + proof_bytes,
        proof_bytes,
        checkpoint_bytes: (SCALAR_BYTES << (row_bits + COLUMN_BITS))
            + CHECKPOINT_VECTORS * SCALAR_BYTES * constraints as u64,
    })
}

//! Why keys, parameters or steps fail.

/// What can go wrong while keys are made or samples are proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A circuit beyond the largest ceremony.
    #[error("one step needs 2^{power} commitment key points, the largest ceremony has 2^28")]
    TooLarge {
        /// Power needed.
        power: u32,
    },
    /// A state of the circuit that differs from the native one: a defect of this program.
    #[error(
        "step {step}: the circuit and the native statement disagree; this is a defect, please report it"
    )]
    Disagreement {
        /// Index of the step.
        step: u64,
    },
    /// A proof of nothing.
    #[error("no sample was proved")]
    NoSample,
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// From the commitment keys.
    #[error(transparent)]
    Argument(#[from] pleat_argument::Error),
    /// From the circuit: unsupported layers, samples that do not fit.
    #[error(transparent)]
    Circuit(#[from] pleat_step_circuits::Error),
    /// From the network, the executor, or a file.
    #[error(transparent)]
    Model(#[from] pleat_model::Error),
    /// From nova-snark.
    #[error("nova-snark: {0}")]
    Nova(#[from] nova_snark::errors::NovaError),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

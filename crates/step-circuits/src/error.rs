//! Why a network or a sample cannot be proved.

/// What keeps a network or a sample from being proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer without a gadget.
    #[error("layer {index} '{name}': the prover cannot prove {what} yet; `pleat run` works")]
    Unsupported {
        /// Index of the layer.
        index: usize,
        /// Name of the layer.
        name: String,
        /// What has no gadget.
        what: String,
    },
    /// Numbers of a layer that could leave the range in which field and integer arithmetic agree.
    #[error(
        "layer {index} '{name}': values up to 2^{bits} are too large to prove, the limit is 2^62"
    )]
    TooWide {
        /// Index of the layer.
        index: usize,
        /// Name of the layer.
        name: String,
        /// Bits of the largest value.
        bits: u32,
    },
    /// A network far beyond what one step can hold.
    #[error("the network needs about {needed} products per sample, one step can hold {limit}")]
    TooLarge {
        /// Products of the network.
        needed: u128,
        /// Largest number accepted.
        limit: u128,
    },
    /// A label that names no class.
    #[error("sample {sample}: label {label} names none of the {classes} classes")]
    Label {
        /// Index of the sample.
        sample: usize,
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// From the network or the executor.
    #[error(transparent)]
    Model(#[from] pleat_model::Error),
    /// From the circuit frontend.
    #[error("the circuit cannot be built: {0}")]
    Synthesis(#[from] nova_snark::frontend::SynthesisError),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

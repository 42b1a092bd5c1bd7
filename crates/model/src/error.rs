//! The one error type of this crate: every variant says what, where, and what would be accepted.

/// What can go wrong between a file and an integer network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is not what its name or magic number says, is truncated, or contradicts itself.
    #[error("not a valid {format}: {reason}")]
    Malformed {
        /// What the bytes were read as, for example "ONNX model" or "IDX image file".
        format: &'static str,
        /// What is wrong, with the offending value.
        reason: String,
    },
    /// The model uses something outside the supported set.
    #[error("node '{node}' ({operator}){}: {reason}", attribute_clause(.attribute))]
    Unsupported {
        /// Name of the node or layer in the file.
        node: String,
        /// Operator or layer type.
        operator: String,
        /// Attribute at fault, if one is.
        attribute: Option<String>,
        /// What was found and the closest supported form.
        reason: String,
    },
    /// A shape, value or option that does not fit the network.
    #[error("{0}")]
    Invalid(String),
    /// A sample drives an accumulator outside the layer's table; never wrapped silently.
    #[error(
        "sample {sample}: {name} needs the quotient {value}, outside the table {min}..={max}; \
         import again with calibration data that covers such samples"
    )]
    OutOfTable {
        /// Index of the sample in the data set.
        sample: usize,
        /// The layer.
        layer: crate::graph::NodeId,
        /// The layer with the owner's name, or its public name.
        name: String,
        /// The quotient that does not fit.
        value: i64,
        /// Smallest row of the table.
        min: i32,
        /// Largest row of the table.
        max: i32,
    },
    /// The operating system refused a file operation.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

fn attribute_clause(attribute: &Option<String>) -> String {
    attribute
        .as_ref()
        .map(|a| format!(", attribute '{a}'"))
        .unwrap_or_default()
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A file that is not a valid `format`.
    pub fn malformed(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed {
            format,
            reason: reason.into(),
        }
    }

    /// Something that does not fit, in a full sentence.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }

    /// An unsupported operator or attribute.
    pub fn unsupported(
        node: impl Into<String>,
        operator: impl Into<String>,
        attribute: Option<&str>,
        reason: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            node: node.into(),
            operator: operator.into(),
            attribute: attribute.map(str::to_owned),
            reason: reason.into(),
        }
    }

    /// Names the node an error of the graph builder arose at; other errors pass through.
    #[must_use]
    pub fn at_node(self, node: &str, operator: &str) -> Self {
        match self {
            Self::Invalid(reason) => Self::unsupported(node, operator, None, reason),
            other => other,
        }
    }
}

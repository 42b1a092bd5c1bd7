//! What a proof says, as people and programs read it.

use pleat_argument::program::Kind;
use pleat_compressor::{Combined, Envelope, Statement};
use serde::Serialize;

/// What a proof about data is to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatementKind {
    /// How many samples the network gets right; its outputs stay secret.
    #[default]
    Accuracy,
    /// The network's outputs; they are public.
    Outputs,
}

impl StatementKind {
    /// As the argument names it.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Accuracy => Kind::Accuracy,
            Self::Outputs => Kind::Outputs,
        }
    }
}

/// The public part of a proof.
#[derive(Clone, Debug, Serialize)]
pub struct ReadableStatement {
    /// `outputs`, `accuracy`, `registered model` or `registered data`.
    pub kind: &'static str,
    /// In hexadecimal.
    pub model_id: String,
    /// In hexadecimal; none for registrations of models.
    pub data_id: Option<String>,
    /// Samples it is about.
    pub samples: u64,
    /// The bytes it is bound to, in hexadecimal.
    pub context: String,
    /// Correct samples, for accuracy.
    pub correct: Option<u64>,
    /// Their share of the samples.
    pub accuracy: Option<f64>,
    /// Per sample, per output, its integers.
    pub outputs: Option<Vec<Vec<Vec<i32>>>>,
}

impl ReadableStatement {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let outputs = || envelope.outputs.clone();
        Self::new(&envelope.statement, envelope.correct, outputs)
    }

    /// Of all parts together.
    pub(crate) fn of_all(combined: &Combined) -> Self {
        let outputs = || combined.outputs();
        Self::new(combined.statement(), combined.correct(), outputs)
    }

    fn new(s: &Statement, correct: u64, outputs: impl FnOnce() -> Vec<Vec<Vec<i32>>>) -> Self {
        let accuracy = s.kind == Kind::Accuracy;
        Self {
            kind: match s.kind {
                Kind::Outputs => "outputs",
                Kind::Accuracy => "accuracy",
                Kind::RegisteredModel => "registered model",
                Kind::RegisteredData => "registered data",
            },
            model_id: hex::encode(s.model),
            data_id: (s.kind != Kind::RegisteredModel).then(|| hex::encode(s.data)),
            samples: s.samples,
            context: hex::encode(&s.context),
            correct: accuracy.then_some(correct),
            accuracy: accuracy.then(|| correct as f64 / s.samples.max(1) as f64),
            outputs: (s.kind == Kind::Outputs).then(outputs),
        }
    }
}

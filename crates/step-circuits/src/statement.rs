//! What is proved, and the native twins of every hash in it.
//!
//! | element of z | meaning | from one step to the next |
//! | --- | --- | --- |
//! | model id | hash of architecture, salt and weights | unchanged, recomputed in every step |
//! | data chain | hash over the samples so far, in order | absorbs the sample (and its label) |
//! | count | samples so far | + 1 |
//! | result | `accuracy`: correct samples; `outputs`: hash over all outputs so far | + hit; absorbs the outputs |
//! | context | hash of the caller's bytes | unchanged |

use ff::{Field, PrimeField};
use pleat_model::network::{LayerOp, LinearMap, Network, Weights, signed_range};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::gadgets::hash::{Domain, PACKED_BITS, Packer, hash};
use crate::gadgets::scalar;
use crate::{Error, Result, Scalar};

/// Bytes of a field element.
pub type Bytes = [u8; 32];

/// The kinds of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// How many samples the network classifies as labelled.
    Accuracy,
    /// What the network computes on every sample.
    Outputs,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accuracy => "accuracy",
            Self::Outputs => "outputs",
        })
    }
}

/// What changes from step to step: the circuit's `z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Commitment to architecture and weights.
    pub model_id: Scalar,
    /// Commitment to the samples so far.
    pub data_chain: Scalar,
    /// Samples so far.
    pub count: u64,
    /// Correct samples, or commitment to the outputs so far.
    pub result: Scalar,
    /// Commitment to the caller's bytes.
    pub context: Scalar,
}

impl State {
    /// The circuit's public vector.
    pub fn to_vec(&self) -> Vec<Scalar> {
        vec![
            self.model_id,
            self.data_chain,
            Scalar::from(self.count),
            self.result,
            self.context,
        ]
    }
}

/// A network and the kind of statement made about it: everything native that the circuit mirrors.
#[derive(Clone, Debug)]
pub struct Statement {
    kind: Kind,
    network: Network,
    architecture: Scalar,
}

impl Statement {
    /// A statement about a [valid](Network::validate) network.
    ///
    /// # Errors
    /// An invalid network, or one that cannot be encoded.
    pub fn new(network: &Network, kind: Kind) -> Result<Self> {
        network.validate()?;
        Ok(Self {
            kind,
            network: network.clone(),
            architecture: architecture_digest(network)?,
        })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The digest of the architecture, a constant of the circuit.
    pub fn architecture(&self) -> Scalar {
        self.architecture
    }

    /// The state before the first sample.
    pub fn initial(&self, model_id: Scalar, context: Scalar) -> State {
        let labels = self.kind == Kind::Accuracy;
        State {
            model_id,
            data_chain: chain_start(&self.network, labels),
            count: 0,
            result: match self.kind {
                Kind::Accuracy => Scalar::ZERO,
                Kind::Outputs => outputs_start(&self.network),
            },
            context,
        }
    }

    /// The state after one more sample: `values` are the network's outputs on it.
    ///
    /// # Errors
    /// A sample, label or outputs that do not fit the network.
    pub fn next(
        &self,
        state: &State,
        input: &[i32],
        label: Option<u32>,
        values: &[Vec<i32>],
    ) -> Result<State> {
        let mut next = *state;
        next.data_chain =
            absorb_sample(&self.network, state.data_chain, state.count, input, label)?;
        next.count += 1;
        match self.kind {
            Kind::Accuracy => {
                let (Some(label), Some(scores)) = (label, values.first()) else {
                    return Err(Error::Invalid(format!(
                        "sample {} has no label; accuracy needs one",
                        state.count
                    )));
                };
                if Network::top1(scores) == label as usize {
                    next.result += Scalar::ONE;
                }
            }
            Kind::Outputs => {
                if label.is_some() {
                    return Err(Error::Invalid(format!(
                        "sample {} has a label; a statement about outputs takes none",
                        state.count
                    )));
                }
                next.result = absorb_outputs(&self.network, state.result, state.count, values)?;
            }
        }
        Ok(next)
    }
}

/// SHA-256 of the versioned encoding of an architecture, its first 248 bits as a field element.
///
/// # Errors
/// An architecture that cannot be encoded.
pub fn architecture_digest(network: &Network) -> Result<Scalar> {
    let bytes = postcard::to_stdvec(network)
        .map_err(|e| Error::Invalid(format!("the architecture cannot be encoded: {e}")))?;
    let mut hasher = Sha256::new();
    hasher.update(b"pleat architecture v1\0");
    hasher.update(&bytes);
    Ok(from_31_bytes(&hasher.finalize()[..31]))
}

/// Up to 31 bytes, little endian: injective, below `2^248`.
fn from_31_bytes(bytes: &[u8]) -> Scalar {
    let mut repr = [0; 32];
    repr[..bytes.len()].copy_from_slice(bytes);
    Option::from(Scalar::from_repr(repr.into())).unwrap_or(Scalar::ZERO)
}

/// The two elements a salt is hashed as.
pub fn salt_elements(salt: &[u8; 32]) -> [Scalar; 2] {
    [from_31_bytes(&salt[..16]), from_31_bytes(&salt[16..])]
}

/// The model id: `H(Model; architecture digest, salt, packed weights)`.
///
/// Weights in layer order, per layer the kernel then the biases, each plus half its width's range;
/// 32 random bytes of salt hide them.
///
/// # Errors
/// Weights that are not the network's.
pub fn model_id(network: &Network, weights: &Weights, salt: &[u8; 32]) -> Result<Scalar> {
    network.validate_weights(weights)?;
    let mut packer = Packer::default();
    for (layer, secret) in network.layers.iter().zip(&weights.layers) {
        if let LayerOp::Linear {
            map:
                LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                },
            ..
        } = &layer.op
        {
            for &w in &secret.kernel {
                packer.push(digit(w.into(), signed_range(*weight_bits).0), *weight_bits);
            }
            for &b in &secret.bias {
                packer.push(digit(b, signed_range(*bias_bits).0), *bias_bits);
            }
        }
    }
    let mut elements = vec![architecture_digest(network)?];
    elements.extend(salt_elements(salt));
    elements.extend(packer.finish());
    Ok(hash(Domain::Model, &elements))
}

fn digit(value: i64, min: i64) -> u64 {
    value.wrapping_sub(min) as u64
}

/// Bits of a pixel or an output when packed: at least one.
pub(crate) fn packed_bits(range: pleat_model::network::ValueRange) -> u32 {
    let span = i64::from(range.max) - i64::from(range.min);
    crate::gadgets::max::width_of(span.unsigned_abs()).max(1)
}

fn chain_start(network: &Network, labels: bool) -> Scalar {
    let input = &network.input;
    let number = |n: usize| Scalar::from(n as u64);
    let mut elements = vec![
        number(input.shape.channels),
        number(input.shape.height),
        number(input.shape.width),
        Scalar::from(u64::from(input.flat)),
        scalar(input.range.min.into()),
        scalar(input.range.max.into()),
    ];
    if labels {
        elements.push(number(network.classes()));
    }
    let domain = match labels {
        true => Domain::LabelledData,
        false => Domain::Data,
    };
    hash(domain, &elements)
}

fn absorb_sample(
    network: &Network,
    chain: Scalar,
    sample: u64,
    input: &[i32],
    label: Option<u32>,
) -> Result<Scalar> {
    let spec = &network.input;
    if input.len() != spec.shape.len() {
        return Err(Error::Invalid(format!(
            "sample {sample} has {} values, the network takes {}",
            input.len(),
            spec.shape.len()
        )));
    }
    let range = spec.range;
    if let Some(v) = input.iter().find(|&&v| v < range.min || v > range.max) {
        return Err(Error::Invalid(format!(
            "sample {sample} has the value {v}, outside the input's range {}..={}",
            range.min, range.max
        )));
    }
    let mut packer = Packer::default();
    for &v in input {
        packer.push(digit(v.into(), range.min.into()), packed_bits(range));
    }
    let mut elements = vec![chain];
    elements.extend(packer.finish());
    let domain = match label {
        Some(label) => {
            if label as usize >= network.classes() {
                return Err(Error::Label {
                    sample: sample as usize,
                    label,
                    classes: network.classes(),
                });
            }
            elements.push(Scalar::from(u64::from(label)));
            Domain::LabelledSample
        }
        None => Domain::Sample,
    };
    Ok(hash(domain, &elements))
}

/// Commitment to a data set: the chain over its samples in order, each with its label or none with.
///
/// Pixels in CHW order, lowest bits first, [`PACKED_BITS`] bits per field element. The id is unsalted:
/// it identifies data, it does not hide data that can be guessed.
///
/// # Errors
/// A sample or label that does not fit the network.
pub fn data_id<'a>(
    network: &Network,
    labels: bool,
    samples: impl IntoIterator<Item = (&'a [i32], Option<u32>)>,
) -> Result<Scalar> {
    let mut chain = chain_start(network, labels);
    for (i, (input, label)) in samples.into_iter().enumerate() {
        if label.is_some() != labels {
            return Err(Error::Invalid(format!(
                "sample {i}: labels must be given for all samples or for none"
            )));
        }
        chain = absorb_sample(network, chain, i as u64, input, label)?;
    }
    Ok(chain)
}

fn outputs_start(network: &Network) -> Scalar {
    let lengths: Vec<Scalar> = network
        .outputs
        .iter()
        .map(|o| Scalar::from(network.layers[o.layer].shape.len() as u64))
        .collect();
    hash(Domain::Outputs, &lengths)
}

fn absorb_outputs(
    network: &Network,
    chain: Scalar,
    sample: u64,
    values: &[Vec<i32>],
) -> Result<Scalar> {
    let wrong = || {
        Error::Invalid(format!(
            "sample {sample}: outputs that are not the network's"
        ))
    };
    if values.len() != network.outputs.len() {
        return Err(wrong());
    }
    let mut packer = Packer::default();
    for (output, values) in network.outputs.iter().zip(values) {
        let layer = &network.layers[output.layer];
        let (range, inside) = (layer.range, |v: &i32| {
            (layer.range.min..=layer.range.max).contains(v)
        });
        if values.len() != layer.shape.len() || !values.iter().all(inside) {
            return Err(wrong());
        }
        for &v in values {
            packer.push(digit(v.into(), range.min.into()), packed_bits(range));
        }
    }
    let mut elements = vec![chain];
    elements.extend(packer.finish());
    Ok(hash(Domain::Output, &elements))
}

/// Commitment to all outputs of all samples: per sample, per output of the network, its values in CHW
/// order.
///
/// # Errors
/// Values that no run of the network can produce.
pub fn outputs_digest(network: &Network, outputs: &[Vec<Vec<i32>>]) -> Result<Scalar> {
    let mut chain = outputs_start(network);
    for (i, values) in outputs.iter().enumerate() {
        chain = absorb_outputs(network, chain, i as u64, values)?;
    }
    Ok(chain)
}

/// The hash of the caller's bytes, of any length.
pub fn context_hash(bytes: &[u8]) -> Scalar {
    let mut elements = vec![Scalar::from(bytes.len() as u64)];
    elements.extend(bytes.chunks(31).map(from_31_bytes));
    hash(Domain::Context, &elements)
}

/// A field element as canonical little-endian bytes.
pub fn to_bytes(x: &Scalar) -> Bytes {
    x.to_repr().into()
}

/// A field element from canonical bytes; `None` for a number not below the field's order.
pub fn from_bytes(bytes: &Bytes) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into()
}

const _: () = assert!(PACKED_BITS < Scalar::NUM_BITS);

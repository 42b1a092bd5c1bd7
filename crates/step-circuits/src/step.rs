//! One step: one sample through the network, the state advanced.

use std::sync::Arc;

use nova_snark::frontend::gadgets::poseidon::Elt;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, LinearCombination, SynthesisError, Variable};
use nova_snark::traits::circuit::StepCircuit;
use pleat_model::network::{LayerWeights, Network, Weights};

use crate::gadgets::argmax::{argmax, is_equal};
use crate::gadgets::bits::enforce_unsigned;
use crate::gadgets::hash::{Digit, Domain, hash_circuit, pack};
use crate::gadgets::max::width_of;
use crate::gadgets::{Lin, ONE, alloc_unbound};
use crate::layers::{self, Plan};
use crate::statement::{Kind, Statement, packed_bits, salt_elements};
use crate::{Result, Scalar};

/// Length of `z`.
pub const ARITY: usize = 5;

/// The secrets of the model's owner.
#[derive(Clone)]
struct Secrets {
    weights: Weights,
    salt: [u8; 32],
}

/// Nothing: whatever is printed may end in a log.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// The step circuit with one witness.
#[derive(Clone, Debug)]
pub struct Step {
    statement: Arc<Statement>,
    plan: Arc<Plan>,
    secrets: Arc<Secrets>,
    sample: Arc<[i32]>,
    label: u32,
}

impl Step {
    /// The circuit of a network and a kind of statement, with an all-zero witness: for parameters.
    ///
    /// # Errors
    /// A network that is invalid or cannot be proved.
    pub fn new(network: &Network, kind: Kind) -> Result<Self> {
        let plan = Plan::new(network)?;
        let weights = Weights {
            layers: (0..network.layers.len())
                .map(|i| LayerWeights {
                    kernel: vec![0; network.kernel_len(i)],
                    bias: vec![0; network.bias_len(i)],
                })
                .collect(),
        };
        Ok(Self {
            statement: Arc::new(Statement::new(network, kind)?),
            plan: Arc::new(plan),
            secrets: Arc::new(Secrets {
                weights,
                salt: [0; 32],
            }),
            sample: vec![0; network.input.shape.len()].into(),
            label: 0,
        })
    }

    /// The same circuit with a model's weights and salt.
    ///
    /// # Errors
    /// Weights that are not the network's.
    pub fn with_model(&self, weights: &Weights, salt: &[u8; 32]) -> Result<Self> {
        self.network().validate_weights(weights)?;
        Ok(Self {
            secrets: Arc::new(Secrets {
                weights: weights.clone(),
                salt: *salt,
            }),
            ..self.clone()
        })
    }

    /// The same circuit on a sample. A sample of another length is cut or filled with zeros; the
    /// native statement refuses it first.
    #[must_use]
    pub fn with_sample(&self, input: &[i32], label: Option<u32>) -> Self {
        let mut sample = input.to_vec();
        sample.resize(self.network().input.shape.len(), 0);
        Self {
            sample: sample.into(),
            label: label.unwrap_or(0),
            ..self.clone()
        }
    }

    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The network.
    pub fn network(&self) -> &Network {
        self.plan.network()
    }

    /// Size of this circuit, without nova's own part.
    ///
    /// # Errors
    /// A circuit that cannot be built.
    pub fn counts(&self) -> Result<Counts> {
        let mut counter = Counts::default();
        let z = (0..ARITY)
            .map(|_| AllocatedNum::alloc(&mut counter, || Ok(Scalar::zero())))
            .collect::<Result<Vec<_>, _>>()?;
        self.synthesize(&mut counter, &z)?;
        counter.variables -= ARITY;
        Ok(counter)
    }
}

impl StepCircuit<Scalar> for Step {
    fn arity(&self) -> usize {
        ARITY
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<Scalar>],
    ) -> Result<Vec<AllocatedNum<Scalar>>, SynthesisError> {
        let [model_id, data_chain, count, result, context] = z else {
            return Err(SynthesisError::IncompatibleLengthVector("z".into()));
        };
        let network = self.network();
        let labelled = self.statement.kind() == Kind::Accuracy;

        // The model: weights of the declared widths, hashed to the id that all steps share.
        let (weights, digits) = layers::allocate_weights(cs, network, &self.secrets.weights)?;
        let mut elements = vec![Elt::num_from_fr::<CS>(self.statement.architecture())];
        for half in salt_elements(&self.secrets.salt) {
            let half = AllocatedNum::alloc(cs.namespace(|| "salt"), || Ok(half))?;
            elements.push(Elt::Allocated(half));
        }
        elements.extend(pack(&mut cs.namespace(|| "pack weights"), &digits)?);
        let recomputed = hash_circuit(&mut cs.namespace(|| "model id"), Domain::Model, &elements)?;
        cs.enforce(
            || "the model id is the statement's",
            |lc| lc + recomputed.get_variable(),
            |lc| lc + ONE,
            |lc| lc + model_id.get_variable(),
        );

        // The sample: pixels of the declared width, chained with its label.
        let range = network.input.range;
        let bits = packed_bits(range);
        let mut pixels = Vec::with_capacity(self.sample.len());
        let mut digits = Vec::with_capacity(self.sample.len());
        {
            let mut cs = cs.namespace(|| "pixels");
            for &v in self.sample.iter() {
                let cell = alloc_unbound(&mut cs, "pixel", v.into())?;
                // The range is 0..=2^bits - 1, see Plan::new.
                enforce_unsigned(&mut cs, &cell.into(), bits)?;
                let min = range.min.into();
                digits.push(Digit { cell, min, bits });
                pixels.push(cell);
            }
        }
        let mut elements = vec![Elt::Allocated(data_chain.clone())];
        elements.extend(pack(&mut cs.namespace(|| "pack pixels"), &digits)?);
        let mut label = None;
        if labelled {
            // Any field element: the chain binds it, and only an index of a class can be a hit.
            let number = AllocatedNum::alloc(cs.namespace(|| "label"), || {
                Ok(Scalar::from(u64::from(self.label)))
            })?;
            let mut lin = Lin::default();
            lin.add(
                crate::gadgets::Cell {
                    variable: number.get_variable(),
                    coefficient: 1,
                    value: self.label.into(),
                },
                1,
            );
            elements.push(Elt::Allocated(number));
            label = Some(lin);
        }
        let domain = match labelled {
            true => Domain::LabelledSample,
            false => Domain::Sample,
        };
        let data_chain = hash_circuit(&mut cs.namespace(|| "data chain"), domain, &elements)?;

        // The network.
        let tensors = layers::synthesize(cs, &self.plan, pixels, &weights)?;

        // The result.
        let result = match label {
            Some(label) => {
                let mut cs = cs.namespace(|| "accuracy");
                let layer = network.outputs[0].layer;
                let span = network.layers[layer].range;
                let width = width_of(span.max.abs_diff(span.min).into());
                let predicted = argmax(&mut cs, &tensors[layer], width)?;
                let hit = is_equal(&mut cs, &predicted, &label)?;
                add(&mut cs.namespace(|| "correct"), result, &hit)?
            }
            None => {
                let mut cs = cs.namespace(|| "outputs");
                let mut digits = vec![];
                for output in &network.outputs {
                    let range = network.layers[output.layer].range;
                    digits.extend(tensors[output.layer].iter().map(|&cell| Digit {
                        cell,
                        min: range.min.into(),
                        bits: packed_bits(range),
                    }));
                }
                let mut elements = vec![Elt::Allocated(result.clone())];
                elements.extend(pack(&mut cs, &digits)?);
                hash_circuit(&mut cs, Domain::Output, &elements)?
            }
        };
        let count = add(&mut cs.namespace(|| "count"), count, &Lin::constant(1))?;
        Ok(vec![
            model_id.clone(),
            data_chain,
            count,
            result,
            context.clone(),
        ])
    }
}

/// `x + y` as a variable. Cost: 1, variables 1.
fn add<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    x: &AllocatedNum<Scalar>,
    y: &Lin,
) -> Result<AllocatedNum<Scalar>, SynthesisError> {
    let sum = AllocatedNum::alloc(cs.namespace(|| "sum"), || {
        x.get_value()
            .map(|x| x + crate::gadgets::scalar(y.value))
            .ok_or(SynthesisError::AssignmentMissing)
    })?;
    cs.enforce(
        || "sum",
        |lc| y.into_lc(lc) + x.get_variable(),
        |lc| lc + ONE,
        |lc| lc + sum.get_variable(),
    );
    Ok(sum)
}

/// The size of a circuit; as a constraint system it only counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Constraints.
    pub constraints: usize,
    /// Variables.
    pub variables: usize,
    /// Non-zero coefficients of the three matrices.
    pub nonzeros: usize,
}

impl ConstraintSystem<Scalar> for Counts {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.variables += 1;
        let index = nova_snark::frontend::Index::Aux(self.variables - 1);
        Ok(Variable::new_unchecked(index))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        // nova-snark refuses steps with inputs of their own.
        Err(SynthesisError::MalformedVerifyingKey)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LB: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LC: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
    {
        self.constraints += 1;
        let zero = LinearCombination::zero;
        self.nonzeros += a(zero()).len() + b(zero()).len() + c(zero()).len();
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

//! The Poseidon permutation as constraints, with few non-zero coefficients.
//!
//! A layout with one variable per S-box output (nova-snark's own gadget) writes every S-box *input* as a
//! combination of up to `width + partial rounds` variables, three times over: as `l` in `l l = l^2` (twice)
//! and in `l^4 l = l^5`. Here the inputs of the S-boxes are the variables, and the outputs the
//! combinations; an output is written once. The two are related by an invertible linear map:
//!
//! ```text
//! full rounds        outputs = matrix^-1 inputs of the next round
//! partial rounds     backward from the inputs of the full round behind them: from the state after a
//!                    round, the sparse matrix gives the S-box's output and the other elements before it
//! ```
//!
//! | constraints, non-zeros | nova-snark's | its compact mode | here |
//! | --- | --- | --- | --- |
//! | 3 elements | 265, 6939 | 433, 2304 | 261, 2927 |
//! | 5 elements | 313, 8155 | 593, 3600 | 309, 3495 |
//! | 24 elements | 778, 29070 | 2194, 24027 | 774, 13229 |
//!
//! Constraints and variables are as many, and determine each other in the same way. The first round's
//! outputs stay variables, since some of its inputs are constants: those cost nothing here.
//!
//! Constants and matrices are nova-snark's, read from its serialised form, which is public.

use ff::Field;
use nova_snark::frontend::gadgets::poseidon::Strength;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use serde::{Deserialize, Serialize};

use super::Number;
use crate::Scalar;

type Matrix = Vec<Vec<Scalar>>;

/// What nova-snark's serialised constants begin with.
#[derive(Deserialize)]
struct Constants {
    dense: Dense,
    /// What is added before the first S-boxes, then after each S-box but those of the last round.
    keys: Vec<Scalar>,
    before_sparse: Matrix,
    sparse: Vec<Sparse>,
    _strength: Strength,
    full_rounds: usize,
    partial_rounds: usize,
}

#[derive(Deserialize)]
struct Dense {
    matrix: Matrix,
    inverse: Matrix,
    _others: [Matrix; 4],
}

/// The identity but for what goes from all elements to the first, and from the first to the others.
#[derive(Deserialize)]
struct Sparse {
    to_first: Vec<Scalar>,
    from_first: Vec<Scalar>,
}

/// An element of a state.
#[derive(Clone, Debug)]
pub(super) enum Element {
    /// Known when the circuit is built.
    Constant(Scalar),
    /// A number.
    Number(Number),
}

/// The permutation of one width.
pub(super) struct Permutation {
    constants: Constants,
    /// Outputs of the full round before the partial rounds, then of the partial rounds: what each takes
    /// of the inputs of the partial rounds, then of the inputs of the full round behind them.
    middle: Matrix,
}

impl Permutation {
    /// The permutation of nova-snark's constants; `None` if they are not serialised as expected.
    pub(super) fn new(constants: &impl Serialize) -> Option<Self> {
        let bytes = postcard::to_allocvec(constants).ok()?;
        let (constants, _) = postcard::take_from_bytes::<Constants>(&bytes).ok()?;
        let middle = middle(&constants)?;
        Some(Self { constants, middle })
    }

    /// Number of elements of the state.
    pub(super) fn width(&self) -> usize {
        self.constants.dense.matrix.len()
    }

    /// Permutes a state. Every element of the result is one variable.
    ///
    /// Cost: 3 for each S-box whose input is no constant; in the first round alone there are such.
    /// Enforces: `l l = a`, `a a = b`, `b l = output`; an input is a variable bound by the S-boxes one
    /// round before it, through the invertible map above.
    pub(super) fn permute<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        state: &[Element],
    ) -> Result<Vec<Number>, SynthesisError> {
        let constants = &self.constants;
        let Dense {
            matrix, inverse, ..
        } = &constants.dense;
        let half = constants.full_rounds / 2;
        let mut keys = Keys(&constants.keys);

        let (before, after) = (keys.next(self.width()), keys.next(self.width()));
        let mut outputs = Vec::with_capacity(self.width());
        for ((element, before), after) in state.iter().zip(before).zip(after) {
            outputs.push(match element {
                Element::Constant(c) => Number::constant(fifth_power(&(c + before)) + after),
                Element::Number(number) => {
                    let input = number + &Number::constant(*before);
                    let value = fifth_power(&input.value()) + after;
                    let output = Number::alloc(cs, "s-box output", value)?;
                    s_box(cs, &input, || &output - &Number::constant(*after))?;
                    output
                }
            });
        }
        let mut inputs: Vec<_> = (0..self.width())
            .map(|j| combination(matrix.iter().map(|row| row[j]), &outputs))
            .collect();

        for _ in 2..half {
            inputs = full_round(cs, &inputs, keys.next(self.width()), matrix, inverse)?;
        }
        inputs = self.middle(cs, &inputs, &mut keys)?;
        for _ in 0..half {
            inputs = full_round(cs, &inputs, keys.next(self.width()), matrix, inverse)?;
        }
        Ok(inputs)
    }

    /// The full round before the partial rounds and these; gives the inputs of the round behind.
    fn middle<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        inputs: &[Number],
        keys: &mut Keys<'_>,
    ) -> Result<Vec<Number>, SynthesisError> {
        let constants = &self.constants;
        let full_keys = keys.next(self.width());
        let partial_keys = keys.next(constants.partial_rounds);
        let mut state = apply(&full_outputs(inputs, full_keys), &constants.before_sparse);
        let mut variables = Vec::with_capacity(self.middle.len());
        for (key, sparse) in partial_keys.iter().zip(&constants.sparse) {
            variables.push(Number::alloc(cs, "s-box input", state[0])?);
            state[0] = fifth_power(&state[0]) + key;
            let first = dot(&sparse.to_first, &state);
            if let Some((old, others)) = state.split_first_mut() {
                for (other, factor) in others.iter_mut().zip(&sparse.from_first) {
                    *other += *factor * *old;
                }
                *old = first;
            }
        }
        let behind = variables.len();
        for value in state {
            variables.push(Number::alloc(cs, "s-box input", value)?);
        }
        let all_inputs = inputs.iter().chain(&variables[..behind]);
        let all_keys = full_keys.iter().chain(partial_keys);
        for ((input, key), row) in all_inputs.zip(all_keys).zip(&self.middle) {
            s_box(cs, input, || {
                &combination(row.iter().copied(), &variables) - &Number::constant(*key)
            })?;
        }
        Ok(variables.split_off(behind))
    }
}

/// Keys not yet used; none are left for the last round.
struct Keys<'a>(&'a [Scalar]);

impl<'a> Keys<'a> {
    fn next(&mut self, count: usize) -> &'a [Scalar] {
        let (next, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        next
    }
}

/// A full round whose outputs are combinations of the next round's inputs, which it gives.
fn full_round<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &[Number],
    keys: &[Scalar],
    matrix: &Matrix,
    inverse: &Matrix,
) -> Result<Vec<Number>, SynthesisError> {
    let values = apply(&full_outputs(inputs, keys), matrix);
    let next = (values.iter())
        .map(|value| Number::alloc(cs, "s-box input", *value))
        .collect::<Result<Vec<_>, _>>()?;
    for (i, input) in inputs.iter().enumerate() {
        let key = keys.get(i).copied().unwrap_or(Scalar::ZERO);
        s_box(cs, input, || {
            &combination(inverse.iter().map(|row| row[i]), &next) - &Number::constant(key)
        })?;
    }
    Ok(next)
}

/// Enforces that an output is the fifth power of an input. Cost: 3.
fn s_box<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    input: &Number,
    output: impl FnOnce() -> Number,
) -> Result<(), SynthesisError> {
    let square = input.product(cs, "square", input)?;
    let fourth = square.product(cs, "fourth power", &square)?;
    let names = || "fifth power";
    cs.enforce(names, |_| fourth.lc(), |_| input.lc(), |_| output().lc());
    Ok(())
}

fn fifth_power(input: &Scalar) -> Scalar {
    input.square().square() * input
}

fn full_outputs(inputs: &[Number], keys: &[Scalar]) -> Vec<Scalar> {
    let keys = keys.iter().copied().chain(std::iter::repeat(Scalar::ZERO));
    let powers = inputs.iter().map(|input| fifth_power(&input.value()));
    powers.zip(keys).map(|(power, key)| power + key).collect()
}

fn dot(a: &[Scalar], b: &[Scalar]) -> Scalar {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A row times a matrix.
fn apply(row: &[Scalar], matrix: &Matrix) -> Vec<Scalar> {
    let mut result = vec![Scalar::ZERO; row.len()];
    for (element, row) in row.iter().zip(matrix) {
        for (sum, factor) in result.iter_mut().zip(row) {
            *sum += element * factor;
        }
    }
    result
}

fn combination(factors: impl Iterator<Item = Scalar>, numbers: &[Number]) -> Number {
    let terms: Vec<_> = (factors.zip(numbers))
        .filter(|(factor, _)| *factor != Scalar::ZERO)
        .map(|(factor, number)| number.scale(factor))
        .collect();
    Number::sum(&terms)
}

/// [`Permutation::middle`], by going backward through the partial rounds.
fn middle(constants: &Constants) -> Option<Matrix> {
    let width = constants.dense.matrix.len();
    let rounds = constants.partial_rounds;
    let unit = |i: usize| {
        let mut row = vec![Scalar::ZERO; rounds + width];
        row[i] = Scalar::ONE;
        row
    };
    let subtract = |row: &mut Vec<Scalar>, factor: &Scalar, other: &[Scalar]| {
        row.iter_mut()
            .zip(other)
            .for_each(|(a, b)| *a -= factor * b);
    };
    let mut state: Vec<_> = (0..width).map(|i| unit(rounds + i)).collect();
    let mut partial = Vec::with_capacity(rounds);
    for (round, sparse) in constants.sparse.iter().enumerate().rev() {
        // first' = sum_j to_j state_j and state_j' = state_j + from_j first, solved for `first`.
        let (own, to_first) = sparse.to_first.split_first()?;
        let mut first = state[0].clone();
        for (factor, element) in to_first.iter().zip(&state[1..]) {
            subtract(&mut first, factor, element);
        }
        let inverse = Option::<Scalar>::from((own - dot(to_first, &sparse.from_first)).invert())?;
        first.iter_mut().for_each(|c| *c *= inverse);
        for (factor, element) in sparse.from_first.iter().zip(&mut state[1..]) {
            subtract(element, factor, &first);
        }
        state[0] = unit(round);
        partial.push(first);
    }
    partial.reverse();
    let inverse = invert(&constants.before_sparse)?;
    let outputs = (0..width).map(|i| {
        let mut output = vec![Scalar::ZERO; rounds + width];
        for (row, element) in inverse.iter().zip(&state) {
            subtract(&mut output, &-row[i], element);
        }
        output
    });
    Some(outputs.chain(partial).collect())
}

/// The inverse of a matrix, by elimination.
fn invert(matrix: &Matrix) -> Option<Matrix> {
    let width = matrix.len();
    let mut rows: Matrix = (matrix.iter().enumerate())
        .map(|(i, row)| {
            let unit = (0..width).map(|j| Scalar::from(u64::from(i == j)));
            row.iter().copied().chain(unit).collect()
        })
        .collect();
    for i in 0..width {
        let pivot = (i..width).find(|&j| rows[j][i] != Scalar::ZERO)?;
        rows.swap(i, pivot);
        let inverse = Option::<Scalar>::from(rows[i][i].invert())?;
        rows[i].iter_mut().for_each(|c| *c *= inverse);
        let pivot = rows[i].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            row.iter_mut()
                .zip(&pivot)
                .for_each(|(a, b)| *a -= factor * b);
        }
    }
    Some(
        rows.into_iter()
            .map(|mut row| row.split_off(width))
            .collect(),
    )
}

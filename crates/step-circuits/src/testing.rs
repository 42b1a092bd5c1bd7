//! A constraint system for tests that records everything and lets one overwrite any witness cell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use ff::Field;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

use crate::Scalar;

type Terms = Vec<(usize, Scalar)>;

/// Recorded constraints and a witness that may be overwritten. Cell 0 is the constant 1.
#[derive(Debug)]
pub struct Recorder {
    cells: Vec<Scalar>,
    names: Vec<String>,
    constraints: Vec<(String, [Terms; 3])>,
    path: Vec<String>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            cells: vec![Scalar::ONE],
            names: vec!["one".into()],
            constraints: vec![],
            path: vec![],
        }
    }
}

impl Recorder {
    /// A variable that stands for an input of a gadget, as a number of the frontend: bound by nothing.
    pub fn input_number(&mut self, value: Scalar) -> AllocatedNum<Scalar> {
        AllocatedNum::alloc(self, || Ok(value)).unwrap()
    }

    /// The number of cells, the constant included.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// The number of constraints.
    pub fn constraints(&self) -> usize {
        self.constraints.len()
    }

    /// Non-zero coefficients.
    pub fn nonzeros(&self) -> usize {
        let all = self.constraints.iter().flat_map(|c| &c.1);
        all.map(Vec::len).sum()
    }

    /// Constraints and non-zero coefficients by outermost namespace.
    pub fn parts(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, sides) in &self.constraints {
            let part = name.split_once('/').map_or("", |(part, _)| part);
            let size = parts.entry(part).or_default();
            size.0 += 1;
            size.1 += sides.iter().map(Vec::len).sum::<usize>();
        }
        parts
    }

    /// Where a variable is.
    pub fn cell_of(variable: Variable) -> usize {
        match variable.0 {
            Index::Input(_) => 0,
            Index::Aux(i) => i + 1,
        }
    }

    /// The value of a cell.
    pub fn get(&self, cell: usize) -> Scalar {
        self.cells[cell]
    }

    /// Overwrites a cell.
    pub fn set(&mut self, cell: usize, value: Scalar) {
        self.cells[cell] = value;
    }

    /// Full names of all cells whose name ends with `suffix`.
    pub fn find(&self, suffix: &str) -> Vec<usize> {
        (0..self.names.len())
            .filter(|&i| self.names[i].ends_with(suffix))
            .collect()
    }

    /// The cells whose full name satisfies a condition.
    pub fn named(&self, condition: impl Fn(&str) -> bool) -> Vec<usize> {
        (0..self.names.len())
            .filter(|&i| condition(&self.names[i]))
            .collect()
    }

    /// Names of the constraints that do not hold.
    pub fn failing(&self) -> Vec<&str> {
        self.failing_with(&self.cells)
    }

    /// Names of the constraints that do not hold for other cells, the constant first.
    pub fn failing_with(&self, cells: &[Scalar]) -> Vec<&str> {
        assert_eq!(cells.len(), self.cells.len());
        let failing = self
            .constraints
            .iter()
            .filter(|(_, [a, b, c])| evaluate(cells, a) * evaluate(cells, b) != evaluate(cells, c));
        failing.map(|(name, _)| name.as_str()).collect()
    }

    /// Removes the constraints whose full name satisfies a condition, and says how many.
    pub fn remove(&mut self, condition: impl Fn(&str) -> bool) -> usize {
        let before = self.constraints.len();
        self.constraints.retain(|(name, _)| !condition(name));
        before - self.constraints.len()
    }

    /// The same constraints with other cells, the constant first.
    pub fn load(&mut self, cells: Vec<Scalar>) {
        assert_eq!(cells.len(), self.cells.len());
        self.cells = cells;
    }

    /// Asserts that all constraints hold.
    pub fn assert_satisfied(&self) {
        assert_eq!(self.failing(), Vec::<&str>::new());
    }

    /// Asserts that a constraint whose name ends with `suffix` fails.
    pub fn assert_fails(&self, suffix: &str) {
        let failing = self.failing();
        assert!(
            failing.iter().any(|name| name.ends_with(suffix)),
            "expected '{suffix}' to fail, got {failing:?}"
        );
    }

    /// Names of the cells but the constant and `given` that can be changed, all others as they are, without
    /// violating a constraint.
    ///
    /// Exact, for all changes at once: with a cell changed by `d`, each constraint says `d (l + q d) = 0`, so
    /// it allows every `d`, none, or `d = -l / q`.
    pub fn free_cells(&self, given: &[usize]) -> Vec<String> {
        self.assert_satisfied();
        let mut allowed = vec![Some(None); self.cells.len()];
        for (_, [a, b, c]) in &self.constraints {
            let (va, vb) = (evaluate(&self.cells, a), evaluate(&self.cells, b));
            let mut coefficients: BTreeMap<usize, [Scalar; 3]> = BTreeMap::new();
            for (side, terms) in [a, b, c].into_iter().enumerate() {
                for (cell, factor) in terms {
                    coefficients.entry(*cell).or_default()[side] += *factor;
                }
            }
            for (cell, [a, b, c]) in coefficients {
                let Some(before) = allowed[cell] else {
                    continue;
                };
                let (linear, square) = (a * vb + b * va - c, a * b);
                let change = -linear * square.invert().unwrap_or(Scalar::ZERO);
                allowed[cell] = match (square == Scalar::ZERO, linear == Scalar::ZERO) {
                    (true, true) => continue,
                    (true, false) | (false, true) => None,
                    _ if before.is_none_or(|other| other == change) => Some(Some(change)),
                    _ => None,
                };
            }
        }
        let cells = allowed.iter().enumerate().skip(1);
        cells
            .filter(|(cell, allowed)| allowed.is_some() && !given.contains(cell))
            .map(|(cell, _)| self.names[cell].clone())
            .collect()
    }

    /// Dimension of the space of infinitesimal changes of all cells but the constant and `given`
    /// that violate no constraint to first order. Zero means that, around this witness, the given
    /// cells determine all others: no *combination* of cells is free, not only no single one.
    pub fn freedom(&self, given: &[usize]) -> usize {
        self.undetermined(given).1
    }

    /// Names of the cells that `given` does not determine to first order, and the dimension of their changes.
    ///
    /// Elimination in the order of the constraints. A cell that is determined is dropped at once, so that only
    /// the equations of one hash are there at a time.
    pub fn undetermined(&self, given: &[usize]) -> (Vec<String>, usize) {
        let mut known = vec![false; self.cells.len()];
        known[0] = true;
        given.iter().for_each(|&cell| known[cell] = true);
        let unknowns = known.iter().filter(|known| !**known).count();
        let (mut pivots, mut rank): (BTreeMap<usize, Row>, _) = (BTreeMap::new(), 0);
        for (_, [a, b, c]) in &self.constraints {
            let (va, vb) = (evaluate(&self.cells, a), evaluate(&self.cells, b));
            let mut row: BTreeMap<usize, Scalar> = BTreeMap::new();
            for (terms, factor) in [(a, vb), (b, va), (c, -Scalar::ONE)] {
                for (cell, k) in terms.iter().filter(|(cell, _)| !known[*cell]) {
                    *row.entry(*cell).or_default() += *k * factor;
                }
            }
            let mut reduced: Row = row
                .into_iter()
                .filter(|(_, k)| *k != Scalar::ZERO)
                .collect();
            for (cell, k) in reduced.clone() {
                if let Some(pivot) = pivots.get(&cell) {
                    reduced = minus(&reduced, k, pivot);
                }
            }
            let Some(&(lead, value)) = reduced.last() else {
                continue;
            };
            let inverse = value.invert().unwrap();
            reduced.iter_mut().for_each(|(_, k)| *k *= inverse);
            for pivot in pivots.values_mut() {
                if let Ok(at) = pivot.binary_search_by_key(&lead, |(cell, _)| *cell) {
                    *pivot = minus(pivot, pivot[at].1, &reduced);
                }
            }
            pivots.insert(lead, reduced);
            rank += 1;
            pivots.retain(|lead, row| {
                known[*lead] = row.len() == 1;
                !known[*lead]
            });
        }
        let names = self.names.iter().zip(&known);
        let unknown = names.filter(|(_, known)| !**known);
        (
            unknown.map(|(name, _)| name.clone()).collect(),
            unknowns - rank,
        )
    }
}

/// A linear equation: cells in order, with their factors.
type Row = Vec<(usize, Scalar)>;

/// `row - factor * other`.
fn minus(row: &Row, factor: Scalar, other: &Row) -> Row {
    let mut result = Vec::with_capacity(row.len() + other.len());
    let (mut row, mut other) = (row.iter().peekable(), other.iter().peekable());
    loop {
        let (cell, value) = match (row.peek(), other.peek()) {
            (None, None) => return result,
            (Some(&&(a, x)), Some(&&(b, y))) if a == b => {
                row.next();
                other.next();
                (a, x - factor * y)
            }
            (Some(&&(a, x)), b) if b.is_none_or(|(b, _)| a < *b) => {
                row.next();
                (a, x)
            }
            (_, Some(&&(b, y))) => {
                other.next();
                (b, -(factor * y))
            }
            (Some(_), None) => return result,
        };
        if value != Scalar::ZERO {
            result.push((cell, value));
        }
    }
}

fn evaluate(cells: &[Scalar], terms: &Terms) -> Scalar {
    terms.iter().map(|(i, c)| cells[*i] * c).sum()
}

impl ConstraintSystem<Scalar> for Recorder {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, name: A, value: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.cells.push(value()?);
        self.names.push(full_name(&self.path, name().into()));
        Ok(Variable::new_unchecked(Index::Aux(self.cells.len() - 2)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        Err(SynthesisError::MalformedVerifyingKey)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, name: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LB: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LC: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
    {
        let terms = |lc: LinearCombination<Scalar>| -> Terms {
            lc.iter().map(|(v, c)| (Self::cell_of(v), *c)).collect()
        };
        let zero = LinearCombination::zero;
        let sides = [terms(a(zero())), terms(b(zero())), terms(c(zero()))];
        let name = full_name(&self.path, name().into());
        self.constraints.push((name, sides));
    }

    fn push_namespace<NR, N>(&mut self, name: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.path.push(name().into());
    }

    fn pop_namespace(&mut self) {
        self.path.pop();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

fn full_name(path: &[String], name: String) -> String {
    match path.is_empty() {
        true => name,
        false => format!("{}/{name}", path.join("/")),
    }
}

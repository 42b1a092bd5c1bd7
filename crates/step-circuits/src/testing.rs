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

    /// Name of a cell.
    pub fn name(&self, cell: usize) -> &str {
        &self.names[cell]
    }

    fn eval(&self, terms: &Terms) -> Scalar {
        terms.iter().map(|(i, c)| self.cells[*i] * c).sum()
    }

    fn holds(&self, constraint: usize) -> bool {
        let [a, b, c] = &self.constraints[constraint].1;
        self.eval(a) * self.eval(b) == self.eval(c)
    }

    /// Names of the constraints that do not hold.
    pub fn failing(&self) -> Vec<&str> {
        (0..self.constraints.len())
            .filter(|&i| !self.holds(i))
            .map(|i| self.constraints[i].0.as_str())
            .collect()
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

    fn users(&self) -> Vec<Vec<u32>> {
        let mut users = vec![vec![]; self.cells.len()];
        for (i, (_, sides)) in self.constraints.iter().enumerate() {
            for (cell, _) in sides.iter().flatten() {
                let list: &mut Vec<u32> = &mut users[*cell];
                if list.last() != Some(&(i as u32)) {
                    list.push(i as u32);
                }
            }
        }
        users
    }

    /// Changes every cell but the constant and `given`, one at a time and in several ways; every
    /// change must violate a constraint. Returns the cells that can be changed freely.
    pub fn free_cells(&mut self, given: &[usize]) -> Vec<String> {
        self.assert_satisfied();
        let users = self.users();
        let mut free = vec![];
        for (cell, users) in users.iter().enumerate().skip(1) {
            if given.contains(&cell) {
                continue;
            }
            let old = self.cells[cell];
            let changes = [
                old + Scalar::ONE,
                old - Scalar::ONE,
                -old,
                old.double(),
                Scalar::ZERO,
                Scalar::ONE,
                old + Scalar::from(1 << 20),
                Scalar::random(rand_core_of_tests(cell)),
            ];
            for new in changes {
                if new == old {
                    continue;
                }
                self.cells[cell] = new;
                if users.iter().all(|&c| self.holds(c as usize)) {
                    free.push(format!("{} ({old:?} -> {new:?})", self.names[cell]));
                }
            }
            self.cells[cell] = old;
        }
        free
    }

    /// Dimension of the space of infinitesimal changes of all cells but the constant and `given`
    /// that violate no constraint to first order. Zero means that, around this witness, the given
    /// cells determine all others: no *combination* of cells is free, not only no single one.
    pub fn freedom(&self, given: &[usize]) -> usize {
        let fixed = |cell: usize| cell == 0 || given.contains(&cell);
        let mut rows: Vec<BTreeMap<usize, Scalar>> = vec![];
        for (_, [a, b, c]) in &self.constraints {
            let (va, vb) = (self.eval(a), self.eval(b));
            let mut row = BTreeMap::new();
            for (terms, factor) in [(a, vb), (b, va), (c, -Scalar::ONE)] {
                for (cell, k) in terms {
                    if !fixed(*cell) {
                        *row.entry(*cell).or_insert(Scalar::ZERO) += *k * factor;
                    }
                }
            }
            row.retain(|_, k| *k != Scalar::ZERO);
            rows.push(row);
        }
        // Sparse elimination: short rows first keep it sparse.
        rows.sort_by_key(BTreeMap::len);
        let mut pivots: BTreeMap<usize, BTreeMap<usize, Scalar>> = BTreeMap::new();
        for mut row in rows {
            while let Some((&lead, &value)) = row.iter().next_back() {
                match pivots.get(&lead) {
                    None => {
                        let inverse = value.invert().unwrap();
                        row.values_mut().for_each(|k| *k *= inverse);
                        pivots.insert(lead, row);
                        break;
                    }
                    Some(pivot) => {
                        for (cell, k) in pivot {
                            let entry = row.entry(*cell).or_insert(Scalar::ZERO);
                            *entry -= *k * value;
                            if *entry == Scalar::ZERO {
                                row.remove(cell);
                            }
                        }
                    }
                }
            }
        }
        let unknowns = (0..self.cells.len()).filter(|&i| !fixed(i)).count();
        unknowns - pivots.len()
    }
}

/// A small deterministic generator, so that failures repeat.
fn rand_core_of_tests(seed: usize) -> impl ff::derive::rand_core::RngCore {
    SplitMix(seed as u64)
}

struct SplitMix(u64);

impl ff::derive::rand_core::RngCore for SplitMix {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), ff::derive::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
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

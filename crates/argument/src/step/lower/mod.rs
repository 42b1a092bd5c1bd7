//! Lowering: from the program of a group to descriptors of one shape.
//!
//! | module | does |
//! | --- | --- |
//! | `part` | an axis as a sum of runs |
//! | `tap` | the axes of windows |
//! | `monomial` | products of parts as slots |
//! | `view` | views as slots |
//! | `pack` | slots and lookups into steps |
//!
//! An architecture is untrusted where it is verified: whatever does not fit is refused in a sentence, and all work is
//! counted before it is done.

mod monomial;
mod pack;
mod part;
mod tap;
mod view;

use std::collections::VecDeque;

use ff::Field;

use self::monomial::Proto;
use self::pack::{Bank, ROWS};
use self::view::Place;
use super::descriptor::{ClaimSlot, Claims, Descriptor, Name, Task, extend_program};
use super::form::broken_rule;
use super::slot::Factor;
use super::{IDENTITY_STEP_BITS, Shape, WEIGHT_BITS};
use crate::budget::{Budget, Work};
use crate::program::{Head, Product, Program, Step, Vector, VectorKind};
use crate::transcript::{Domain, hash};
use crate::{Error, Result, Scalar};

/// Slots of one view at most.
const MAX_VIEW_SLOTS: usize = 1 << 12;

/// A program that no steps can be made of.
fn refuse(why: String) -> Error {
    Error::Layout(format!("the network does not fit the step circuit: {why}"))
}

/// The descriptors of a group of `live` samples.
///
/// # Errors
/// A program that does not fit the shape: too many channels or identities, values numbered too high, more work than
/// [`crate::MAX_WORK`].
pub fn lower(program: &Program, shape: &Shape, live: u64) -> Result<Vec<Descriptor>> {
    Ok(lowered(program, shape, live)?.0)
}

/// The same, and the units of work it took.
pub(super) fn lowered(
    program: &Program,
    shape: &Shape,
    live: u64,
) -> Result<(Vec<Descriptor>, u64)> {
    if shape.row_bits != program.row_bits {
        return Err(refuse("a program of another size class".into()));
    }
    if live > program.group_samples() {
        return Err(refuse("more samples than a group has".into()));
    }
    let mut lowering = Lowering {
        program,
        shape,
        live,
        template: template(program, live)?,
        budget: Budget::default(),
        steps: vec![],
    };
    let publics = lowering.publics()?;
    lowering.claims(publics)?;
    for step in program.steps() {
        lowering.step(&step)?;
    }
    if let Some(last) = lowering.steps.last_mut() {
        last.end = true;
    }
    // What the circuit takes for granted.
    let broken = lowering
        .steps
        .iter()
        .flat_map(|s| &s.slots)
        .find_map(broken_rule);
    if let Some(rule) = broken {
        return Err(refuse(format!(
            "a term that is not as the circuit wants it ({rule}); this is a defect, please report it"
        )));
    }
    Ok((lowering.steps, lowering.budget.spent()))
}

/// The chain of all descriptors: the digest of a group's program.
pub fn digest(descriptors: &[Descriptor], shape: &Shape) -> Scalar {
    descriptors.iter().fold(Scalar::ZERO, |chain, descriptor| {
        extend_program(&chain, &descriptor.digest(shape))
    })
}

/// What all descriptors of a program have in common.
fn template(program: &Program, live: u64) -> Result<Descriptor> {
    let data = program.data.as_ref();
    let groups = match data {
        None => Some(0),
        Some(data) => data
            .vector_bits
            .checked_sub(data.record_bits)
            .and_then(|samples| samples.checked_sub(program.group_bits)),
    };
    let groups = groups.and_then(|bits| 1u64.checked_shl(bits));
    let mut words = vec![
        program.kind as u64,
        u64::from(program.row_bits),
        u64::from(program.group_bits),
        data.map_or(0, |d| u64::from(d.record_bits)),
        data.map_or(0, |d| u64::from(d.vector_bits)),
    ];
    words.extend(
        data.and_then(|d| d.label)
            .map_or([0; 3], |(offset, bits)| [1, offset, u64::from(bits)]),
    );
    let words: Vec<Scalar> = words.into_iter().map(Scalar::from).collect();
    Ok(Descriptor {
        has_data: data.is_some(),
        live,
        group_samples: program.group_samples(),
        vector_groups: groups.ok_or_else(|| refuse("groups larger than a data vector".into()))?,
        meta: hash(Domain::Descriptor, &words),
        bank: Bank::new().exponents(),
        ..Descriptor::default()
    })
}

struct Lowering<'a> {
    program: &'a Program,
    shape: &'a Shape,
    live: u64,
    template: Descriptor,
    budget: Budget,
    steps: Vec<Descriptor>,
}

impl Lowering<'_> {
    fn view(&mut self, view: &crate::view::View, place: &Place) -> Result<Vec<Proto>> {
        self.budget.at(self.program.place(view));
        let lowered = view::lower(view, self.shape, place, self.live, &mut self.budget);
        lowered.map_err(|e| self.budget.placed(e))
    }

    fn push(&mut self, step: Descriptor) -> Result<()> {
        self.budget.spend(Work::Step, 1)?;
        self.steps.push(step);
        Ok(())
    }

    /// The slots of the public terms, moved to the other side.
    fn publics(&mut self) -> Result<VecDeque<Proto>> {
        let place = Place {
            first: 0,
            above: (0, 0),
            entries: Factor::One,
        };
        let mut slots = VecDeque::new();
        for view in &self.program.publics {
            slots.extend(self.view(view, &place)?);
        }
        Ok(slots)
    }

    /// The channel sum-check, its claims, and the public terms.
    fn claims(&mut self, mut publics: VecDeque<Proto>) -> Result<()> {
        let head = &self.program.head;
        let portions = portions(&head.products, self.shape)?;
        let count = portions.len();
        for (i, portion) in portions.iter().enumerate() {
            let last = i + 1 == count;
            let mut step = self.with_products(portion)?;
            step.claims = Claims {
                verify: true,
                close: last,
                target: last,
                ..Claims::default()
            };
            step.count_claim = self.program.count_claim.filter(|_| last);
            if i == 0 {
                step.begin = true;
                step.task = Task::Head;
                step.head_bits = head_bits(head, self.shape)?;
            }
            if last {
                self.fill_half(&mut step, &mut publics);
            }
            self.push(step)?;
        }
        let replayed = &portions[..count - 1];
        for (i, portion) in replayed.iter().enumerate() {
            let mut step = self.with_products(portion)?;
            step.claims = Claims {
                target: true,
                replay: i == 0,
                replayed: i + 1 == replayed.len(),
                ..Claims::default()
            };
            self.push(step)?;
        }
        while !publics.is_empty() {
            let mut step = self.template.clone();
            self.fill_half(&mut step, &mut publics);
            self.push(step)?;
        }
        Ok(())
    }

    fn fill_half(&self, step: &mut Descriptor, publics: &mut VecDeque<Proto>) {
        let (bank, slots) = pack::fill(self.shape, publics);
        step.half = !slots.is_empty();
        step.bank = bank.exponents();
        step.slots = slots;
    }

    fn with_products(&self, portion: &[Product]) -> Result<Descriptor> {
        let mut step = self.template.clone();
        let Some(first) = portion.first() else {
            return Ok(step);
        };
        let last = portion
            .iter()
            .map(|p| p.identity.max(p.claim.saturating_add(1)));
        if last.max().unwrap_or(0) >> WEIGHT_BITS != 0 {
            return Err(refuse(format!(
                "more than 2^{WEIGHT_BITS} identities or claims"
            )));
        }
        step.first_identity = first.identity;
        step.first_claim = first.claim;
        let mut before = first.identity;
        for product in portion {
            step.products.push(ClaimSlot {
                step: product.identity - before,
            });
            before = product.identity;
        }
        Ok(step)
    }

    /// The steps of a chunk or of other vectors.
    fn step(&mut self, step: &Step) -> Result<()> {
        let program = self.program;
        let vectors = &program.vectors[step.vectors()];
        let mut slots = VecDeque::new();
        let mut first = self.template.clone();
        let mut lookups = vec![];
        let entries = [Factor::First, Factor::Second];
        first.task = match step {
            Step::Chunk(_) => Task::Chunk,
            Step::Vectors(_) => Task::Vectors,
        };
        for (vector, entries) in vectors.iter().zip(entries) {
            first.vectors.push(Name {
                kind: vector.kind,
                slot: vector.slot,
            });
            slots.extend(self.vector(vector, entries)?);
            if vector.kind == VectorKind::Trace {
                lookups = pack::lookups(program.row_bits, &vector.blocks);
            }
        }
        let mut places = slots.iter().filter_map(|p| p.prefix);
        let prefix = places.next();
        if places.any(|p| Some(p) != prefix) {
            return Err(refuse("several places in one data vector".into()));
        }
        first.prefix = prefix;
        let mut lookups = lookups.into_iter();
        let mut next = first;
        loop {
            let (bank, own) = pack::fill(self.shape, &mut slots);
            let mut more = self.template.clone();
            more.prefix = prefix;
            next.bank = bank.exponents();
            next.slots = own;
            next.lookups = lookups.by_ref().take(self.shape.lookups).collect();
            self.push(next)?;
            if slots.is_empty() && lookups.len() == 0 {
                return Ok(());
            }
            next = more;
        }
    }

    fn vector(&mut self, vector: &Vector, entries: Factor) -> Result<VecDeque<Proto>> {
        let first = match vector.kind {
            VectorKind::Trace => ROWS,
            _ => 0,
        };
        let mut slots = VecDeque::new();
        for block in &vector.blocks {
            let above = (self.shape.index_bits() as u32).checked_sub(first + block.bits);
            let above = above.ok_or_else(|| refuse("a block beyond its vector".into()))?;
            let place = Place {
                first,
                above: (above, block.offset >> block.bits),
                entries,
            };
            for view in &block.views {
                slots.extend(self.view(view, &place)?);
            }
        }
        Ok(slots)
    }
}

/// Variables of the channel sum-check.
fn head_bits(head: &Head, shape: &Shape) -> Result<usize> {
    let bits = head.bits as usize;
    match bits <= shape.index_bits() {
        true => Ok(bits),
        false => Err(refuse(format!(
            "a convolution with 2^{bits} kernel elements an output channel, \
             a vector of this size class has 2^{}; choose a larger size class",
            shape.index_bits()
        ))),
    }
}

/// Products whose claims one step absorbs: identities follow each other closely, claims without a gap. At least one
/// portion, if an empty one.
///
/// # Errors
/// Identities that go back.
fn portions<'a>(products: &'a [Product], shape: &Shape) -> Result<Vec<&'a [Product]>> {
    let mut portions = vec![];
    let mut start = 0;
    for i in 1..=products.len() {
        let same = match (&products[i - 1], products.get(i)) {
            (_, None) => false,
            (before, Some(product)) => {
                let step = product.identity.checked_sub(before.identity);
                let step = step.ok_or_else(|| refuse("products out of order".into()))?;
                step >> IDENTITY_STEP_BITS == 0
                    && before.claim.checked_add(2) == Some(product.claim)
                    && i - start < shape.products
            }
        };
        if !same {
            portions.push(&products[start..i]);
            start = i;
        }
    }
    if portions.is_empty() {
        portions.push(products);
    }
    Ok(portions)
}

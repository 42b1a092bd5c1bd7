//! What is computed from an architecture, counted before it is computed.
//!
//! An architecture is untrusted where it is verified, and a small one may ask for any amount of work. So laying a
//! network out and lowering its program are counted, each in units of about a twentieth of a microsecond or some
//! bytes, and refused beyond [`MAX_WORK`]: two seconds of one core, and 100 MB. Whatever loops over something that
//! is not there as bytes of the file spends from here first.

use crate::{Error, Result};

/// Work of laying out a network once, or of lowering its program once, at most.
pub const MAX_WORK: u64 = 1 << 25;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A piece of a tensor.
    Piece,
    /// A piece that is looked at.
    Look,
    /// A block of a vector.
    Block,
    /// A term on a block, or a public one.
    Term,
    /// A value of a rearrangement, each time it is looked at.
    Move,
    /// An entry of a vector that a verifier commits to itself.
    Entry,
    /// An entry of an activation table, which a verifier commits to: half a microsecond of one core. Entries of more than
    /// 12 bits take, and are counted, twice.
    Committed,
    /// A summand of an axis, or of a product of axes, while a term is lowered; a tap of a window.
    Summand,
    /// A monomial in a step.
    Monomial,
    /// A step.
    Step,
}

impl Work {
    /// Units.
    const fn cost(self) -> u64 {
        match self {
            Self::Entry => 1,
            // As much as it takes would refuse the largest networks with a table for each channel.
            Self::Committed => 2,
            Self::Look => 2,
            Self::Summand => 16,
            // Here memory counts more than time.
            Self::Move => 16,
            Self::Piece | Self::Block => 128,
            Self::Term => 1024,
            Self::Monomial => 512,
            // Eight permutations of the widest sponge.
            Self::Step => 24 << 10,
        }
    }
}

/// Counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    spent: u64,
    /// What the work is for, as errors call it.
    place: Option<String>,
}

impl Budget {
    /// From here on, for this.
    pub(crate) fn at(&mut self, place: Option<&String>) {
        if self.place.as_ref() != place {
            self.place = place.cloned();
        }
    }

    /// An error of what does not fit, with the place it is about.
    pub(crate) fn placed(&self, error: Error) -> Error {
        match (error, &self.place) {
            (Error::Layout(why), Some(place)) if !why.starts_with(place) => {
                Error::Layout(format!("{place}: {why}"))
            }
            (error, _) => error,
        }
    }

    /// Units so far.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }

    /// Counts work that is about to be done.
    ///
    /// # Errors
    /// More than [`MAX_WORK`] units in all.
    pub(crate) fn spend(&mut self, work: Work, count: usize) -> Result<()> {
        let units = work.cost().saturating_mul(count as u64);
        self.spent = self.spent.saturating_add(units);
        match self.spent <= MAX_WORK {
            true => Ok(()),
            false => Err(Error::Layout(format!(
                "{}: the network's layout is more work than a verifier does, at most {MAX_WORK} units; \
                 choose a larger size class or smaller groups",
                self.place.as_deref().unwrap_or("the network")
            ))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_last_that_can_be_spent() {
        let mut budget = Budget::default();
        budget.at(Some(&"layer 3 (conv)".into()));
        budget.spend(Work::Entry, MAX_WORK as usize).unwrap();
        assert_eq!(budget.spent(), MAX_WORK);
        let error = budget.spend(Work::Entry, 1).unwrap_err().to_string();
        assert!(error.starts_with("layer 3 (conv): "), "{error}");
        assert!(error.contains(&MAX_WORK.to_string()), "{error}");
        // Stays refused, and no count overflows.
        assert!(budget.spend(Work::Step, usize::MAX).is_err());
        assert!(budget.spend(Work::Step, 0).is_err());
    }
}

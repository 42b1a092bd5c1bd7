//! The steps of a whole statement: those of a full group, and those of the last.

use std::sync::Arc;

use rayon::prelude::*;

use super::Shape;
use super::descriptor::{Descriptor, extend_program};
use super::lower::lowered;
use crate::program::Program;
use crate::statement::groups;
use crate::{Result, Scalar};

/// The steps of one group.
#[derive(Clone, Debug)]
pub struct GroupSteps {
    /// Samples.
    pub live: u64,
    /// What each step does.
    pub descriptors: Vec<Descriptor>,
    /// Digest of each descriptor.
    pub digests: Vec<Scalar>,
    /// The chain over them: the program's digest.
    pub digest: Scalar,
    /// Units of work it took to lower the program, see [`crate::MAX_WORK`].
    pub work: u64,
}

impl GroupSteps {
    fn new(program: &Program, shape: &Shape, live: u64) -> Result<Self> {
        let (descriptors, work) = lowered(program, shape, live)?;
        let digests: Vec<Scalar> = descriptors.par_iter().map(|d| d.digest(shape)).collect();
        let digest = digests.iter().fold(Scalar::zero(), |chain, digest| {
            extend_program(&chain, digest)
        });
        Ok(Self {
            live,
            descriptors,
            digests,
            digest,
            work,
        })
    }
}

/// The steps of all groups.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The size of a step.
    pub shape: Shape,
    full: Arc<GroupSteps>,
    /// If the last group has fewer samples.
    last: Option<GroupSteps>,
    groups: u64,
}

impl Schedule {
    /// Lowers a program for a number of samples.
    ///
    /// # Errors
    /// A program with more products, terms or larger exponents than steps can express.
    pub fn new(program: &Program, samples: u64) -> Result<Self> {
        let shape = Shape::new(program.row_bits);
        let live = program.data.as_ref().map_or(1, |_| program.group_samples());
        let full = GroupSteps::new(program, &shape, live)?;
        Self::of(program, shape, Arc::new(full), samples)
    }

    /// The same program for another number of samples: the steps of a full group are shared.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn with_samples(&self, program: &Program, samples: u64) -> Result<Self> {
        Self::of(program, self.shape, self.full.clone(), samples)
    }

    fn of(program: &Program, shape: Shape, full: Arc<GroupSteps>, samples: u64) -> Result<Self> {
        let rest = program
            .data
            .as_ref()
            .map_or(0, |_| samples % program.group_samples());
        let last = match rest {
            0 => None,
            rest => Some(GroupSteps::new(program, &shape, rest)?),
        };
        Ok(Self {
            shape,
            full,
            last,
            groups: groups(program, samples),
        })
    }

    /// Groups.
    pub fn groups(&self) -> u64 {
        self.groups
    }

    /// The steps of a group, by its index.
    pub fn group(&self, index: u64) -> &GroupSteps {
        match &self.last {
            Some(last) if index + 1 == self.groups => last,
            _ => &self.full,
        }
    }

    /// Digest of a full group's program.
    pub fn digest(&self) -> Scalar {
        self.full.digest
    }

    /// Digest of the last group's.
    pub fn last_digest(&self) -> Scalar {
        self.last.as_ref().map_or(self.full.digest, |l| l.digest)
    }

    /// Groups of one data vector; 1 without data.
    pub fn vector_groups(&self) -> u64 {
        let first = self.full.descriptors.first();
        first.map_or(1, |d| d.vector_groups.max(1))
    }

    /// Steps of all groups.
    pub fn steps(&self) -> u64 {
        let full = self.full.descriptors.len() as u64;
        match &self.last {
            None => self.groups * full,
            Some(last) => (self.groups - 1) * full + last.descriptors.len() as u64,
        }
    }
}

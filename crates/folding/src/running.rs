//! The proof of the steps so far.

use std::path::Path;

use ff::PrimeField;
use pleat_argument::group::folded::Expected;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::statement::to_bytes;
use pleat_model::files::{Access, write_atomic};
use pleat_step_circuits::circuit::step::Step;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sealed::{self, Damage, Format};
use crate::{Circuit, Error, Form, Params, Recursive, Result, Scalar, Shape, hex};

const FORMAT: Format = Format {
    magic: b"PLEATRUN",
    version: 3,
    kind: "checkpoint",
    retired: Some((
        2,
        "its proof would tell about the weights; begin the proof again",
    )),
};

/// The proof of some steps: large, and **secret**, as it holds the steps' combined witness. A
/// compressed proof shows nothing of it.
#[derive(Clone, Debug)]
pub struct RunningProof<C: Circuit = Step> {
    /// Nova's proof.
    pub recursive: Recursive<C>,
    /// Digest of the state before the first step.
    pub initial: Scalar,
    /// Digest of the state after the last step.
    pub last: Scalar,
    /// Number of steps.
    pub steps: u64,
    /// Seconds spent folding.
    pub seconds: f64,
}

/// A circuit and its key, as files name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The size class: rows as a power of two, slots, lookups, products.
    pub class: [u64; 4],
    /// The form.
    pub form: Form,
    /// The commitment key.
    pub key: [u8; 32],
    /// Digest of the parameters.
    pub parameters: [u8; 32],
}

impl Origin {
    /// Of some parameters.
    pub fn of<C: Circuit>(params: &Params<C>) -> Self {
        Self {
            class: class(&params.shape()),
            form: params.form(),
            key: params.srs().id,
            parameters: params.digest(),
        }
    }

    /// The secret of a proof that is folded with these parameters and ends in this form: its randomness
    /// belongs to no other end.
    ///
    /// # Errors
    /// None is known: an origin can be encoded.
    pub fn proof_secret(&self, secret: [u8; 32]) -> Result<ProofSecret> {
        let ending = postcard::to_stdvec(self)
            .map_err(|e| Error::Invalid(format!("the parameters cannot be named: {e}")))?;
        Ok(ProofSecret::new(secret, &ending))
    }

    /// Refuses a file of another origin, and says in what it differs.
    ///
    /// # Errors
    /// [`Error::Foreign`].
    pub fn check(&self, path: &Path, here: &Self) -> Result<()> {
        let differs = |what, theirs: String, ours: String, remedy| Error::Foreign {
            path: path.to_owned(),
            what,
            theirs,
            ours,
            remedy,
        };
        if self.class != here.class {
            let text = |o: &Self| format!("2^{}", o.class[0]);
            let remedy = "choose the same size class";
            return Err(differs("size class", text(self), text(here), remedy));
        }
        if self.form != here.form {
            let (theirs, ours) = (self.form.to_string(), here.form.to_string());
            return Err(differs("form", theirs, ours, "choose the same form"));
        }
        if self.key != here.key {
            let remedy = "use the key it was made with";
            let (theirs, ours) = (hex(&self.key), hex(&here.key));
            return Err(differs("commitment key", theirs, ours, remedy));
        }
        if self.parameters != here.parameters {
            let remedy = "use the version of pleat that wrote it, or make it again";
            let (theirs, ours) = (hex(&self.parameters), hex(&here.parameters));
            return Err(differs("parameters", theirs, ours, remedy));
        }
        Ok(())
    }

    /// The size class.
    ///
    /// # Errors
    /// Numbers that no class has.
    pub fn shape(&self) -> Result<Shape, Damage> {
        let row_bits = u32::try_from(self.class[0]).unwrap_or(u32::MAX);
        let shape = Shape::new(row_bits);
        match class(&shape) == self.class && (1..=26).contains(&row_bits) {
            true => Ok(shape),
            false => Err(Damage::Content("an unknown size class".into())),
        }
    }
}

fn class(shape: &Shape) -> [u64; 4] {
    let of = |n: usize| n as u64;
    [
        u64::from(shape.row_bits),
        of(shape.slots),
        of(shape.lookups),
        of(shape.products),
    ]
}

#[derive(Serialize, Deserialize)]
struct Header {
    origin: Origin,
    initial: [u8; 32],
    last: [u8; 32],
    steps: u64,
    seconds: f64,
}

/// The field element of canonical bytes.
fn element(bytes: [u8; 32]) -> Result<Scalar, Damage> {
    Option::from(Scalar::from_repr(bytes.into()))
        .ok_or_else(|| Damage::Content("a digest that is no field element".into()))
}

impl<C: Circuit> RunningProof<C> {
    /// Compares with what verifying the public side of the proof says must be proved.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the difference.
    pub fn check(&self, expected: &Expected) -> Result<()> {
        let differs = |what: String| Err(Error::Unexpected { what });
        if self.steps != expected.steps {
            let (steps, due) = (self.steps, expected.steps);
            return differs(format!("has {steps} steps, there must be {due}"));
        }
        if self.initial != expected.initial {
            return differs("begins with another state than the public one".into());
        }
        if self.last != expected.last {
            return differs("ends with another state than the public one".into());
        }
        Ok(())
    }

    /// Writes the proof, and what belongs to it, to a file that only its owner can read: its content is
    /// secret.
    ///
    /// # Errors
    /// A file that exists, without `force`; one that cannot be written.
    pub fn save(
        &self,
        path: &Path,
        params: &Params<C>,
        force: bool,
        companion: &impl Serialize,
    ) -> Result<()> {
        let header = Header {
            origin: Origin::of(params),
            initial: to_bytes(&self.initial),
            last: to_bytes(&self.last),
            steps: self.steps,
            seconds: self.seconds,
        };
        let bytes = sealed::encode(&FORMAT, &(header, companion, &self.recursive))?;
        write_atomic(path, Access::Secret, force, |w| w.write_all(&bytes))?;
        Ok(())
    }

    /// Reads a proof that [`Self::save`] wrote with the same parameters, and verifies it, so that nothing
    /// in a file can make later steps fail: takes about as long as a step. The companion takes at most
    /// `companion_bytes`.
    ///
    /// # Errors
    /// [`Error::File`] for a damaged file, [`Error::Foreign`] for one of other parameters.
    pub fn load<S: DeserializeOwned>(
        path: &Path,
        params: &Params<C>,
        companion_bytes: u64,
    ) -> Result<(Self, S)> {
        let sizes = params.sizes();
        let elements = sizes.constraints
            + sizes.variables
            + 2 * (sizes.secondary_constraints + sizes.secondary_variables);
        let limit = 32 * elements as u64 + companion_bytes + (1 << 16);
        let bytes = sealed::read(&FORMAT, path, limit)?;
        let damaged = FORMAT.damaged(path);
        let body = sealed::open(&FORMAT, &bytes, u64::MAX).map_err(&damaged)?;
        let (header, rest) = sealed::part::<Header>(body).map_err(&damaged)?;
        header.origin.check(path, &Origin::of(params))?;
        let (companion, rest) = sealed::part::<S>(rest).map_err(&damaged)?;
        let recursive: Recursive<C> = sealed::whole(rest).map_err(&damaged)?;
        let initial = element(header.initial).map_err(&damaged)?;
        let last = element(header.last).map_err(&damaged)?;
        let steps = usize::try_from(header.steps).unwrap_or(usize::MAX);
        let valid = recursive.verify(params.nova(), steps, &[initial]);
        if !valid.is_ok_and(|outputs| outputs == [last]) {
            let reason = "what it proves is not what it says".into();
            return Err(damaged(Damage::Content(reason)));
        }
        let running = Self {
            recursive,
            initial,
            last,
            steps: header.steps,
            seconds: header.seconds,
        };
        Ok((running, companion))
    }
}

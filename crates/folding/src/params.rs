//! Public parameters of a size class.
//!
//! They are made anew in every process: the constraints are written out and the commitment key is read
//! and checked, which takes less time than reading stored parameters, whose key is a list of compressed
//! points that each need a square root.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use nova_snark::nova::PublicParams;
use nova_snark::r1cs::R1CSShape;
use pleat_argument::quiet::quietly;
use pleat_argument::srs::{self, SrsFile};
use pleat_argument::statement::to_bytes;
use pleat_step_circuits::circuit::step::Step;
use serde::{Deserialize, Serialize};

use crate::{Circuit, Error, Primary, Result, Secondary, Shape};

/// The final argument a running proof is compressed with: decides the size of the commitment key, and so
/// is part of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// Spartan over HyperKZG: as many key points as constraints; the verifier reads the circuit.
    Spartan,
    /// Spartan with committed matrices over Mercury: as many key points as non-zero coefficients; the
    /// verifier needs commitments only.
    MicroSpartan,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Spartan => "Spartan",
            Self::MicroSpartan => "MicroSpartan",
        })
    }
}

/// How large parameters are, nova's part of the circuit included, and what making them took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Constraints of a step.
    pub constraints: usize,
    /// Variables of a step.
    pub variables: usize,
    /// Non-zero coefficients of a step's three matrices.
    pub nonzeros: usize,
    /// Constraints of the secondary circuit.
    pub secondary_constraints: usize,
    /// Variables of the secondary circuit.
    pub secondary_variables: usize,
    /// The commitment key has `2^power` points.
    pub power: u32,
    /// Bytes in memory, of matrices and key.
    pub bytes: usize,
    /// Seconds it took to make them.
    pub seconds: f64,
}

/// Everything that depends on the size class, the form and the commitment key only.
pub struct Params<C: Circuit = Step> {
    shape: Shape,
    form: Form,
    nova: PublicParams<Primary, Secondary, C>,
    digest: [u8; 32],
    srs: SrsFile,
    sizes: Sizes,
}

impl<C: Circuit> std::fmt::Debug for Params<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params")
            .field("shape", &self.shape)
            .field("form", &self.form)
            .field("srs", &self.srs)
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

/// The key, and what the circuit needs.
type Found = (Result<SrsFile>, Sizes);

/// Key points that a form needs for a circuit.
fn points(form: Form, shape: &R1CSShape<Primary>) -> usize {
    let own = shape.num_cons().max(shape.num_vars());
    match form {
        Form::Spartan => own,
        // The vectors that stand for the sparse matrices are also as long as all variables and inputs.
        Form::MicroSpartan => nonzeros(shape).max(2 * own.next_power_of_two()),
    }
}

fn nonzeros(shape: &R1CSShape<Primary>) -> usize {
    shape.A().len() + shape.B().len() + shape.C().len()
}

impl<C: Circuit> Params<C> {
    /// Writes out the circuit and reads the smallest sufficient key of `srs_dir`.
    ///
    /// # Errors
    /// A missing, too small or defective key.
    pub fn setup(shape: Shape, form: Form, srs_dir: &Path) -> Result<Self> {
        // No file has so many: stops nova-snark before it reads one.
        const NONE: usize = 1 << 40;
        let start = Instant::now();
        let found: Rc<RefCell<Option<Found>>> = Rc::default();
        // nova-snark asks how many points are needed once the circuit is written out, and then opens the
        // file that `srs::find` names: a missing or defective file is noticed, and explained, here.
        let (slot, dir) = (found.clone(), srs_dir.to_owned());
        let hint = move |circuit: &R1CSShape<Primary>| {
            let points = points(form, circuit);
            let power = points.next_power_of_two().ilog2();
            let file = match power > srs::MAX_POWER {
                true => Err(Error::TooLarge { power }),
                false => srs::find(&dir, power).map_err(Error::from),
            };
            let answer = if file.is_ok() { points } else { NONE };
            let sizes = Sizes {
                constraints: circuit.num_cons(),
                variables: circuit.num_vars(),
                nonzeros: nonzeros(circuit),
                power,
                ..Sizes::default()
            };
            *slot.borrow_mut() = Some((file, sizes));
            answer
        };
        let circuit = C::blank(shape);
        let nova = quietly(|| PublicParams::setup_with_ptau_dir(&circuit, &hint, &|_| 0, srs_dir));
        let (srs, mut sizes) = match found.take() {
            Some((file, sizes)) => (file?, sizes),
            None => {
                nova?;
                return Err(Error::Invalid("the circuit has no shape".into()));
            }
        };
        let nova = nova?;
        (_, sizes.secondary_constraints) = nova.num_constraints();
        (_, sizes.secondary_variables) = nova.num_variables();
        // A coefficient is a field element and an index, a point two field elements.
        sizes.bytes = 40 * sizes.nonzeros + (64 << sizes.power);
        sizes.seconds = start.elapsed().as_secs_f64();
        Ok(Self {
            shape,
            form,
            digest: to_bytes(&nova.digest()),
            nova,
            srs,
            sizes,
        })
    }

    /// The size class.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The final argument they are made for.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Nova's parameters.
    pub fn nova(&self) -> &PublicParams<Primary, Secondary, C> {
        &self.nova
    }

    /// Pins circuit, size class, form and key: nova's digest of its parameters.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The commitment key's file.
    pub fn srs(&self) -> &SrsFile {
        &self.srs
    }

    /// How large they are.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }
}

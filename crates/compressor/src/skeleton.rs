//! The lengths inside nova's proof.
//!
//! nova-snark 0.76 asserts some lengths while it verifies (`batch_eval_verify`, `decompress`), where hostile
//! bytes would panic. Its types keep their fields to themselves, so the proof is read a second time into
//! types of the same encoding, and every length the circuit does not vary is compared.
#![allow(
    dead_code,
    reason = "fields give the encoding's shape; only lengths are read"
)]

#[cfg(test)]
mod tests;

use pleat_folding::Form;
use pleat_folding::sealed::Damage;
use serde::Deserialize;
use serde::de::DeserializeOwned;

type Element = [u8; 32];
type Point = [u8; 32];
type Sumcheck = Vec<Vec<Element>>;

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Relaxed {
    comm_w: Point,
    comm_e: Point,
    x: Vec<Element>,
    u: Element,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Strict {
    comm_w: Point,
    x: Vec<Element>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Spartan<A> {
    outer: Sumcheck,
    claims_outer: [Element; 3],
    eval_e: Element,
    inner: Sumcheck,
    eval_w: Element,
    batch: Sumcheck,
    evals_batch: Vec<Element>,
    argument: A,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Micro {
    oracles: [Point; 6],
    outer: Sumcheck,
    claims_outer: [Element; 4],
    inner: Sumcheck,
    evals: [Element; 15],
    argument: Mercury,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Kzg {
    com: Vec<Point>,
    w: [Point; 3],
    v: Vec<[Element; 3]>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Mercury {
    points: [Point; 8],
    evals: [Element; 6],
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct InnerProduct {
    left: Vec<Point>,
    right: Vec<Point>,
    a_hat: Element,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Skeleton<S> {
    r_u_secondary: Relaxed,
    ri_secondary: Element,
    l_u_secondary: Strict,
    nifs_uf_secondary: Point,
    l_ur_secondary: Relaxed,
    nifs_un_secondary: Point,
    r_u_primary: Relaxed,
    ri_primary: Element,
    l_ur_primary: Relaxed,
    nifs_un_primary: Point,
    blinds: [Element; 4],
    primary: S,
    secondary: Spartan<InnerProduct>,
    zn: Vec<Element>,
}

/// Most rounds of a sum-check: no circuit has more variables.
const MAX_ROUNDS: usize = 40;

/// Of the degree for which a round sends so many coefficients: all but the linear one.
fn sumcheck(proof: &Sumcheck, coefficients: usize) -> bool {
    proof.len() <= MAX_ROUNDS && proof.iter().all(|round| round.len() == coefficients)
}

/// The argument on one curve.
trait Argument: DeserializeOwned {
    fn sound(&self) -> bool;
}

impl<A: Argument> Argument for Spartan<A> {
    fn sound(&self) -> bool {
        sumcheck(&self.outer, 3)
            && sumcheck(&self.inner, 2)
            && sumcheck(&self.batch, 2)
            && self.evals_batch.len() == 2
            && self.argument.sound()
    }
}

impl Argument for Micro {
    fn sound(&self) -> bool {
        sumcheck(&self.outer, 3) && sumcheck(&self.inner, 3)
    }
}

impl Argument for Kzg {
    fn sound(&self) -> bool {
        self.v.len() <= MAX_ROUNDS && self.com.len() + 1 == self.v.len()
    }
}

impl Argument for InnerProduct {
    fn sound(&self) -> bool {
        self.left.len() < 32 && self.left.len() == self.right.len()
    }
}

fn wrong() -> Damage {
    Damage::Content("its proof has another structure".into())
}

fn check_as<S: Argument>(bytes: &[u8]) -> Result<(), Damage> {
    let (skeleton, rest) = postcard::take_from_bytes::<Skeleton<S>>(bytes).map_err(|_| wrong())?;
    let instances = [
        &skeleton.r_u_secondary.x,
        &skeleton.l_u_secondary.x,
        &skeleton.l_ur_secondary.x,
        &skeleton.r_u_primary.x,
        &skeleton.l_ur_primary.x,
    ];
    let right = rest.is_empty()
        && instances.iter().all(|x| x.len() == 2)
        && skeleton.zn.len() == 1
        && skeleton.primary.sound()
        && skeleton.secondary.sound();
    match right {
        true => Ok(()),
        false => Err(wrong()),
    }
}

/// Checks every length in a proof that does not depend on the circuit, and bounds the others.
pub(crate) fn check(form: Form, bytes: &[u8]) -> Result<(), Damage> {
    match form {
        Form::Spartan => check_as::<Spartan<Kzg>>(bytes),
        Form::MicroSpartan => check_as::<Micro>(bytes),
    }
}

#[cfg(test)]
mod table {
    use super::*;
    use serde::de::{Error, Visitor};
    use serde::forward_to_deserialize_any;

    /// Answers nothing, but hears which fields a struct asks for.
    struct Listener<'a>(&'a mut Vec<&'static str>);

    impl<'de> serde::Deserializer<'de> for Listener<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Error::custom("heard"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields);
            Err(Error::custom("heard"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    /// nova's proof has these fields, or [`check`] refuses it.
    #[test]
    fn every_field_is_in_the_table_of_public_numbers() {
        let table = include_str!("../../../docs/secrecy.md");
        let mut fields = vec![];
        assert!(Skeleton::<Micro>::deserialize(Listener(&mut fields)).is_err());
        assert_eq!(fields.len(), 14);
        for field in fields {
            assert!(table.contains(&format!("`snark.{field}`")), "{field}");
        }
    }
}

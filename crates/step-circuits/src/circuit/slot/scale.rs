//! What a slot multiplies besides its axes.

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::super::Number;
use super::super::bits::{power, select_one_of, times_power};
use super::{Setting, Words};
use crate::Scalar;

/// Terms, powers of xi, zeta and delta, geometric sum, compared coordinates, prefix.
///
/// Cost: 53 for the power of xi, 56 for those of zeta and delta, 32 for the sum, 2 per coordinate, 2 for the
/// prefix, 15 for the terms: 158 + 2 n.
pub(super) fn evaluate<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    words: &Words,
    setting: &Setting,
) -> Result<Number, SynthesisError> {
    let one = Number::one();
    let xi = power(cs, &setting.xi, &words.exponent)?;
    let inverse = xi.inverse(cs, "inverse power")?;
    let xi = (words.negative).select_variable(cs, "signed power", &inverse, &xi)?;
    let zeta = times_power(cs, &xi, &setting.zeta, &words.identity)?;
    let mut scale = times_power(cs, &zeta, &setting.delta, &words.claim)?;

    let [numerator, denominator] = &words.sum;
    let numerator = &select_one_of(cs, numerator, &setting.bank)? - &one;
    let denominator = &select_one_of(cs, denominator, &setting.bank)? - &one;
    let inverse = denominator.value().invert().unwrap_or(Scalar::ZERO);
    let sum = Number::alloc(cs, "sum", numerator.value() * inverse)?;
    sum.enforce_product(cs, "sum", &denominator, &numerator);
    scale = scale.product(cs, "times sum", &sum)?;

    for ([compared, bit], r) in words.at.iter().zip(&setting.head) {
        // Not compared: 1. With zero: 1 - r. With one: r.
        let sign = compared.number() - &bit.number().double();
        let signed = sign.product(cs, "signed coordinate", r)?;
        let factor = &(&one - bit.number()) - &signed;
        scale = scale.product(cs, "compared", &factor)?;
    }
    let prefix = (words.prefix).select(cs, "prefix", &setting.prefix, &one)?;
    scale = scale.product(cs, "times prefix", &prefix)?;

    let mut terms = Number::zero();
    for (coefficient, flags) in &words.terms {
        let mut factors = vec![];
        for (flag, factor) in flags.iter().zip(&setting.factors) {
            factors.push(flag.number().product(cs, "factor", factor)?);
        }
        // The last flag's factor is one.
        factors.extend(flags.last().map(|flag| flag.number().clone()));
        terms = coefficient.product_plus(cs, "term", &Number::sum(&factors), &terms)?;
    }
    scale.product(cs, "times terms", &terms)
}

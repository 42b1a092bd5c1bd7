//! From a candidate for the secret to the numbers a file would show, if nothing hid them.

use std::collections::BTreeMap;

use ff::{Field, PrimeField};
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use pleat_argument::Scalar;
use pleat_argument::commitment::combine;
use pleat_argument::multilinear::{evaluate, scalar};
use pleat_argument::opening::{OpeningKey, open};
use pleat_argument::proof::Folded;
use pleat_argument::statement::model_id;
use pleat_argument::transcript::Domain;
use pleat_model::bundle::Bundle;
use serde_json::Value;

use crate::subject::{Defective, INDEX_BITS, KEY, Made, Mask, ROW_BITS, Subject, known, points};

/// The numbers of a file by row of the table: paths of its fields, indices erased.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

fn walk(value: &Value, path: &str, rows: &mut Rows) {
    match value {
        Value::Array(elements) => {
            let path = format!("{path}[]");
            elements.iter().for_each(|e| walk(e, &path, rows));
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                walk(member, &path, rows);
            }
        }
        leaf => (rows.entry(path.to_owned()).or_default()).push(leaf.to_string()),
    }
}

fn encoded(value: &impl serde::Serialize) -> Vec<String> {
    let mut rows = Rows::new();
    walk(&serde_json::to_value(value).unwrap(), "", &mut rows);
    rows.into_values().flatten().collect()
}

/// What is opened: the combination of all commitments without its blind.
fn opened(folded: &Folded, commitments: &[G1Affine]) -> G1Affine {
    let terms: Vec<_> = (commitments.iter().copied())
        .zip(folded.multipliers.iter().copied())
        .collect();
    let all: G1 = combine(&terms) + folded.mask;
    let key = OpeningKey::new(&KEY).unwrap();
    key.unblind(&all.to_affine(), &folded.closing.blind)
}

/// All commitments of a file, in the order of the multipliers.
fn commitments(subject: &Subject, folded: &Folded) -> Vec<G1Affine> {
    let tables = subject.tables();
    let data: &[G1Affine] = match subject.program.data {
        Some(_) => &folded.data[..1],
        None => &[],
    };
    let all = folded.groups.iter().flat_map(|group| {
        [
            &group.trace,
            &folded.weights,
            &*tables,
            data,
            &group.outputs,
        ]
        .map(|part| part.to_vec())
    });
    all.flatten().collect()
}

/// The numbers of a file.
pub(crate) fn published(subject: &Subject, made: &Made) -> Rows {
    let mut rows = Rows::new();
    walk(&serde_json::to_value(&made.folded).unwrap(), "", &mut rows);
    rows.insert("model".into(), encoded(&made.statement.model));
    let opened = opened(&made.folded, &commitments(subject, &made.folded));
    rows.insert("opened".into(), encoded(&opened));
    rows
}

/// What a prover without any randomness publishes about a candidate.
fn replayed(subject: &Subject, made: &Made, candidate: &Bundle) -> Rows {
    let weights = subject.weights(candidate, |_| Scalar::ZERO);
    let nothing = Defective {
        seed: 0,
        mask: Mask::Zero,
        blinds: false,
        salt: false,
    };
    let scheme = made.folded.closing.opening.scheme();
    let replay = subject.prove(candidate, weights, nothing.boxed(), scheme);
    published(subject, &replay)
}

/// The combination of a candidate's vectors with the published multipliers.
pub(crate) fn combination(
    subject: &Subject,
    candidate: &Bundle,
    multipliers: &[Scalar],
) -> Vec<Scalar> {
    let filled = subject.fill(candidate);
    let vectors = filled.vectors(subject);
    assert_eq!(vectors.len(), multipliers.len());
    let mut sum = vec![Scalar::ZERO; 1 << INDEX_BITS];
    for (vector, mu) in vectors.into_iter().zip(multipliers) {
        for (sum, v) in sum.iter_mut().zip(vector) {
            *sum += *mu * scalar(i64::from(*v));
        }
    }
    sum
}

/// Value, commitment and opening of that combination at the published point.
fn recombined(subject: &Subject, made: &Made, candidate: &Bundle) -> Rows {
    let folded = &made.folded;
    let values = combination(subject, candidate, &folded.multipliers);
    let mut rows = Rows::new();
    let value = evaluate(&values, &folded.point);
    rows.insert("value".into(), encoded(&value));
    let commitment = KEY.commit(&values, &Scalar::ZERO);
    rows.insert("opened".into(), encoded(&commitment));
    // The opening of a file that does not verify has another context.
    let Ok(expected) = subject.expected(made) else {
        return rows;
    };
    let last = expected.last;
    let context = [
        Scalar::from(Domain::Opening as u64),
        made.statement.key,
        last,
    ];
    let scheme = folded.closing.opening.scheme();
    let point = &folded.point;
    let opening = open(scheme, &KEY, &values, &commitment, point, &value, &context).unwrap();
    let tree = serde_json::json!({ "closing": { "opening": opening } });
    walk(&tree, "", &mut rows);
    rows
}

/// Whether the published value differs from a candidate's by 16 random bits.
fn narrow(subject: &Subject, made: &Made, candidate: &Bundle) -> bool {
    let folded = &made.folded;
    let values = combination(subject, candidate, &folded.multipliers);
    let rest = folded.value - evaluate(&values, &folded.point);
    let factor = rest * evaluate(&known(), &folded.point).invert().unwrap();
    factor.to_repr().as_ref()[2..].iter().all(|byte| *byte == 0)
}

/// The model id and the commitments to weights, by the blinds of a salt that everybody knows.
fn unsalted(subject: &Subject, candidate: &Bundle) -> Rows {
    let unsalted = Bundle {
        salt: [0; 32],
        ..candidate.clone()
    };
    let weights = points(&subject.model_weights(&unsalted));
    let model = model_id(&candidate.network, ROW_BITS, &KEY.id(), &weights).unwrap();
    let tree = serde_json::json!({ "weights": weights, "model": model });
    let mut rows = Rows::new();
    walk(&tree, "", &mut rows);
    rows
}

/// Ways to compute what a file would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// By a prover without randomness.
    Replayed,
    /// From the published multipliers and point.
    Recombined,
    /// With blinds of a salt that everybody knows.
    Unsalted,
    /// The value less the candidate's, as a multiple of a known vector's value.
    Narrow,
}

impl How {
    pub(crate) const ALL: [Self; 4] = [
        Self::Replayed,
        Self::Recombined,
        Self::Unsalted,
        Self::Narrow,
    ];
}

/// How many numbers of each row agree with a candidate, by row and by how they were computed.
pub(crate) fn scores(
    subject: &Subject,
    made: &Made,
    candidate: &Bundle,
    ways: &[How],
) -> BTreeMap<(String, How), usize> {
    let shown = published(subject, made);
    let mut scores = BTreeMap::new();
    for &how in ways {
        let rows = match how {
            How::Replayed => replayed(subject, made, candidate),
            How::Recombined => recombined(subject, made, candidate),
            How::Unsalted => unsalted(subject, candidate),
            How::Narrow => {
                let within = usize::from(narrow(subject, made, candidate));
                scores.insert(("value".into(), how), within);
                continue;
            }
        };
        for (row, numbers) in rows {
            let shown = shown.get(&row).map_or(&[][..], Vec::as_slice);
            let equal = numbers.iter().zip(shown).filter(|(a, b)| a == b);
            scores.insert((row, how), equal.count());
        }
    }
    scores
}

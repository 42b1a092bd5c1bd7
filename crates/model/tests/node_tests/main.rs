//! ONNX's own tests of the operators that the importer reads: it agrees, or it refuses for a reason that is listed.
//!
//! `README.md` says where the cases are from, `reading.rs` how each is read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod reading;
mod suite;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use pleat_model::import::{ImportOptions, onnx};
use reading::{Attempt, Reading, Verdict, of_constants, of_values};
use suite::Case;
use support::model::{encode, model, node, noise};

/// Operators of a kind in `operators.txt`: `graph` or `constants`.
fn operators(kind: &str) -> BTreeSet<&'static str> {
    include_str!("operators.txt")
        .lines()
        .filter_map(|l| l.strip_prefix(kind)?.strip_prefix(' '))
        .collect()
}

/// A line of `refusals.txt`: case to the beginning of its reason.
fn listed(kind: &str) -> BTreeMap<&'static str, &'static str> {
    let mut list = BTreeMap::new();
    let mut reason = None;
    for line in include_str!("refusals.txt").lines() {
        match line.strip_prefix("    ") {
            Some(case) => {
                if let Some(reason) = reason {
                    let twice = list.insert(case, reason);
                    assert!(twice.is_none(), "{case} is listed twice");
                }
            }
            None if line.starts_with('#') => {}
            None => {
                reason = line
                    .strip_prefix(kind)
                    .and_then(|rest| rest.strip_prefix(": "));
            }
        }
    }
    list
}

/// What became of the cases of one kind.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    /// Cases that agree in one reading at least, and in none disagree.
    agree: usize,
    /// Cases that are refused in every reading.
    refused: usize,
    /// Readings that agree, by kind.
    readings: Vec<(Reading, usize)>,
    /// Operators of the kind without a case that agrees.
    without: Vec<&'static str>,
}

fn on_values(case: &Case) -> bool {
    let graph = operators("graph");
    let has_input = !case.model.graph.as_ref().unwrap().input.is_empty();
    has_input && case.operators().any(|o| graph.contains(o))
}

fn on_constants(case: &Case) -> bool {
    let constants = operators("constants");
    !case.outputs.is_empty() && case.operators().all(|o| constants.contains(o))
}

/// Compares every case with the list; panics with all that is otherwise.
fn compare(kind: &str, results: Vec<(&Case, Vec<Attempt>)>) -> Counts {
    let mut listed = listed(kind);
    let mut without = operators(kind);
    let mut counts = Counts::default();
    let mut by_reading: BTreeMap<Reading, usize> = BTreeMap::new();
    let mut wrong = vec![];
    for (read, attempts) in results {
        let case = read.name.as_str();
        let expected = listed.remove(case);
        let mut agrees = false;
        let mut refusal = None;
        let before = wrong.len();
        for (reading, verdict) in attempts {
            match verdict {
                Verdict::Agrees => {
                    agrees = true;
                    *by_reading.entry(reading).or_default() += 1;
                }
                Verdict::Refused(reason) => {
                    refusal.get_or_insert(reason);
                }
                Verdict::Disagrees(how) => {
                    wrong.push(format!("{case} disagrees, read as {reading:?}: {how}"));
                }
            }
        }
        match (agrees, expected) {
            _ if wrong.len() > before => {}
            (true, None) => {
                counts.agree += 1;
                read.operators().for_each(|o| {
                    without.remove(o);
                });
            }
            (true, Some(_)) => wrong.push(format!("{case} agrees, but is listed as refused")),
            (false, expected) => {
                counts.refused += 1;
                let reason = refusal.unwrap_or_else(|| "no reading".to_owned());
                match expected {
                    Some(beginning) if reason.starts_with(beginning) => {}
                    Some(beginning) => wrong.push(format!(
                        "{case} is refused for another reason than '{beginning}': {reason}"
                    )),
                    None => wrong.push(format!("{case} is refused: {reason}")),
                }
            }
        }
    }
    let unknown = listed.keys().map(|c| format!("{c} is listed, but no case"));
    wrong.extend(unknown);
    assert!(
        wrong.is_empty(),
        "{} {kind} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    counts.readings = by_reading.into_iter().collect();
    counts.without = without.into_iter().collect();
    counts
}

#[test]
fn operators_on_values_agree_or_refuse() {
    let suite = suite::read();
    let cases = suite.cases.iter().filter(|c| on_values(c));
    let expected = Counts {
        agree: 410,
        refused: 325,
        readings: vec![
            (Reading::Declared, 102),
            (Reading::OneByOne, 326),
            (Reading::Reshaped, 322),
            (Reading::Joined, 22),
            (Reading::Shape, 28),
        ],
        without: vec![],
    };
    let results = cases.map(|c| (c, of_values(c))).collect();
    assert_eq!(compare("graph", results), expected);
}

#[test]
fn operators_on_constants_agree_or_refuse() {
    let suite = suite::read();
    let cases = suite.cases.iter().filter(|c| on_constants(c));
    let expected = Counts {
        agree: 288,
        refused: 87,
        readings: vec![(Reading::Constants, 288)],
        // ONNX multiplies floats, exporters sizes: tests/onnx/layout.rs.
        without: vec!["ReduceProd"],
    };
    let results = cases.map(|c| (c, vec![of_constants(c)])).collect();
    assert_eq!(compare("constants", results), expected);
}

#[test]
fn every_case_is_compared() {
    let suite = suite::read();
    let left_out = suite
        .cases
        .iter()
        .find(|c| !on_values(c) && !on_constants(c));
    assert!(left_out.is_none(), "{}", left_out.unwrap().name);
    assert_eq!(suite.cases.len(), 796);
}

/// An operator that the importer comes to read must get its cases.
#[test]
fn every_other_operator_is_refused() {
    let suite = suite::read();
    let (graph, constants) = (operators("graph"), operators("constants"));
    for operator in &suite.operators {
        let refusal = |input: &str| {
            let nodes = vec![
                node(operator, &[input], "z", vec![]),
                node("Add", &["x", "z"], "y", vec![]),
            ];
            let model = model(13, &[1, 4], nodes, vec![noise("w", &[1, 4])]);
            let read = onnx::read(&encode(&model), &ImportOptions::default());
            read.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let unread = "the operator is not supported";
        let read = !refusal("x").contains(unread);
        assert_eq!(
            read,
            graph.contains(operator.as_str()),
            "{operator} on values"
        );
        let message = refusal("w");
        let needs_value = "is a constant; supported is a tensor that depends on the model's input";
        let read = !message.contains(unread) && !message.contains(needs_value);
        assert_eq!(
            read,
            constants.contains(operator.as_str()),
            "{operator} on constants: {message}"
        );
    }
    assert!(
        graph
            .iter()
            .chain(&constants)
            .all(|o| suite.operators.iter().any(|s| s == o))
    );
}

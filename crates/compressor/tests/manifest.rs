//! Every field of a proof file stands in the table of `docs/secrecy.md`, which says what it depends on and why it may
//! be public: a format that gains a field fails here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use pleat_argument::program::Kind;
use pleat_compressor::{Combined, Form};
use serde_json::Value;
use support::proofs;

const TABLE: &str = include_str!("../../../docs/secrecy.md");

/// The first column.
fn rows() -> BTreeSet<String> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| format!("`{}", row.split(" |").next().unwrap()));
    let names = cells.flat_map(|cell| {
        let names = cell.split('`').map(str::trim).map(str::to_owned);
        names.collect::<Vec<_>>()
    });
    names
        .filter(|name| !name.is_empty() && name != ",")
        .collect()
}

fn paths(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => {
            let path = format!("{path}[]");
            elements.iter().for_each(|e| paths(e, &path, all));
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                paths(member, &path, all);
            }
        }
        _ => {
            all.insert(path.to_owned());
        }
    }
}

/// A row stands for a field, or for all fields inside of one: `network` has a table of its own, `snark` is bytes
/// whose fields the crate's own test compares.
fn covers(row: &str, path: &str) -> bool {
    let inside = path.strip_prefix(row);
    inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        && (row == path || !row.contains('.') || row.ends_with("Mercury"))
}

#[test]
fn every_field_of_a_proof_file_is_in_the_table() {
    let mut all = BTreeSet::new();
    for kind in [Kind::Outputs, Kind::Accuracy] {
        for envelope in <[_; 2]>::from(proofs(Form::Spartan, kind)) {
            let tree = serde_json::to_value(&envelope).unwrap();
            paths(&tree, "", &mut all);
            // A combined proof is a list of such.
            if !envelope.is_registration() {
                let combined = Combined::new(vec![envelope]).unwrap();
                assert_eq!(serde_json::to_value(combined.parts()).unwrap()[0], tree);
            }
        }
    }
    let rows = rows();
    assert!(all.remove("snark[]"));
    for path in &all {
        let covering = rows.iter().filter(|row| covers(row, path)).count();
        assert_eq!(covering, 1, "{path} in docs/secrecy.md");
    }
    let absent = |row: &&String| {
        !row.starts_with("snark.")
            && !row.ends_with("Mercury")
            && !all.iter().any(|p| covers(row, p))
    };
    let absent: Vec<&String> = rows.iter().filter(absent).collect();
    assert!(
        absent.is_empty(),
        "{absent:?} in docs/secrecy.md are in no file"
    );
}

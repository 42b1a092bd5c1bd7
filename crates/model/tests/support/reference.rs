//! Outputs of onnxruntime, an implementation we did not write, stored by model and inputs.
//!
//! `tests/reference/README.md` says how they are made again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Outputs on every input, in the model's own axis order: input, output, value.
pub(crate) type Outputs = Vec<Vec<Vec<f32>>>;

/// A line of `tests/reference/outputs.json`.
#[derive(Deserialize)]
struct Reference {
    what: String,
    key: String,
    outputs: Outputs,
}

/// What the script that makes the outputs reads, beside the model.
#[derive(Serialize)]
struct Case<'a> {
    what: &'a str,
    dims: &'a [usize],
    inputs: &'a [Vec<f32>],
}

/// Where to write the cases for the script, instead of comparing them.
const WRITE_TO: &str = "PLEAT_REFERENCE_CASES";

/// The stored outputs of the model in `bytes` on `inputs` of dimensions `dims`; `None` if cases are being written.
///
/// Other bytes or inputs than those that onnxruntime ran have none: that panics.
pub(crate) fn reference(
    what: &str,
    bytes: &[u8],
    dims: &[usize],
    inputs: &[Vec<f32>],
) -> Option<&'static Outputs> {
    let key = key(bytes, dims, inputs);
    if let Some(folder) = std::env::var_os(WRITE_TO) {
        let folder = Path::new(&folder);
        let case = serde_json::to_vec(&Case { what, dims, inputs }).unwrap();
        std::fs::write(folder.join(format!("{key}.onnx")), bytes).unwrap();
        std::fs::write(folder.join(format!("{key}.json")), case).unwrap();
        return None;
    }
    let found = stored().get(&key).map(|(_, outputs)| outputs);
    assert!(
        found.is_some(),
        "{what}: no output of onnxruntime is stored for this model and input; tests/reference/README.md says how to make it"
    );
    found
}

/// Number of stored references, and of those that are of a model file; panics if the tests do not compare with them.
pub(crate) fn counts() -> (usize, usize) {
    assert!(
        std::env::var_os(WRITE_TO).is_none(),
        "{WRITE_TO} is set: cases are written, not compared"
    );
    let of_file = |(what, _): &&(String, Outputs)| what.ends_with(".onnx");
    (stored().len(), stored().values().filter(of_file).count())
}

fn stored() -> &'static HashMap<String, (String, Outputs)> {
    static STORED: OnceLock<HashMap<String, (String, Outputs)>> = OnceLock::new();
    STORED.get_or_init(|| {
        let list: Vec<Reference> =
            serde_json::from_str(include_str!("../reference/outputs.json")).unwrap();
        list.into_iter()
            .map(|r| (r.key, (r.what, r.outputs)))
            .collect()
    })
}

/// Changes with every byte that the outputs depend on.
fn key(bytes: &[u8], dims: &[usize], inputs: &[Vec<f32>]) -> String {
    let mut hash = Sha256::new();
    let number = |hash: &mut Sha256, n: usize| hash.update((n as u64).to_le_bytes());
    number(&mut hash, bytes.len());
    hash.update(bytes);
    number(&mut hash, dims.len());
    dims.iter().for_each(|&d| number(&mut hash, d));
    for input in inputs {
        number(&mut hash, input.len());
        input.iter().for_each(|v| hash.update(v.to_le_bytes()));
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect()
}

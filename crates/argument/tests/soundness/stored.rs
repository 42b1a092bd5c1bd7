//! Proofs on disk keep verifying: a change of protocol is a visible change of `testdata/stored`, and any
//! other verifier of the same transcripts has something to agree with. `PLEAT_REGENERATE=1` makes them anew.

use std::path::PathBuf;

use pleat_argument::commitment::Key;
use pleat_argument::data::DataSecrecy;
use pleat_argument::evaluation::Evaluation;
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::Proof;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::statement::{Visibility, context_hash, to_bytes};
use pleat_argument::{Error, Scalar, srs};
use pleat_model::data::Sample;
use pleat_model::network::Network;
use serde::{Deserialize, Serialize};

use crate::fixture::{BUNDLE, GROUP_BITS, ROW_BITS, SAMPLES, samples};

/// What is beside the key and the proofs, in postcard.
#[derive(Serialize, Deserialize)]
struct Stored {
    network: Network,
    samples: Vec<(Vec<i32>, Option<u32>)>,
    model: Scalar,
    data: Scalar,
    count: u64,
    outputs: Vec<Vec<Vec<i32>>>,
    /// The chain of the commitments to the outputs.
    chain: [u8; 32],
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/stored")
}

fn key() -> Key {
    Key::load(&folder(), ROW_BITS + 2).unwrap()
}

fn regenerate() {
    let folder = folder();
    std::fs::create_dir_all(&folder).unwrap();
    srs::create_local(&folder, ROW_BITS + 2, true).unwrap();
    let key = key();
    let inputs = samples(&BUNDLE, SAMPLES);
    let model = Model::new(&key, &BUNDLE, ROW_BITS, None).unwrap();
    let write = |name: &str, proof: &Proof| {
        std::fs::write(folder.join(name), proof.to_bytes().unwrap()).unwrap();
    };
    write(
        "model.proof",
        &model
            .register(&ProofSecret::native([1; 32]), Scheme::Mercury)
            .unwrap()
            .0,
    );
    let prove = |kind, scheme, secret| {
        let evaluation = Evaluation::new(
            &model,
            kind,
            inputs.as_slice(),
            DataSecrecy::Public,
            Some(GROUP_BITS),
        );
        let context = context_hash(b"stored");
        evaluation
            .unwrap()
            .prove(
                inputs.as_slice(),
                context,
                &ProofSecret::native(secret),
                scheme,
            )
            .unwrap()
    };
    let accuracy = prove(Kind::Accuracy, Scheme::HyperKzg, [2; 32]);
    let outputs = prove(Kind::Outputs, Scheme::Mercury, [3; 32]);
    write("accuracy.proof", &accuracy.proof);
    write("outputs.proof", &outputs.proof);
    let claimed = claim(Kind::Outputs, model.id, outputs.statement.data);
    let chain = outputs_chain(&key, &BUNDLE.network, &claimed, &outputs.outputs).unwrap();
    let stored = Stored {
        network: BUNDLE.network.clone(),
        samples: inputs.into_iter().map(|s| (s.values, s.label)).collect(),
        model: model.id,
        data: accuracy.statement.data,
        count: accuracy.count,
        outputs: outputs.outputs,
        chain: to_bytes(&chain),
    };
    std::fs::write(
        folder.join("claims.postcard"),
        postcard::to_stdvec(&stored).unwrap(),
    )
    .unwrap();
}

fn claim(kind: Kind, model: Scalar, data: Scalar) -> Claim {
    Claim {
        kind,
        row_bits: ROW_BITS,
        group_bits: GROUP_BITS,
        labelled: true,
        samples: SAMPLES as u64,
        context: context_hash(b"stored"),
        model,
        data,
        visibility: Visibility::Public,
    }
}

fn proof(name: &str) -> Proof {
    Proof::from_bytes(&std::fs::read(folder().join(name)).unwrap()).unwrap()
}

#[test]
fn stored_proofs_verify() {
    if std::env::var_os("PLEAT_REGENERATE").is_some() {
        regenerate();
    }
    let bytes = std::fs::read(folder().join("claims.postcard")).unwrap();
    let stored: Stored = postcard::from_bytes(&bytes).unwrap();
    let (key, network) = (key(), &stored.network);
    let inputs: Vec<Sample> = stored
        .samples
        .into_iter()
        .map(|(values, label)| Sample { values, label })
        .collect();
    let mut registry = Registry::default();
    let registration = proof("model.proof");
    registry
        .register_model(&key, network, ROW_BITS, stored.model, &registration)
        .unwrap();
    let data = registry
        .admit_data(&key, network, ROW_BITS, inputs.as_slice())
        .unwrap();
    assert_eq!(data, stored.data);

    let accuracy = claim(Kind::Accuracy, stored.model, data);
    let found = registry.verify_claim(&key, network, &accuracy, &proof("accuracy.proof"));
    assert_eq!(found.unwrap().count, stored.count);
    let outputs = claim(Kind::Outputs, stored.model, data);
    let found = registry.verify_claim(&key, network, &outputs, &proof("outputs.proof"));
    let chain = outputs_chain(&key, network, &outputs, &stored.outputs).unwrap();
    assert_eq!(found.unwrap().outputs, chain);
    assert_eq!(to_bytes(&chain), stored.chain);

    let crossed = registry.verify_claim(&key, network, &accuracy, &proof("outputs.proof"));
    assert!(matches!(crossed, Err(Error::Rejected { .. })));
}

//! Real proofs of a tiny network, and every lie about them that we could think of.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::LazyLock;

use pleat_compressor::{Claim, Envelope, Error, Expectations, Snark, Verifier, compress, verify};
use pleat_folding::{Params, Prover, Recursive, RunningProof, srs};
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights, rounding_constant,
};
use pleat_step_circuits::statement::{data_id, model_id, to_bytes};
use pleat_step_circuits::{Kind, Scalar};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

const SALT: [u8; 32] = [9; 32];
const CONTEXT: &[u8] = b"for the test";

fn network() -> Network {
    let range = ValueRange { min: 0, max: 7 };
    let window = |kernel: usize| Window {
        kernel: [kernel, kernel],
        ..Window::POINT
    };
    let linear = |out_channels: usize, kernel: usize, shift: u32| LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels,
            groups: 1,
            window: window(kernel),
            weight_bits: 4,
            bias_bits: 6,
        },
        shift,
        quotient_bits: 10,
        activation: Activation::Clamp,
    };
    let layer = |name: &str, op: LayerOp, inputs: &[usize], shape: [usize; 3], range| Layer {
        name: name.into(),
        op,
        inputs: inputs.to_vec(),
        shape: Shape::new(shape[0], shape[1], shape[2]),
        range,
        scale: 1.0,
    };
    let scores = ValueRange {
        min: -512,
        max: 511,
    };
    let pool = LayerOp::MaxPool { window: window(2) };
    let network = Network {
        input: InputSpec {
            shape: Shape::new(1, 3, 3),
            flat: false,
            range,
            resize: None,
        },
        shift: 3,
        layers: vec![
            layer("input", LayerOp::Input, &[], [1, 3, 3], range),
            layer("conv", linear(2, 2, 3), &[0], [2, 2, 2], range),
            layer("pool", pool, &[1], [2, 1, 1], range),
            layer("dense", linear(3, 1, 0), &[2], [3, 1, 1], scores),
        ],
        outputs: vec![NetworkOutput {
            name: "scores".into(),
            layer: 3,
            dims: vec![1, 3],
            head: Head::Values,
        }],
    };
    network.validate().unwrap();
    network
}

fn weights(seed: u64) -> Weights {
    let network = network();
    let mut rng = StdRng::seed_from_u64(seed);
    let layers = (0..network.layers.len()).map(|i| LayerWeights {
        kernel: (0..network.kernel_len(i))
            .map(|_| rng.gen_range(-8..8))
            .collect(),
        bias: (0..network.bias_len(i))
            .map(|_| rng.gen_range(-20..20) + rounding_constant(3))
            .collect(),
    });
    Weights {
        layers: layers.collect(),
    }
}

fn samples(n: usize) -> Vec<Vec<i32>> {
    let mut rng = StdRng::seed_from_u64(5);
    let mut sample = || (0..9).map(|_| rng.gen_range(0..8)).collect();
    (0..n).map(|_| sample()).collect()
}

struct Setup {
    dir: tempfile::TempDir,
    accuracy: Params,
    outputs: Params,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 14, false).unwrap();
    let params = |kind| Params::setup(&network(), kind, dir.path()).unwrap();
    Setup {
        accuracy: params(Kind::Accuracy),
        outputs: params(Kind::Outputs),
        dir,
    }
});

fn dir() -> &'static Path {
    SETUP.dir.path()
}

fn prove(kind: Kind, seed: u64, n: usize) -> RunningProof {
    let params = match kind {
        Kind::Accuracy => &SETUP.accuracy,
        Kind::Outputs => &SETUP.outputs,
    };
    let mut prover = Prover::new(params, &weights(seed), &SALT, CONTEXT).unwrap();
    for (i, sample) in samples(n).iter().enumerate() {
        let label = (kind == Kind::Accuracy).then_some(i as u32 % 3);
        prover.prove_sample(sample, label).unwrap();
    }
    prover.finish().unwrap()
}

struct Proof {
    bytes: Vec<u8>,
    verifier: Verifier,
}

fn make(kind: Kind, params: &Params) -> Proof {
    let proof = compress(params, &prove(kind, 1, 3)).unwrap();
    Proof {
        bytes: proof.to_bytes().unwrap(),
        verifier: Verifier::new(&network(), kind, dir()).unwrap(),
    }
}

static ACCURACY: LazyLock<Proof> = LazyLock::new(|| make(Kind::Accuracy, &SETUP.accuracy));
static OUTPUTS: LazyLock<Proof> = LazyLock::new(|| make(Kind::Outputs, &SETUP.outputs));

impl Proof {
    fn envelope(&self) -> Envelope {
        Envelope::from_bytes(&self.bytes).unwrap()
    }

    /// A lie with a correct checksum.
    fn lie(&self, change: impl FnOnce(&mut Envelope)) -> Result<(), Error> {
        let mut envelope = self.envelope();
        change(&mut envelope);
        let envelope = Envelope::from_bytes(&envelope.to_bytes().unwrap())?;
        self.verifier
            .verify(envelope, &Expectations::default())
            .map(drop)
    }

    /// Other bytes with a correct checksum.
    fn check(&self, content: &[u8]) -> Result<(), Error> {
        let mut bytes = content.to_vec();
        bytes.extend(Sha256::digest(content));
        let envelope = Envelope::from_bytes(&bytes)?;
        self.verifier
            .verify(envelope, &Expectations::default())
            .map(drop)
    }

    fn content(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - 32]
    }

    /// Where nova's proof begins: everything before it is header.
    fn snark_start(&self) -> usize {
        self.content().len() - postcard::to_stdvec(&self.envelope().snark).unwrap().len()
    }
}

fn refused(result: Result<(), Error>, what: &str) {
    match result {
        Err(Error::Invalid(_) | Error::Malformed(_) | Error::NotAProof) => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn honest_proofs_are_accepted_and_say_what_they_prove() {
    let network = network();
    let samples = samples(3);
    let labelled = samples
        .iter()
        .enumerate()
        .map(|(i, s)| (&s[..], Some(i as u32 % 3)));
    let model = to_bytes(&model_id(&network, &weights(1), &SALT).unwrap());
    let data = to_bytes(&data_id(&network, true, labelled).unwrap());
    let expectations = Expectations {
        kind: Some(Kind::Accuracy),
        model_id: Some(model),
        data_id: Some(data),
        samples: Some(3),
        context: Some(CONTEXT.to_vec()),
    };
    let verified = verify(&ACCURACY.bytes, dir(), &expectations).unwrap();
    let outputs: Vec<Vec<i32>> = samples
        .iter()
        .map(|s| network.trace(&weights(1), s, 0).unwrap().values[3].clone())
        .collect();
    let hits = outputs
        .iter()
        .enumerate()
        .filter(|(i, o)| Network::top1(o) == i % 3);
    let correct = hits.count() as u64;
    assert_eq!(verified.claim, Claim::Accuracy { correct });
    assert!(verified.srs_origin.warning().is_some());
    assert!(ACCURACY.bytes.len() < 20_000);

    let unlabelled = samples.iter().map(|s| (&s[..], None));
    let verified = verify(&OUTPUTS.bytes, dir(), &Expectations::default()).unwrap();
    let data = to_bytes(&data_id(&network, false, unlabelled).unwrap());
    assert_eq!(verified.data_id, data);
    let outputs = outputs.into_iter().map(|o| vec![o]).collect();
    assert_eq!(verified.claim, Claim::Outputs { outputs });

    // Every expectation is compared.
    let nothing = Expectations::default;
    for wrong in [
        Expectations {
            kind: Some(Kind::Outputs),
            ..nothing()
        },
        Expectations {
            model_id: Some([0; 32]),
            ..nothing()
        },
        Expectations {
            data_id: Some([0; 32]),
            ..nothing()
        },
        Expectations {
            samples: Some(4),
            ..nothing()
        },
        Expectations {
            context: Some(vec![]),
            ..nothing()
        },
    ] {
        let result = verify(&ACCURACY.bytes, dir(), &wrong);
        assert!(matches!(result, Err(Error::Unexpected { .. })), "{wrong:?}");
    }
}

#[test]
fn lies_about_public_values_are_refused() {
    for by in [1u64, u64::MAX] {
        let change = |e: &mut Envelope| match &mut e.claim {
            Claim::Accuracy { correct } => *correct = correct.wrapping_add(by),
            Claim::Outputs { outputs } => outputs[1][0][2] += by as i32,
        };
        refused(ACCURACY.lie(change), "correct");
        refused(OUTPUTS.lie(change), "output");
    }
    for proof in [&*ACCURACY, &*OUTPUTS] {
        refused(proof.lie(|e| e.samples += 1), "more samples");
        refused(proof.lie(|e| e.samples -= 1), "fewer samples");
        refused(proof.lie(|e| e.samples = 0), "no samples");
        refused(proof.lie(|e| e.model_id[0] ^= 1), "model id");
        refused(
            proof.lie(|e| e.model_id = [255; 32]),
            "model id beyond the field",
        );
        refused(proof.lie(|e| e.data_id[3] ^= 1), "data id");
        refused(proof.lie(|e| e.context.push(0)), "context");
        refused(
            proof.lie(|e| e.network.layers[1].name.push('x')),
            "architecture",
        );
        let result = proof.lie(|e| e.srs_id[0] ^= 1);
        assert!(matches!(result, Err(Error::OtherSrs { .. })));
    }
    let outputs = |change: fn(&mut Vec<Vec<Vec<i32>>>)| {
        OUTPUTS.lie(|e| match &mut e.claim {
            Claim::Outputs { outputs } => change(outputs),
            Claim::Accuracy { .. } => {}
        })
    };
    refused(outputs(|o| o.swap(0, 1)), "order of outputs");
    refused(outputs(|o| o.truncate(2)), "a missing output");
    refused(outputs(|o| o[0][0][0] = 512), "an impossible output");
    // Another kind of statement: for a verifier of either kind.
    let result = ACCURACY.lie(|e| e.claim = Claim::Outputs { outputs: vec![] });
    assert!(matches!(result, Err(Error::Unexpected { .. })));
    let mut envelope = OUTPUTS.envelope();
    envelope.claim = Claim::Accuracy { correct: 3 };
    let result = verify(
        &envelope.to_bytes().unwrap(),
        dir(),
        &Expectations::default(),
    );
    refused(result.map(drop), "outputs as accuracy");
}

/// The verifier builds its circuit from the architecture in the file: another one is another circuit,
/// even if only a name differs, because the architecture's digest is in the model id.
#[test]
fn another_architecture_is_another_circuit() {
    let change: [fn(&mut Network); 3] = [
        |n| n.layers[1].name.push('x'),
        |n| n.layers[3].range.max = 510,
        |n| n.outputs[0].name.clear(),
    ];
    for change in change {
        let mut envelope = ACCURACY.envelope();
        change(&mut envelope.network);
        let result = verify(
            &envelope.to_bytes().unwrap(),
            dir(),
            &Expectations::default(),
        );
        refused(result.map(drop), "architecture");
    }
}

#[test]
fn a_proof_of_another_model_does_not_fit() {
    let other = compress(&SETUP.accuracy, &prove(Kind::Accuracy, 2, 3)).unwrap();
    let other_id = other.model_id;
    refused(ACCURACY.lie(|e| e.snark = other.snark), "its proof");
    refused(ACCURACY.lie(|e| e.model_id = other_id), "its id");
    let fewer = compress(&SETUP.accuracy, &prove(Kind::Accuracy, 1, 2)).unwrap();
    refused(ACCURACY.lie(|e| e.snark = fewer.snark), "fewer steps");
}

/// Two steps with the weights of two models, made without the honest prover's checks.
#[test]
fn weights_changed_between_two_steps_are_refused() {
    let params = &SETUP.accuracy;
    let honest = prove(Kind::Accuracy, 1, 1);
    let mut other = weights(1);
    other.layers[1].kernel[0] ^= 1;
    let sample = &samples(2)[1];
    for (weights, accepted) in [(&weights(1), true), (&other, false)] {
        let mut recursive: Recursive = honest.recursive.clone();
        let step = params.step().with_model(weights, &SALT).unwrap();
        recursive
            .prove_step(params.nova(), &step.with_sample(sample, Some(1)))
            .unwrap();
        let initial = honest.initial.to_vec();
        assert_eq!(
            recursive.verify(params.nova(), 2, &initial).is_ok(),
            accepted
        );
        let state = recursive.outputs().to_vec();
        assert_eq!(state[2], Scalar::from(2));
        let (prover_key, _) = Snark::setup(params.nova()).unwrap();
        let snark = Snark::prove(params.nova(), &prover_key, &recursive).unwrap();
        let mut envelope = ACCURACY.envelope();
        envelope.data_id = to_bytes(&state[1]);
        envelope.samples = 2;
        let correct = (0..3).find(|&n| state[3] == Scalar::from(n)).unwrap();
        envelope.claim = Claim::Accuracy { correct };
        envelope.snark = snark;
        let result = ACCURACY.verifier.verify(envelope, &Expectations::default());
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
}

#[test]
fn no_byte_can_change_unseen() {
    for proof in [&*ACCURACY, &*OUTPUTS] {
        for i in 0..proof.bytes.len() {
            let mut bytes = proof.bytes.clone();
            bytes[i] ^= 1 << (i % 8);
            assert!(Envelope::from_bytes(&bytes).is_err(), "byte {i}");
        }
        for length in 0..proof.bytes.len() {
            assert!(Envelope::from_bytes(&proof.bytes[..length]).is_err());
        }
        let mut longer = proof.bytes.clone();
        longer.push(0);
        assert!(Envelope::from_bytes(&longer).is_err());
    }
}

/// The same with the checksum made to fit, through the whole verification.
fn flip_behind_the_checksum(proof: &Proof, positions: impl Iterator<Item = usize>) {
    for i in positions {
        let mut content = proof.content().to_vec();
        content[i] ^= 1 << (i % 8);
        match proof.check(&content) {
            Err(Error::Folding(e)) => panic!("byte {i}: {e}"),
            result => assert!(result.is_err(), "byte {i}"),
        }
    }
}

#[test]
fn no_byte_can_change_behind_a_correct_checksum() {
    let start = ACCURACY.snark_start();
    flip_behind_the_checksum(&ACCURACY, 0..start);
    flip_behind_the_checksum(&ACCURACY, (start..ACCURACY.content().len()).step_by(331));
    // The claim and what follows it; the architecture is encoded as above.
    let start = OUTPUTS.snark_start();
    flip_behind_the_checksum(&OUTPUTS, start - 150..start);
    let trailing = [ACCURACY.content(), &[0]].concat();
    refused(ACCURACY.check(&trailing), "a byte behind the end");
}

/// Lengths that nova-snark asserts: hostile bytes must give an error, not a panic.
#[test]
fn other_lengths_in_the_proof_are_refused() {
    let content = ACCURACY.content();
    // From the end: zn, a_hat, R, L, then the two evaluations of the secondary argument.
    let rounds = (1..20)
        .find(|n| {
            let left = content.len() - 161 - 32 - 2 * (1 + 32 * n);
            content[left] == *n as u8 && content[left + 1 + 32 * n] == *n as u8
        })
        .unwrap();
    let evaluations = content.len() - 161 - 32 - 2 * (1 + 32 * rounds) - 65;
    assert_eq!(content[evaluations], 2);
    let mut fewer = content.to_vec();
    fewer[evaluations] = 1;
    fewer.drain(evaluations + 1..evaluations + 33);
    refused(ACCURACY.check(&fewer), "one evaluation");
    let mut more = content.to_vec();
    more[evaluations] = 3;
    more.splice(evaluations + 1..evaluations + 1, [0; 32]);
    refused(ACCURACY.check(&more), "three evaluations");
    // Whatever looks like a length: one less and one more, with and without the element.
    let start = ACCURACY.snark_start();
    let lengths = (start..content.len()).filter(|&i| (1..20).contains(&content[i]));
    for at in lengths.step_by(11) {
        for (delta, size) in [(-1i8, 32usize), (1, 32), (-1, 96), (1, 96)] {
            let mut bytes = content.to_vec();
            bytes[at] = bytes[at].wrapping_add_signed(delta);
            if delta < 0 && at + 1 + size <= bytes.len() {
                bytes.drain(at + 1..at + 1 + size);
            } else {
                bytes.splice(at + 1..at + 1, std::iter::repeat_n(0, size));
            }
            refused(ACCURACY.check(&bytes), "a length");
        }
    }
}

#[test]
fn missing_and_other_keys_are_named() {
    let empty = tempfile::tempdir().unwrap();
    let error = verify(&ACCURACY.bytes, empty.path(), &Expectations::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("2^14") && text.contains("pleat srs import"),
        "{text}"
    );
    srs::create_local(empty.path(), 14, false).unwrap();
    let error = verify(&ACCURACY.bytes, empty.path(), &Expectations::default()).unwrap_err();
    assert!(matches!(error, Error::OtherSrs { .. }));
}

#[test]
fn samples_that_do_not_fit_leave_the_prover_usable() {
    let mut prover = Prover::new(&SETUP.accuracy, &weights(1), &SALT, b"").unwrap();
    let sample = &samples(1)[0];
    assert!(prover.prove_sample(&sample[1..], Some(0)).is_err());
    assert!(prover.prove_sample(sample, Some(3)).is_err());
    assert!(prover.prove_sample(sample, None).is_err());
    assert!(prover.prove_sample(&[8; 9], Some(0)).is_err());
    assert!(prover.running().is_none());
    prover.prove_sample(sample, Some(0)).unwrap();
    assert!(prover.prove_sample(&[8; 9], Some(0)).is_err());
    prover.prove_sample(sample, Some(1)).unwrap();
    let running = prover.finish().unwrap();
    assert_eq!(running.state.count, 2);
    let nova = SETUP.accuracy.nova();
    let z = running
        .recursive
        .verify(nova, 2, &running.initial.to_vec())
        .unwrap();
    assert_eq!(z, running.state.to_vec());
    let prover = Prover::new(&SETUP.accuracy, &weights(1), &SALT, b"").unwrap();
    assert!(prover.finish().is_err());
}

/// What reads an envelope may index its architecture: `verify --data` does so before any circuit is built.
#[test]
fn an_impossible_architecture_is_no_proof_file() {
    let change: [fn(&mut Network); 4] = [
        |n| n.outputs.clear(),
        |n| n.outputs[0].layer = 99,
        |n| n.layers[1].inputs[0] = 7,
        |n| n.input.resize = Some([1 << 60, 1 << 60]),
    ];
    for change in change {
        let mut envelope = ACCURACY.envelope();
        change(&mut envelope.network);
        let result = Envelope::from_bytes(&envelope.to_bytes().unwrap());
        assert!(matches!(result.map(drop), Err(Error::Malformed(_))));
    }
}

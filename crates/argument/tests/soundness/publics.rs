//! What a verifier states is changed: the proof of another statement is no proof of this one.

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use pleat_argument::Scalar;
use pleat_argument::data::{DataSecrecy, register_data};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::group::verify::{Public, verify};
use pleat_argument::layout::{data_layout, inference, register_model};
use pleat_argument::model::Model;
use pleat_argument::opening::{OpeningKey, Scheme};
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::statement::{Statement, Visibility, context_hash};
use pleat_argument::witness::data_vector;
use pleat_model::data::Sample;

use crate::claims::{ACCURACY, INPUTS, MODEL, OUTPUTS};
use crate::fixture::{
    BUNDLE, Forger, GROUP_BITS, KEY, KINDS, OTHER_KEY, ROW_BITS, bundle, network, rejected,
    samples, tiny_network,
};

/// Every field, each changed in some ways. A new field does not compile.
fn other_claims(claim: &Claim) -> Vec<Claim> {
    let Claim {
        kind,
        row_bits,
        group_bits,
        labelled,
        samples,
        context,
        model,
        data,
        visibility,
    } = claim.clone();
    let mut others = vec![];
    let mut push = |edit: &dyn Fn(&mut Claim)| {
        let mut other = claim.clone();
        edit(&mut other);
        others.push(other);
    };
    for other in KINDS.into_iter().filter(|k| *k != kind) {
        push(&|c| c.kind = other);
    }
    for other in [
        0,
        row_bits - 1,
        row_bits + 1,
        row_bits + 2,
        24,
        25,
        u32::MAX,
    ] {
        push(&|c| c.row_bits = other);
    }
    for other in [0, group_bits + 1, group_bits + 2, 31, 32, 64, u32::MAX] {
        push(&|c| c.group_bits = other);
    }
    push(&|c| c.labelled = !labelled);
    for other in [0, 1, samples - 1, samples + 1, samples + 2, u64::MAX] {
        push(&|c| c.samples = other);
    }
    push(&|c| c.context = context + Scalar::ONE);
    push(&|c| c.model = model + Scalar::ONE);
    push(&|c| c.model = data);
    push(&|c| c.data = data + Scalar::ONE);
    push(&|c| c.data = model);
    push(&|c| {
        c.visibility = match visibility {
            Visibility::Public => Visibility::Private,
            Visibility::Private => Visibility::Public,
        }
    });
    others
}

#[test]
fn another_claim() {
    for case in [&*ACCURACY, &*OUTPUTS] {
        for claim in other_claims(&case.claim) {
            let registry = &case.registry;
            let result = registry.verify_claim(&KEY, &BUNDLE.network, &claim, &case.proof);
            assert!(result.is_err(), "{claim:?}");
        }
    }
}

#[test]
fn another_model_or_other_data_though_registered() {
    let other = bundle(network(), 2);
    let model = Model::new(&KEY, &other, ROW_BITS, None).unwrap();
    let (registration, _) = model
        .register(&ProofSecret::native([1; 32]), Scheme::HyperKzg)
        .unwrap();
    let data = samples(&BUNDLE, 5)[2..].to_vec();
    for case in [&*ACCURACY, &*OUTPUTS] {
        let mut registry = case.registry.clone();
        (registry.register_model(&KEY, &other.network, ROW_BITS, model.id, &registration)).unwrap();
        let admitted = (registry.admit_data(&KEY, &BUNDLE.network, ROW_BITS, &*data)).unwrap();
        let mut claim = case.claim.clone();
        claim.model = model.id;
        let check = |claim: &Claim, what: &str| {
            let result = registry.verify_claim(&KEY, &BUNDLE.network, claim, &case.proof);
            rejected(result, what);
        };
        check(&claim, "the model");
        claim.model = case.claim.model;
        claim.data = admitted;
        check(&claim, "the data");
    }
}

#[test]
fn ids_that_nobody_registered() {
    let case = &*ACCURACY;
    let network = &BUNDLE.network;
    let mut registry = Registry::default();
    let check = |registry: &Registry| {
        let result = registry.verify_claim(&KEY, network, &case.claim, &case.proof);
        rejected(result, "not registered");
    };
    check(&registry);
    let inputs = INPUTS.as_slice();
    (registry.admit_data(&KEY, network, ROW_BITS, inputs)).unwrap();
    check(&registry);
    let mut registry = Registry::default();
    let (registration, _) = MODEL
        .register(&ProofSecret::native([1; 32]), Scheme::HyperKzg)
        .unwrap();
    let wrong = MODEL.id + Scalar::ONE;
    rejected(
        registry.register_model(&KEY, network, ROW_BITS, wrong, &registration),
        "another id",
    );
    (registry.register_model(&KEY, network, ROW_BITS, MODEL.id, &registration)).unwrap();
    check(&registry);
    // A registration is no proof of a claim, nor the other way round.
    let result = case
        .registry
        .verify_claim(&KEY, network, &case.claim, &registration);
    rejected(result, "a registration");
    let result = registry.register_model(&KEY, network, ROW_BITS, MODEL.id, &case.proof);
    rejected(result, "a claim");
}

/// One data secret under two keys: if their blinds were one, the difference of the commitments would confirm a guess.
#[test]
fn one_data_secret_blinds_differently_under_each_key() {
    let (network, inputs) = (&BUNDLE.network, INPUTS.as_slice());
    let (layout, records) = data_layout(network, true, ROW_BITS).unwrap();
    let samples = inputs.iter().map(|s| (s.values.as_slice(), s.label));
    let values = data_vector(&layout, &records, network, samples).unwrap();
    let commitments = [&*KEY, &*OTHER_KEY].map(|key| {
        let own = ProofSecret::native([3; 32]);
        let scheme = Scheme::HyperKzg;
        let made = register_data(key, network, ROW_BITS, inputs, [1; 32], &own, scheme);
        let [blinded] = made.unwrap().1.data[..] else {
            panic!("one data vector")
        };
        (
            G1::from(blinded),
            G1::from(key.commit_integers(&values, &Scalar::ZERO)),
        )
    });
    let [(a, bare_a), (b, bare_b)] = commitments;
    assert_ne!(a - b, bare_a - bare_b);
}

#[test]
fn private_data_need_their_own_registration() {
    let (network, inputs) = (&BUNDLE.network, INPUTS.as_slice());
    let private = Visibility::Private;
    let context = context_hash(b"private");
    let mut made = vec![];
    for secret in [[1; 32], [2; 32]] {
        let secrecy = DataSecrecy::Private(secret);
        let evaluation =
            Evaluation::new(&MODEL, Kind::Accuracy, inputs, secrecy, Some(GROUP_BITS)).unwrap();
        let own = ProofSecret::native([4; 32]);
        let proved = evaluation
            .prove(inputs, context, &own, Scheme::HyperKzg)
            .unwrap();
        let (id, registration) = register_data(
            &KEY,
            network,
            ROW_BITS,
            inputs,
            secret,
            &ProofSecret::native([3; 32]),
            Scheme::HyperKzg,
        )
        .unwrap();
        assert_eq!(id, proved.statement.data);
        made.push((proved, registration));
    }
    // Blinds are the secret's: another id and other commitments, of the same model.
    assert_ne!(made[0].0.statement.data, made[1].0.statement.data);
    assert_ne!(made[0].0.proof.data, made[1].0.proof.data);
    assert_eq!(made[0].0.statement.model, made[1].0.statement.model);
    assert_eq!(made[0].0.proof.weights, made[1].0.proof.weights);

    let mut registry = ACCURACY.registry.clone();
    let claim_of = |i: usize| Claim {
        data: made[i].0.statement.data,
        visibility: private,
        context,
        ..ACCURACY.claim.clone()
    };
    let verify = |registry: &Registry, i: usize, j: usize| {
        registry.verify_claim(&KEY, network, &claim_of(i), &made[j].0.proof)
    };
    rejected(verify(&registry, 0, 0), "not registered");
    let register = |registry: &mut Registry, labelled, samples, id, proof| {
        registry.register_data(&KEY, network, ROW_BITS, labelled, samples, id, proof)
    };
    let (id, proof) = (made[0].0.statement.data, &made[0].1);
    let other = made[1].0.statement.data;
    rejected(register(&mut registry, true, 3, other, proof), "another id");
    rejected(
        register(&mut registry, true, 2, id, proof),
        "another number",
    );
    rejected(
        register(&mut registry, true, 4, id, proof),
        "another number",
    );
    rejected(
        register(&mut registry, true, u64::MAX, id, proof),
        "another number",
    );
    rejected(register(&mut registry, false, 3, id, proof), "no labels");
    register(&mut registry, true, 3, id, proof).unwrap();
    verify(&registry, 0, 0).unwrap();
    rejected(verify(&registry, 0, 1), "the proof of other data");
    rejected(verify(&registry, 1, 1), "the other data");
}

#[test]
fn another_key() {
    let case = &*ACCURACY;
    let network = &BUNDLE.network;
    let result = case
        .registry
        .verify_claim(&OTHER_KEY, network, &case.claim, &case.proof);
    rejected(result, "another key");
    let mut registry = case.registry.clone();
    let (registration, _) = MODEL
        .register(&ProofSecret::native([1; 32]), Scheme::HyperKzg)
        .unwrap();
    let result = registry.register_model(&OTHER_KEY, network, ROW_BITS, MODEL.id, &registration);
    rejected(result, "another key");
}

#[test]
fn another_architecture() {
    let case = &*ACCURACY;
    let mut others = vec![
        BUNDLE.network.clone(),
        BUNDLE.network.clone(),
        tiny_network(),
    ];
    others[0].outputs[0].unit = Some(-3);
    others[1].layers[1].range.max += 1;
    for network in others {
        let result = case
            .registry
            .verify_claim(&KEY, &network, &case.claim, &case.proof);
        assert!(result.is_err());
    }
}

/// A key too small for the size class is an error, not an index out of range.
#[test]
fn keys_that_are_too_small() {
    let network = &BUNDLE.network;
    let mut registry = Registry::default();
    for row_bits in [KEY.power() - 1, 20, u32::MAX] {
        let inputs = INPUTS.as_slice();
        assert!(
            registry
                .admit_data(&KEY, network, row_bits, inputs)
                .is_err()
        );
        let claim = Claim {
            row_bits,
            ..OUTPUTS.claim.clone()
        };
        assert!(outputs_chain(&KEY, network, &claim, &[]).is_err());
        let proof = &OUTPUTS.proof;
        let id = claim.model;
        assert!(
            registry
                .register_model(&KEY, network, row_bits, id, proof)
                .is_err()
        );
        assert!((registry.register_data(&KEY, network, row_bits, true, 3, id, proof)).is_err());
    }
}

/// Each field of the statement, with an argument that knows nothing of ids.
#[test]
fn another_statement() {
    for kind in KINDS {
        let forger = Forger::new(kind);
        let proof = forger.prove();
        let tables: Vec<G1Affine> = forger.tables.iter().map(|t| t.commitment).collect();
        let key = OpeningKey::new(&KEY).unwrap();
        let schedule = forger.schedule();
        let verify = |statement: &Statement| {
            let public = Public {
                program: &forger.program,
                schedule: &schedule,
                statement,
                tables: &tables,
            };
            verify(&key, &public, &proof)
        };
        let statement = forger.statement();
        verify(&statement).unwrap();
        // A new field does not compile.
        let Statement {
            kind: _,
            model,
            data,
            samples,
            context,
            program,
            tables: chain,
            key: id,
        } = statement;
        let mut others = vec![];
        let mut push = |edit: &dyn Fn(&mut Statement)| {
            let mut other = forger.statement();
            edit(&mut other);
            others.push(other);
        };
        let one = Scalar::ONE;
        for other in KINDS.into_iter().filter(|k| *k != kind) {
            push(&|s| s.kind = other);
        }
        push(&|s| s.model = model + one);
        push(&|s| s.data = data + one);
        // One more sample in the last group; one less; other groups.
        for other in [
            samples + 1,
            samples.saturating_sub(1),
            samples + 2,
            1 << 40,
            u64::MAX,
        ] {
            push(&|s| s.samples = other);
        }
        push(&|s| s.context = context + one);
        push(&|s| s.program = program + one);
        push(&|s| s.tables = chain + one);
        push(&|s| s.key = id + one);
        for other in others {
            if other != statement {
                rejected(verify(&other), &format!("{other:?}"));
            }
        }
    }
}

#[test]
fn another_program() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let forger = Forger::new(kind);
        let proof = forger.prove();
        for (row_bits, group_bits) in [(8, 0), (8, 2), (9, 1)] {
            for other in [Kind::Accuracy, Kind::Outputs] {
                let mut forger = Forger::new(kind);
                forger.program =
                    inference(&forger.network, other, true, row_bits, group_bits).unwrap();
                rejected(forger.verify(&proof), "another program");
            }
        }
    }
}

/// Otherwise weights would be used as others than those whose widths were proved.
#[test]
fn weights_lie_where_they_were_registered() {
    for network in [network(), tiny_network()] {
        for row_bits in ROW_BITS..13 {
            let layout = |program: &pleat_argument::program::Program| -> Vec<_> {
                let vectors = program.of_kind(VectorKind::Weights);
                let blocks = vectors.flat_map(|v| {
                    let place = move |b: &pleat_argument::program::Block| {
                        (v.slot, v.bits, b.offset, b.bits, b.fill.clone())
                    };
                    v.blocks.iter().map(place)
                });
                blocks.collect()
            };
            let registered = layout(&register_model(&network, row_bits).unwrap());
            for (kind, labelled) in [
                (Kind::Accuracy, true),
                (Kind::Outputs, true),
                (Kind::Outputs, false),
            ] {
                for group_bits in 0..=row_bits {
                    if let Ok(program) = inference(&network, kind, labelled, row_bits, group_bits) {
                        assert_eq!(layout(&program), registered);
                    }
                }
            }
        }
    }
}

#[test]
fn public_data_that_do_not_fit() {
    let network = &BUNDLE.network;
    let mut registry = Registry::default();
    let classes = network.classes() as u32;
    type Edit<'a> = dyn Fn(&mut Vec<Sample>) + 'a;
    let edits: [(&str, &Edit<'_>); 9] = [
        ("too large", &|s| {
            s[1].values[3] = network.input.range.max + 1
        }),
        ("too small", &|s| {
            s[2].values[0] = network.input.range.min - 1
        }),
        ("the smallest integer", &|s| s[0].values[31] = i32::MIN),
        ("the largest integer", &|s| s[0].values[31] = i32::MAX),
        ("a class too many", &|s| s[0].label = Some(classes)),
        ("the largest label", &|s| s[2].label = Some(u32::MAX)),
        ("a label missing", &|s| s[1].label = None),
        ("a value missing", &|s| s[1].values.truncate(31)),
        ("a value too many", &|s| s[1].values.push(0)),
    ];
    for (what, edit) in edits {
        let mut data = INPUTS.clone();
        edit(&mut data);
        let result = registry.admit_data(&KEY, network, ROW_BITS, &*data);
        assert!(result.is_err(), "{what}");
    }
}

#[test]
fn other_outputs_have_another_chain() {
    let case = &*OUTPUTS;
    let network = &BUNDLE.network;
    let outcome = (case
        .registry
        .verify_claim(&KEY, network, &case.claim, &case.proof))
    .unwrap();
    let outputs = &case.proved.as_ref().unwrap().outputs;
    let chain = |outputs: &[Vec<Vec<i32>>]| outputs_chain(&KEY, network, &case.claim, outputs);
    assert_eq!(chain(outputs).unwrap(), outcome.outputs);
    for sample in 0..outputs.len() {
        for output in 0..outputs[0].len() {
            for value in 0..outputs[0][output].len() {
                let mut other = outputs.clone();
                other[sample][output][value] += 1;
                assert_ne!(chain(&other).unwrap(), outcome.outputs);
            }
        }
    }
    let mut swapped = outputs.clone();
    swapped.swap(0, 1);
    assert_ne!(chain(&swapped).unwrap(), outcome.outputs);
    assert!(chain(&outputs[1..]).is_err());
    let mut short = outputs.clone();
    short[1][0].pop();
    assert!(chain(&short).is_err());
}

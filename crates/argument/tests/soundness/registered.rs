//! Checks of registries, one test each and named for it: a forgery that this check refuses.
//!
//! Most of these proofs are right but for what the test is named for: without the check they would be accepted.

use std::sync::LazyLock;

use ff::Field;
use pleat_argument::layout::{inference, register_data, register_model};
use pleat_argument::program::Kind;
use pleat_argument::proof::{Folded, Proof};
use pleat_argument::registry::{Claim, Registry, key_bits, outputs_chain};
use pleat_argument::statement::{Statement, Visibility};
use pleat_argument::{Error, Result, Scalar};
use pleat_model::bundle::Bundle;
use pleat_model::network::Network;

use crate::attacks::fails_at;
use crate::claims::{ACCURACY, INPUTS, OUTPUTS};
use crate::fixture::{
    BUNDLE, Forger, GROUP_BITS, KEY, ROW_BITS, SHORT_KEY, bundle, network, samples,
};

pub(crate) fn says<T: std::fmt::Debug>(result: Result<T>, part: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

/// A network that can be proved, but whose unit is beyond what is published.
fn invalid() -> Bundle {
    let mut bundle = bundle(network(), 1);
    bundle.network.outputs[0].unit = Some(i32::MAX);
    bundle
}

const INVALID: &str = "has the unit 2^2147483647";

/// Whose commitments are the same for all kinds.
fn forger(bundle: &Bundle, kind: Kind) -> Forger {
    let network = &bundle.network;
    let program = match kind {
        Kind::RegisteredModel => register_model(network, ROW_BITS),
        Kind::RegisteredData => register_data(network, true, ROW_BITS),
        _ => inference(network, kind, true, ROW_BITS, GROUP_BITS),
    };
    Forger::of(bundle, program.unwrap(), &INPUTS)
}

/// What a registration states: nothing but its own id.
fn registration(kind: Kind) -> impl Fn(&mut Statement) + Copy {
    move |s| {
        s.context = Scalar::ZERO;
        match kind {
            Kind::RegisteredModel => s.data = Scalar::ZERO,
            _ => s.model = Scalar::ZERO,
        }
    }
}

/// The registration of a forger's model or data.
fn registered(forger: &Forger) -> Proof {
    forger.prove_as(registration(forger.program.kind))
}

fn register_model_in(
    registry: &mut Registry,
    network: &Network,
    id: Scalar,
    proof: &Proof,
) -> Result<()> {
    registry.register_model(&KEY, network, ROW_BITS, id, proof)
}

fn register_data_in(
    registry: &mut Registry,
    network: &Network,
    id: Scalar,
    proof: &Proof,
) -> Result<()> {
    registry.register_data(&KEY, network, ROW_BITS, true, 3, id, proof)
}

// Networks that are none.

#[test]
fn a_model_of_an_invalid_network() {
    let bundle = invalid();
    let forger = forger(&bundle, Kind::RegisteredModel);
    let (id, proof) = (forger.statement().model, registered(&forger));
    let registered = register_model_in(&mut Registry::default(), &bundle.network, id, &proof);
    says(registered, INVALID);
}

#[test]
fn registered_data_of_an_invalid_network() {
    let bundle = invalid();
    let forger = forger(&bundle, Kind::RegisteredData);
    let (id, proof) = (forger.statement().data, registered(&forger));
    let registered = register_data_in(&mut Registry::default(), &bundle.network, id, &proof);
    says(registered, INVALID);
}

#[test]
fn public_data_of_an_invalid_network() {
    let network = invalid().network;
    let mut registry = Registry::default();
    says(
        registry.admit_data(&KEY, &network, ROW_BITS, INPUTS.as_slice()),
        INVALID,
    );
}

/// Before anything is laid out.
#[test]
fn a_claim_about_an_invalid_network() {
    let network = invalid().network;
    let case = &*ACCURACY;
    let verified = (case.registry).verify_claim(&KEY, &network, &case.claim, &case.proof);
    says(verified, INVALID);
}

#[test]
fn the_longest_vector_of_an_invalid_network() {
    let claim = &ACCURACY.claim;
    assert_eq!(key_bits(&BUNDLE.network, claim).unwrap(), 10);
    says(key_bits(&invalid().network, claim), INVALID);
}

// Keys that are too small for the vectors that a verifier commits to.

const SMALL: &str = "vectors of 2^10 entries need a key of as many points, this one has 2^8";

#[test]
fn public_data_larger_than_the_key() {
    let admitted =
        Registry::default().admit_data(&SHORT_KEY, &BUNDLE.network, ROW_BITS, INPUTS.as_slice());
    says(admitted, SMALL);
}

#[test]
fn a_claim_larger_than_the_key() {
    let case = &*ACCURACY;
    let verified =
        (case.registry).verify_claim(&SHORT_KEY, &BUNDLE.network, &case.claim, &case.proof);
    says(verified, SMALL);
}

#[test]
fn outputs_larger_than_the_key() {
    let outputs = &OUTPUTS.proved.as_ref().unwrap().outputs;
    let chain = outputs_chain(&SHORT_KEY, &BUNDLE.network, &OUTPUTS.claim, outputs);
    says(chain, SMALL);
}

// Ids.

/// The registrations of model and data, and a claim about them.
struct World {
    model: Proof,
    data: Proof,
    claim: Claim,
    proof: Proof,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let forger = forger(&BUNDLE, Kind::Accuracy);
    let statement = forger.statement();
    let world = World {
        model: registered(&self::forger(&BUNDLE, Kind::RegisteredModel)),
        data: registered(&self::forger(&BUNDLE, Kind::RegisteredData)),
        claim: Claim {
            model: statement.model,
            data: statement.data,
            context: statement.context,
            visibility: Visibility::Private,
            ..ACCURACY.claim.clone()
        },
        proof: forger.prove(),
    };
    world.check(&world.proof).unwrap();
    world
});

impl World {
    fn with_model(&self, registry: &mut Registry) {
        let (network, id) = (&BUNDLE.network, self.claim.model);
        register_model_in(registry, network, id, &self.model).unwrap();
    }

    fn with_data(&self, registry: &mut Registry) {
        let (network, id) = (&BUNDLE.network, self.claim.data);
        register_data_in(registry, network, id, &self.data).unwrap();
    }

    /// Whether a proof proves the claim, as a registry of model and data says.
    fn check(&self, proof: &Proof) -> Result<()> {
        let mut registry = Registry::default();
        self.with_model(&mut registry);
        self.with_data(&mut registry);
        self.check_in(&registry, proof)
    }

    fn check_in(&self, registry: &Registry, proof: &Proof) -> Result<()> {
        let verified = registry.verify_claim(&KEY, &BUNDLE.network, &self.claim, proof);
        verified.map(drop)
    }
}

#[test]
fn a_registration_s_model_id() {
    let forger = forger(&BUNDLE, Kind::RegisteredModel);
    let other = forger.statement().model + Scalar::ONE;
    let states = |s: &mut Statement| {
        registration(Kind::RegisteredModel)(s);
        s.model = other;
    };
    let proof = forger.prove_as(states);
    forger.verify_as(states, &proof).unwrap();
    let registered = register_model_in(&mut Registry::default(), &BUNDLE.network, other, &proof);
    fails_at(registered, "the model id");
}

#[test]
fn a_registration_s_data_id() {
    let forger = forger(&BUNDLE, Kind::RegisteredData);
    let other = forger.statement().data + Scalar::ONE;
    let states = |s: &mut Statement| {
        registration(Kind::RegisteredData)(s);
        s.data = other;
    };
    let proof = forger.prove_as(states);
    forger.verify_as(states, &proof).unwrap();
    let registered = register_data_in(&mut Registry::default(), &BUNDLE.network, other, &proof);
    fails_at(registered, "the data id");
}

#[test]
fn a_model_that_is_not_registered() {
    let mut registry = Registry::default();
    WORLD.with_data(&mut registry);
    let checked = WORLD.check_in(&registry, &WORLD.proof);
    fails_at(checked, "a model that is not registered");
}

#[test]
fn data_that_are_not_registered() {
    let mut registry = Registry::default();
    WORLD.with_model(&mut registry);
    let checked = WORLD.check_in(&registry, &WORLD.proof);
    fails_at(checked, "data that are not registered");
}

/// Other weights under the id of the registered ones.
#[test]
fn a_claim_s_model_id() {
    let forger = forger(&bundle(network(), 2), Kind::Accuracy);
    let claim = &WORLD.claim;
    assert_ne!(forger.statement().model, claim.model);
    assert_eq!(forger.statement().data, claim.data);
    let proof = forger.prove_as(|s| s.model = claim.model);
    fails_at(WORLD.check(&proof), "the model id");
}

/// Other data under the id of the registered ones.
#[test]
fn a_claim_s_data_id() {
    let honest = forger(&BUNDLE, Kind::Accuracy);
    let forger = Forger::of(&BUNDLE, honest.program, &samples(&BUNDLE, 5)[2..]);
    let claim = &WORLD.claim;
    assert_ne!(forger.statement().data, claim.data);
    assert_eq!(forger.statement().model, claim.model);
    let proof = forger.prove_as(|s| s.data = claim.data);
    fails_at(WORLD.check(&proof), "the data id");
}

// Registrations that prove nothing leave the registry as it is.

fn damaged(proof: &Proof) -> Proof {
    let mut damaged = proof.clone();
    damaged.closing.blind += Scalar::ONE;
    damaged
}

#[test]
fn a_registration_of_a_model_is_verified() {
    let mut registry = Registry::default();
    WORLD.with_data(&mut registry);
    let (id, proof) = (WORLD.claim.model, damaged(&WORLD.model));
    let registered = register_model_in(&mut registry, &BUNDLE.network, id, &proof);
    fails_at(registered, "opening of the commitment");
    let checked = WORLD.check_in(&registry, &WORLD.proof);
    fails_at(checked, "a model that is not registered");
}

#[test]
fn a_registration_of_data_is_verified() {
    let mut registry = Registry::default();
    WORLD.with_model(&mut registry);
    let (id, proof) = (WORLD.claim.data, damaged(&WORLD.data));
    let registered = register_data_in(&mut registry, &BUNDLE.network, id, &proof);
    fails_at(registered, "opening of the commitment");
    let checked = WORLD.check_in(&registry, &WORLD.proof);
    fails_at(checked, "data that are not registered");
}

/// The folded registration of a kind.
fn folded(kind: Kind) -> (Scalar, Folded) {
    let forger = forger(&BUNDLE, kind);
    let statement = forger.statement();
    let id = match kind {
        Kind::RegisteredModel => statement.model,
        _ => statement.data,
    };
    (id, forger.fold_as(registration(kind)).0)
}

/// What a checker of folds says that attests nothing, or everything.
fn attests(says: bool) -> Result<()> {
    match says {
        true => Ok(()),
        false => Err(Error::Invalid("a fold of something else".into())),
    }
}

#[test]
fn a_fold_that_is_not_attested() {
    let (id, proof) = folded(Kind::RegisteredModel);
    for says in [false, true] {
        let registered = Registry::default().register_folded_model(
            &KEY,
            &BUNDLE.network,
            ROW_BITS,
            id,
            &proof,
            |_| attests(says),
        );
        assert_eq!(registered.is_ok(), says);
    }
}

#[test]
fn a_folded_registration_of_a_model_is_verified() {
    let (id, mut proof) = folded(Kind::RegisteredModel);
    proof.closing.blind += Scalar::ONE;
    let network = &BUNDLE.network;
    let registered =
        Registry::default().register_folded_model(&KEY, network, ROW_BITS, id, &proof, |_| Ok(()));
    fails_at(registered, "opening of the commitment");
}

#[test]
fn a_folded_registration_of_data_is_verified() {
    let (id, mut proof) = folded(Kind::RegisteredData);
    proof.closing.blind += Scalar::ONE;
    let registered = Registry::default().register_folded_data(
        &KEY,
        &BUNDLE.network,
        ROW_BITS,
        true,
        3,
        id,
        &proof,
        |_| Ok(()),
    );
    fails_at(registered, "opening of the commitment");
}

//! Honest claims through the registry, made once.

use std::sync::LazyLock;

use pleat_argument::data::{DataSecrecy, register_data};
use pleat_argument::evaluation::{Evaluation, Proved};
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::Proof;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry};
use pleat_argument::statement::{Visibility, context_hash};
use pleat_argument::{Error, Scalar};
use pleat_model::data::Sample;

use crate::fixture::{BUNDLE, GROUP_BITS, KEY, ROW_BITS, SAMPLES, samples};

pub(crate) static MODEL: LazyLock<Model<'static>> =
    LazyLock::new(|| Model::new(&KEY, &BUNDLE, ROW_BITS, None).unwrap());
pub(crate) static INPUTS: LazyLock<Vec<Sample>> = LazyLock::new(|| samples(&BUNDLE, SAMPLES));
const SECRET: [u8; 32] = [9; 32];

/// A proof that must be accepted by `check`, and changed ones that must not.
pub(crate) struct Case {
    pub(crate) claim: Claim,
    pub(crate) proof: Proof,
    pub(crate) proved: Option<Proved<Proof>>,
    pub(crate) registry: Registry,
}

impl Case {
    /// The claim with another proof.
    pub(crate) fn check(&self, proof: &Proof) -> Result<(), Error> {
        let network = &BUNDLE.network;
        let claim = &self.claim;
        match claim.kind {
            Kind::RegisteredModel => {
                let mut registry = Registry::default();
                registry.register_model(&KEY, network, ROW_BITS, claim.model, proof)
            }
            Kind::RegisteredData => {
                let mut registry = Registry::default();
                let (samples, id) = (claim.samples, claim.data);
                registry.register_data(&KEY, network, ROW_BITS, true, samples, id, proof)
            }
            _ => (self.registry)
                .verify_claim(&KEY, network, claim, proof)
                .map(|_| ()),
        }
    }
}

pub(crate) fn make(kind: Kind, scheme: Scheme) -> Case {
    let network = &BUNDLE.network;
    let inputs = INPUTS.as_slice();
    let mut claim = Claim {
        kind,
        row_bits: ROW_BITS,
        group_bits: GROUP_BITS,
        labelled: true,
        samples: inputs.len() as u64,
        context: context_hash(b"soundness"),
        model: MODEL.id,
        data: Scalar::zero(),
        visibility: Visibility::Private,
    };
    let mut registry = Registry::default();
    let mut proved = None;
    let proof = match kind {
        Kind::RegisteredModel => {
            MODEL
                .register(&ProofSecret::native(rand::random()), scheme)
                .unwrap()
                .0
        }
        Kind::RegisteredData => {
            let own = &ProofSecret::native(rand::random());
            let (id, proof) =
                register_data(&KEY, network, ROW_BITS, inputs, SECRET, own, scheme).unwrap();
            claim.data = id;
            proof
        }
        _ => {
            claim.visibility = Visibility::Public;
            let (registration, _) = MODEL
                .register(&ProofSecret::native([8; 32]), scheme)
                .unwrap();
            registry
                .register_model(&KEY, network, ROW_BITS, MODEL.id, &registration)
                .unwrap();
            let public = DataSecrecy::Public;
            let evaluation =
                Evaluation::new(&MODEL, kind, inputs, public, Some(GROUP_BITS)).unwrap();
            let made = evaluation
                .prove(inputs, claim.context, &ProofSecret::native(SECRET), scheme)
                .unwrap();
            claim.data = registry
                .admit_data(&KEY, network, ROW_BITS, inputs)
                .unwrap();
            assert_eq!(claim.data, made.statement.data);
            let proof = made.proof.clone();
            proved = Some(made);
            proof
        }
    };
    let case = Case {
        claim,
        proof,
        proved,
        registry,
    };
    case.check(&case.proof).unwrap();
    case
}

pub(crate) static ACCURACY: LazyLock<Case> =
    LazyLock::new(|| make(Kind::Accuracy, Scheme::HyperKzg));
pub(crate) static OUTPUTS: LazyLock<Case> = LazyLock::new(|| make(Kind::Outputs, Scheme::Mercury));
pub(crate) static REGISTERED_MODEL: LazyLock<Case> =
    LazyLock::new(|| make(Kind::RegisteredModel, Scheme::HyperKzg));
pub(crate) static REGISTERED_DATA: LazyLock<Case> =
    LazyLock::new(|| make(Kind::RegisteredData, Scheme::HyperKzg));

/// One of each kind.
pub(crate) fn cases() -> [&'static Case; 4] {
    [&ACCURACY, &OUTPUTS, &REGISTERED_MODEL, &REGISTERED_DATA]
}

//! Private data under two commitment keys: the blinding generator is the same, so the blinds must not be.

use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use pleat_argument::Scalar;
use pleat_argument::commitment::Key;
use pleat_argument::data::register_data;
use pleat_argument::layout::data_layout;
use pleat_argument::opening::Scheme;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::srs;
use pleat_argument::witness::data_vector;

use crate::subject::{INDEX_BITS, KEY, ROW_BITS, SAMPLES, candidate};

#[test]
fn data_registered_under_two_keys_confirm_no_guess() {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), INDEX_BITS, false).unwrap();
    let other = Key::load(dir.path(), INDEX_BITS).unwrap();
    let (bundle, samples) = (candidate(0), SAMPLES.as_slice());
    let network = &bundle.network;
    // One secret of the data, as for one data id; each proof has its own besides.
    let register = |key: &Key, own: u8| -> G1Affine {
        let own = ProofSecret::native([own; 32]);
        let scheme = Scheme::Mercury;
        let proved = register_data(key, network, ROW_BITS, samples, [7; 32], &own, scheme);
        proved.unwrap().1.data[0]
    };
    let difference = |a: G1Affine, b: G1Affine| (G1::from(a) - G1::from(b)).to_affine();
    let seen = difference(register(&KEY, 1), register(&other, 2));
    let (layout, records) = data_layout(network, true, ROW_BITS).unwrap();
    let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
    let values = data_vector(&layout, &records, network, inputs).unwrap();
    let bare = |key: &Key| key.commit_integers(&values, &Scalar::zero());
    assert_ne!(seen, difference(bare(&KEY), bare(&other)));
}

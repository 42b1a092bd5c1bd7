//! Checks of public data and of claimed outputs, one test each and named for it.

use pleat_argument::layout::data_layout;
use pleat_argument::program::Kind;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::witness::data_vector;
use pleat_argument::{Result, Scalar};
use pleat_model::data::Sample;
use pleat_model::network::Network;

use crate::claims::{INPUTS, OUTPUTS};
use crate::fixture::{BUNDLE, KEY, ROW_BITS, bundle, samples, tiny_network};
use crate::registered::says;

/// The ids of parts of 19 samples of a network that has 16 in a data vector.
fn parts(lengths: &[u64]) -> Result<Vec<Scalar>> {
    let bundle = bundle(tiny_network(), 5);
    let all = samples(&bundle, 19);
    let mut registry = Registry::default();
    let admitted = registry.admit_parts(&KEY, &bundle.network, ROW_BITS, all.as_slice(), lengths);
    Ok(admitted?.0)
}

const PARTS: &str =
    "parts that are not all 19 samples, or begin inside one of their data vectors of 16";

#[test]
fn parts_that_are_not_all_samples() {
    assert_eq!(parts(&[16, 3]).unwrap().len(), 2);
    says(parts(&[16]), PARTS);
    says(parts(&[16, 4]), PARTS);
}

#[test]
fn a_part_that_begins_inside_a_data_vector() {
    says(parts(&[5, 14]), PARTS);
}

fn admitted(edit: impl Fn(&mut Sample)) -> Result<Scalar> {
    let mut data = INPUTS.clone();
    edit(&mut data[1]);
    Registry::default().admit_data(&KEY, &BUNDLE.network, ROW_BITS, data.as_slice())
}

const SAMPLE: &str = "sample 1 of a data vector does not fit the network's input";

#[test]
fn a_sample_of_another_length() {
    admitted(|_| ()).unwrap();
    says(admitted(|s| s.values.push(0)), SAMPLE);
}

#[test]
fn a_value_out_of_range() {
    let range = BUNDLE.network.input.range;
    says(admitted(|s| s.values[3] = range.max + 1), SAMPLE);
    says(admitted(|s| s.values[0] = range.min - 1), SAMPLE);
}

#[test]
fn more_samples_than_a_data_vector_has() {
    let bundle = bundle(tiny_network(), 5);
    let all = samples(&bundle, 17);
    let (layout, records) = data_layout(&bundle.network, true, ROW_BITS).unwrap();
    let vector = |samples: &[Sample]| {
        let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
        data_vector(&layout, &records, &bundle.network, inputs)
    };
    vector(&all[..16]).unwrap();
    says(vector(&all), "sample 16 of a data vector does not fit");
}

#[test]
fn a_label_that_is_no_class() {
    let wrong = "sample 1 of a data vector has a wrong label, or one where others have none";
    let classes = BUNDLE.network.classes() as u32;
    says(admitted(|s| s.label = Some(classes)), wrong);
    says(admitted(|s| s.label = None), wrong);
}

// Outputs.

fn chain_of(
    network: &Network,
    edit: impl Fn(&mut Claim, &mut Vec<Vec<Vec<i32>>>),
) -> Result<Scalar> {
    let (mut claim, mut outputs) = (
        OUTPUTS.claim.clone(),
        OUTPUTS.proved.as_ref().unwrap().outputs.clone(),
    );
    edit(&mut claim, &mut outputs);
    outputs_chain(&KEY, network, &claim, &outputs)
}

const OTHER_OUTPUTS: &str = "outputs whose number or shape is not that of the claim";

#[test]
fn outputs_of_a_claim_about_something_else() {
    let network = &BUNDLE.network;
    chain_of(network, |_, _| ()).unwrap();
    let chain = chain_of(network, |claim, _| claim.kind = Kind::Accuracy);
    says(chain, OTHER_OUTPUTS);
}

#[test]
fn outputs_of_more_samples() {
    let chain = chain_of(&BUNDLE.network, |_, outputs| {
        outputs.push(outputs[0].clone());
    });
    says(chain, OTHER_OUTPUTS);
}

#[test]
fn more_outputs_than_the_network_has() {
    let chain = chain_of(&BUNDLE.network, |_, outputs| {
        let output = outputs[0][0].clone();
        outputs[0].push(output);
    });
    says(chain, OTHER_OUTPUTS);
}

#[test]
fn outputs_of_another_length() {
    let chain = chain_of(&BUNDLE.network, |_, outputs| outputs[1][0].push(0));
    says(chain, OTHER_OUTPUTS);
}

/// A layer that is named twice has one value.
#[test]
fn a_repeated_output() {
    let mut network = BUNDLE.network.clone();
    let first = network.outputs[0].clone();
    network.outputs.push(first);
    let repeated = |by: i32| {
        chain_of(&network, move |_, outputs| {
            for sample in outputs {
                let mut again = sample[0].clone();
                again[0] += by;
                sample.push(again);
            }
        })
    };
    repeated(0).unwrap();
    says(repeated(1), "two outputs of one layer whose values differ");
}

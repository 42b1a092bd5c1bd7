//! What the ONNX importer refuses, and that no file makes it panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use pleat_model::import::{ImportOptions, onnx};
use proptest::prelude::*;
use support::eval::outputs;
use support::model::*;
use support::proto::{NodeProto, TensorProto};
use support::{import, shared};

/// Imports and returns the refusal.
fn refusal(opset: i64, dims: &[i64], nodes: Vec<NodeProto>, weights: Vec<TensorProto>) -> String {
    let bytes = encode(&model(opset, dims, nodes, weights));
    onnx::read(&bytes, &ImportOptions::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn refusals_name_node_operator_and_attribute() {
    let image = [1i64, 3, 8, 8];
    let named = |mut n: NodeProto| {
        n.name = "the_node".into();
        n
    };
    let k = || ints("kernel_shape", &[2, 2]);
    // Node, weights, and what the sentence must say besides the node's name.
    let resize = |c: &str, n: &str| {
        vec![
            string("coordinate_transformation_mode", c),
            string("nearest_mode", n),
        ]
    };
    let scales = |s: f32| floats("s", &[4], vec![1.0, 1.0, s, s]);
    let cases = vec![
        (
            node("ConvTranspose", &["x", "w"], "y", vec![]),
            vec![noise("w", &[3, 3, 2, 2])],
            vec!["ConvTranspose", "Resize"],
        ),
        (
            node("Elu", &["x"], "y", vec![]),
            vec![],
            vec!["Elu", "LeakyRelu"],
        ),
        (
            node("Conv", &["x", "w"], "y", vec![int("group", 2)]),
            vec![noise("w", &[4, 1, 2, 2])],
            vec!["Conv", "'group'", "3 input channels"],
        ),
        (
            node("Conv", &["x", "w"], "y", vec![string("auto_pad", "EVEN")]),
            vec![noise("w", &[4, 3, 2, 2])],
            vec!["'auto_pad'", "EVEN", "SAME_UPPER"],
        ),
        (
            node("Conv", &["x", "w"], "y", vec![ints("strides", &[1, 0])]),
            vec![noise("w", &[4, 3, 2, 2])],
            vec!["'strides'"],
        ),
        (
            node("Conv", &["x", "w"], "y", vec![ints("pads", &[0, 0, -1, 0])]),
            vec![noise("w", &[4, 3, 2, 2])],
            vec!["'pads'", "-1"],
        ),
        (
            node(
                "Conv",
                &["x", "w"],
                "y",
                vec![ints("kernel_shape", &[3, 2])],
            ),
            vec![noise("w", &[4, 3, 2, 2])],
            vec!["'kernel_shape'"],
        ),
        (
            node("Conv", &["x", "w"], "y", vec![]),
            vec![floats("w", &[1, 3, 1, 1], vec![0.0, f32::NAN, 0.0])],
            vec!["'W'", "'w' is NaN"],
        ),
        (
            node("Conv", &["x", "x"], "y", vec![]),
            vec![],
            vec!["'W'", "depends on the model's input"],
        ),
        (
            node("MaxPool", &["x"], "y", vec![]),
            vec![],
            vec!["'kernel_shape'", "missing"],
        ),
        (
            node(
                "AveragePool",
                &["x"],
                "y",
                vec![
                    k(),
                    ints("dilations", &[2, 2]),
                    string("auto_pad", "SAME_UPPER"),
                ],
            ),
            vec![],
            vec!["'dilations'"],
        ),
        (
            node(
                "AveragePool",
                &["x"],
                "y",
                vec![k(), int("ceil_mode", 1), string("auto_pad", "VALID")],
            ),
            vec![],
            vec!["'ceil_mode'"],
        ),
        (
            node("Resize", &["x", "", "s"], "y", resize("asymmetric", "ceil")),
            vec![scales(2.0)],
            vec!["'coordinate_transformation_mode'", "asymmetric"],
        ),
        (
            node(
                "Resize",
                &["x", "", "s"],
                "y",
                resize("align_corners", "floor"),
            ),
            vec![scales(2.0)],
            vec!["align_corners"],
        ),
        (
            node(
                "Resize",
                &["x", "", "s"],
                "y",
                resize("asymmetric", "floor"),
            ),
            vec![scales(1.5)],
            vec!["'scales'", "whole factors"],
        ),
        (
            node(
                "Resize",
                &["x", "", "s"],
                "y",
                vec![string("mode", "linear")],
            ),
            vec![scales(2.0)],
            vec!["'mode'", "nearest"],
        ),
        (
            node("Pad", &["x", "p"], "y", vec![string("mode", "reflect")]),
            vec![longs("p", &[0; 8])],
            vec!["'mode'", "constant"],
        ),
        (
            node("Pad", &["x", "p"], "y", vec![]),
            vec![longs("p", &[0, 1, 0, 0, 0, 0, 0, 1])],
            vec!["'pads'", "rows and columns"],
        ),
        (
            node("ReduceMean", &["x"], "y", vec![ints("axes", &[1])]),
            vec![],
            vec!["'axes'", "rows and columns"],
        ),
        (
            node("ReduceMean", &["x"], "y", vec![ints("axes", &[2, 3, 4])]),
            vec![],
            vec!["'axes'", "4; the tensor has 4 axes"],
        ),
        (
            node(
                "ArgMax",
                &["x"],
                "y",
                vec![int("axis", 1), int("select_last_index", 1)],
            ),
            vec![],
            vec!["'select_last_index'"],
        ),
        (
            node("Cast", &["x"], "y", vec![int("to", 7)]),
            vec![],
            vec!["'to'"],
        ),
        (
            node("Mul", &["x", "r"], "y", vec![]),
            vec![],
            vec!["different tensors"],
        ),
        (
            node("Div", &["x", "w"], "y", vec![]),
            vec![scalar("w", 0.0)],
            vec!["zero"],
        ),
        (
            node("Pow", &["x", "w"], "y", vec![]),
            vec![scalar("w", 3.0)],
            vec!["'Y'", "an exponent of 3; supported are 1 and 2"],
        ),
        (
            node("Transpose", &["x"], "y", vec![ints("perm", &[0, 1, 1, 2])]),
            vec![],
            vec!["'perm'"],
        ),
        (
            node("Reshape", &["x", "s"], "y", vec![]),
            vec![longs("s", &[1, 5])],
            vec!["'shape'"],
        ),
        (
            node("Clip", &["x", "w"], "y", vec![]),
            vec![scalar("w", f32::NAN)],
            vec!["'min'"],
        ),
        (
            node("LeakyRelu", &["x"], "y", vec![int("alpha", 1)]),
            vec![],
            vec!["'alpha'", "expected a number"],
        ),
    ];
    for (bad, weights, needles) in cases {
        let op = bad.op_type.clone();
        let nodes = vec![node("Relu", &["x"], "r", vec![]), named(bad)];
        let message = refusal(13, &image, nodes, weights);
        for needle in needles.into_iter().chain(["'the_node'", &op]) {
            assert!(message.contains(needle), "{op}: no {needle} in: {message}");
        }
    }
    // A node without a name is called by operator and place.
    let message = refusal(
        13,
        &image,
        vec![
            node("Relu", &["x"], "r", vec![]),
            node("Erf", &["r"], "y", vec![]),
        ],
        vec![],
    );
    assert!(message.contains("'Erf_1'"), "{message}");
}

#[test]
fn refusals_of_the_model() {
    let relu = || vec![node("Relu", &["x"], "y", vec![])];
    assert!(refusal(8, &[1, 4], relu(), vec![]).contains("opset 8; supported are opsets 9 to 21"));
    assert!(refusal(22, &[1, 4], relu(), vec![]).contains("opset 22"));
    assert!(refusal(13, &[2, 4], relu(), vec![]).contains("batch of 2"));
    assert!(refusal(13, &[1, 3, -1, -1], relu(), vec![]).contains("give the size"));
    // A softmax inside the network.
    let nodes = vec![
        node("Softmax", &["x"], "s", vec![]),
        node("Relu", &["s"], "y", vec![]),
    ];
    assert!(refusal(13, &[1, 4], nodes, vec![]).contains("only as the last operation"));
    // Before opset 13 this softmax spans two axes.
    let softmax = vec![node("Softmax", &["x"], "y", vec![])];
    assert!(refusal(11, &[1, 3, 2, 1], softmax, vec![]).contains("'axis'"));
    let mut custom = relu();
    custom[0].domain = "com.example".into();
    assert!(refusal(13, &[1, 4], custom, vec![]).contains("com.example"));
    let mut two = node("Dropout", &["x"], "d", vec![]);
    two.output.push("mask".into());
    let nodes = vec![two, node("Relu", &["mask"], "y", vec![])];
    assert!(refusal(13, &[1, 4], nodes, vec![]).contains("'mask'"));
    let mut outside = noise("w", &[4]);
    outside.data_location = Some(1);
    let add = vec![node("Add", &["x", "w"], "y", vec![])];
    assert!(
        refusal(13, &[1, 4], add, vec![outside]).contains("'w' keeps its data in another file")
    );
    let loops = vec![
        node("Relu", &["y"], "z", vec![]),
        node("Add", &["x", "z"], "y", vec![]),
    ];
    assert!(refusal(13, &[1, 4], loops, vec![]).contains("'y' is used, but"));
}

#[test]
fn initialisers_may_be_inputs_and_dead_nodes_are_ignored() {
    let nodes = vec![
        node("Unheard", &["x"], "dead", vec![]),
        node("Add", &["x", "w"], "y", vec![]),
    ];
    let mut m = model(13, &[-1, 4], nodes, vec![floats("w", &[4], vec![1.0; 4])]);
    let graph = m.graph.as_mut().unwrap();
    let mut listed = graph.input[0].clone();
    listed.name = "w".into();
    graph.input.insert(0, listed);
    assert_eq!(
        outputs(&import(&m), &[0.0, 1.0, 2.0, 3.0])[0],
        [1.0, 2.0, 3.0, 4.0]
    );
}

#[test]
fn the_size_fills_open_axes() {
    let nodes = || vec![node("GlobalAveragePool", &["x"], "y", vec![])];
    let bytes = encode(&model(13, &[-1, 3, -1, -1], nodes(), vec![]));
    let options = ImportOptions {
        size: Some([4, 6]),
        ..Default::default()
    };
    let graph = onnx::read(&bytes, &options).unwrap();
    assert_eq!(
        graph.nodes[0].shape,
        pleat_model::graph::Shape::new(3, 4, 6)
    );
    let fixed = encode(&model(13, &[-1, 3, 5, 5], nodes(), vec![]));
    let message = onnx::read(&fixed, &options).unwrap_err().to_string();
    assert!(message.contains("[4, 6] does not fit"), "{message}");
}

#[test]
fn hostile_sizes_are_refused_quickly() {
    let start = std::time::Instant::now();
    let wide = i64::MAX;
    let image = [1i64, 1, 64, 64];
    let pool = |a| vec![node("AveragePool", &["x"], "y", a)];
    for v in [wide, 1 << 40, 1 << 25, 1 << 19] {
        refusal(
            13,
            &image,
            pool(vec![ints("kernel_shape", &[v, v])]),
            vec![],
        );
        refusal(
            13,
            &image,
            pool(vec![
                ints("kernel_shape", &[v, v]),
                ints("pads", &[v; 4]),
                int("count_include_pad", 1),
            ]),
            vec![],
        );
        refusal(
            13,
            &image,
            pool(vec![
                ints("kernel_shape", &[1 << 20; 2]),
                ints("pads", &[(1 << 20) - 1; 4]),
                int("count_include_pad", 1),
            ]),
            vec![],
        );
        let _ = onnx::read(
            &encode(&model(
                13,
                &image,
                pool(vec![
                    ints("kernel_shape", &[2, 2]),
                    ints("strides", &[v, v]),
                    int("ceil_mode", 1),
                ]),
                vec![],
            )),
            &ImportOptions::default(),
        );
        refusal(
            13,
            &image,
            vec![node("Conv", &["x", "w"], "y", vec![ints("pads", &[v; 4])])],
            vec![noise("w", &[1, 1, 1, 1])],
        );
        refusal(
            13,
            &image,
            vec![node("Reshape", &["x", "s"], "y", vec![])],
            vec![longs("s", &[v, v])],
        );
        refusal(
            13,
            &image,
            vec![
                node("ConstantOfShape", &["s"], "c", vec![]),
                node("Add", &["x", "c"], "y", vec![]),
            ],
            vec![longs("s", &[v, v])],
        );
        refusal(
            13,
            &[1, v, v],
            vec![node("Relu", &["x"], "y", vec![])],
            vec![],
        );
        let mut w = noise("w", &[1]);
        w.dims = vec![v, v];
        refusal(
            13,
            &image,
            vec![node("Add", &["x", "w"], "y", vec![])],
            vec![w],
        );
        let one = |n: &str, v| TensorProto {
            dims: vec![],
            ..longs(n, &[v])
        };
        let range = vec![
            node("Range", &["a", "b", "c"], "s", vec![]),
            node("Reshape", &["x", "s"], "y", vec![]),
        ];
        refusal(
            13,
            &image,
            range,
            vec![one("a", i64::MIN), one("b", v), one("c", 1)],
        );
    }
    // A long 1-D window: its taps would take days.
    let long = [1i64, 1, 1 << 24];
    let a = vec![ints("kernel_shape", &[1 << 23]), ints("strides", &[1])];
    assert!(refusal(13, &long, pool(a), vec![]).contains("too large"));
    // Many nodes that each move much.
    let mut nodes = vec![node("Relu", &["x"], "t0", vec![])];
    for i in 0..5000 {
        nodes.push(node(
            "Transpose",
            &[&format!("t{i}")],
            &format!("t{}", i + 1),
            vec![ints("perm", &[0, 2, 1])],
        ));
    }
    nodes.push(node("Relu", &["t5000"], "y", vec![]));
    assert!(refusal(13, &[1, 1 << 11, 1 << 11], nodes, vec![]).contains("too large"));
    // Two bytes each in the file, hundreds in memory.
    let empty: Vec<u8> = [0x0a, 0x00].repeat(1 << 21);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(empty.len() as u64, &mut bytes);
    bytes.extend(empty);
    let message = onnx::read(&bytes, &ImportOptions::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("fields"), "{message}");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// A small network that touches most operator files, for mutation.
fn varied() -> Vec<u8> {
    let nodes = vec![
        node(
            "Conv",
            &["x", "w"],
            "a",
            vec![string("auto_pad", "SAME_LOWER"), ints("strides", &[2, 1])],
        ),
        node("PRelu", &["a", "s"], "b", vec![]),
        node("Mul", &["b", "s"], "c", vec![]),
        node(
            "MaxPool",
            &["c"],
            "d",
            vec![
                ints("kernel_shape", &[2, 2]),
                ints("strides", &[2, 2]),
                int("ceil_mode", 1),
            ],
        ),
        node("Pad", &["d", "p"], "e", vec![]),
        node(
            "Resize",
            &["e", "", "f"],
            "g",
            vec![
                string("coordinate_transformation_mode", "asymmetric"),
                string("nearest_mode", "floor"),
            ],
        ),
        node("Transpose", &["g"], "h", vec![ints("perm", &[0, 2, 3, 1])]),
        node("Concat", &["h", "h"], "i", vec![int("axis", 3)]),
        node(
            "AveragePool",
            &["g"],
            "j",
            vec![
                ints("kernel_shape", &[2, 3]),
                ints("pads", &[1, 0, 0, 1]),
                int("count_include_pad", 1),
            ],
        ),
        node("Shape", &["i"], "k", vec![]),
        node("Slice", &["k", "zero", "one"], "l", vec![]),
        node("Concat", &["l", "minus"], "m", vec![int("axis", 0)]),
        node("Reshape", &["i", "m"], "n", vec![]),
        node(
            "ReduceMean",
            &["j"],
            "o",
            vec![ints("axes", &[2, 3]), int("keepdims", 0)],
        ),
        node("Softmax", &["o"], "q", vec![]),
        node(
            "Gemm",
            &["o", "v"],
            "y",
            vec![int("transB", 1), float("alpha", 0.5)],
        ),
    ];
    let weights = vec![
        noise("w", &[2, 1, 3, 3]),
        noise("s", &[2, 1, 1]),
        longs("p", &[0, 0, 1, 2, 0, 0, 0, 1]),
        floats("f", &[4], vec![1.0, 1.0, 2.0, 2.0]),
        longs("zero", &[0]),
        longs("one", &[1]),
        longs("minus", &[-1]),
        noise("v", &[3, 2]),
    ];
    let mut m = model(13, &[-1, 1, 8, 9], nodes, weights);
    let graph = m.graph.as_mut().unwrap();
    for name in ["n", "q"] {
        let mut output = graph.output[0].clone();
        output.name = name.into();
        graph.output.push(output);
    }
    encode(&m)
}

#[test]
fn the_mutated_model_is_valid_unmutated() {
    let graph = onnx::read(&varied(), &ImportOptions::default()).unwrap();
    assert_eq!(graph.outputs.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = onnx::read(&bytes, &ImportOptions::default());
    }

    #[test]
    fn damaged_models_never_panic(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in proptest::option::weighted(0.2, any::<proptest::sample::Index>()),
        real in any::<bool>(),
    ) {
        let mut bytes = if real { sepconv() } else { varied() };
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(graph) = onnx::read(&bytes, &ImportOptions::default()) {
            // Whatever was read can be executed: every index fits.
            let shape = graph.nodes[0].shape;
            if graph.nodes.iter().all(|n| n.shape.len() < 1 << 14) {
                outputs(&graph, &vec![0.5; shape.len()]);
            }
        }
    }
}

/// A real model, or the hand-built one where there is none.
fn sepconv() -> Vec<u8> {
    static BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BYTES
        .get_or_init(|| shared("models/mnist_sepconv.onnx").unwrap_or_else(varied))
        .clone()
}

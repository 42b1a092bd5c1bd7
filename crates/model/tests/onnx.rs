//! The ONNX importer against tract, an implementation we did not write.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use pleat_model::graph::InputLayout;
use pleat_model::import::{ImportOptions, onnx};
use support::eval::outputs;
use support::model::*;
use support::{import, shared};

fn images(n: usize) -> Vec<Vec<f32>> {
    let Some(packed) = shared("data/mnist/t10k-images-idx3-ubyte.gz") else {
        return vec![];
    };
    let mut raw = vec![];
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed), &mut raw).unwrap();
    raw[16..]
        .chunks(784)
        .take(n)
        .map(|p| p.iter().map(|&p| f32::from(p) / 255.0).collect())
        .collect()
}

fn largest_difference(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |worst, (a, b)| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).fold(worst, |w, (a, b)| {
            assert!(a.is_finite() && b.is_finite());
            w.max((a - b).abs() / b.abs().max(1.0))
        })
    })
}

/// Reorders a CHW image to the axis order of the model's input.
fn in_layout(chw: &[f32], [c, h, w]: [usize; 3], layout: InputLayout) -> Vec<f32> {
    let at = |ch: usize, y: usize, x: usize| chw[(ch * h + y) * w + x];
    let mut out = vec![];
    match layout {
        InputLayout::Hwc => {
            (0..h).for_each(|y| (0..w).for_each(|x| (0..c).for_each(|i| out.push(at(i, y, x)))))
        }
        InputLayout::Whc => {
            (0..w).for_each(|x| (0..h).for_each(|y| (0..c).for_each(|i| out.push(at(i, y, x)))))
        }
        _ => out.extend_from_slice(chw),
    }
    out
}

/// Imports a shared model and compares it with tract; true if it was there.
fn real(
    file: &str,
    dims: &[usize],
    chw: [usize; 3],
    options: &ImportOptions,
    inputs: Vec<Vec<f32>>,
    tolerance: f32,
) {
    let Some(bytes) = shared(&format!("models/{file}")) else {
        return;
    };
    let graph = onnx::read(&bytes, options).unwrap();
    let theirs: Vec<Vec<f32>> = inputs
        .iter()
        .map(|x| in_layout(x, chw, graph.input_layout))
        .collect();
    let theirs = tract(&bytes, dims, &theirs).unwrap();
    let mut worst = 0f32;
    for (x, y) in inputs.iter().zip(&theirs) {
        worst = worst.max(largest_difference(&outputs(&graph, x), y));
    }
    eprintln!(
        "{file}: {} inputs, largest difference {worst:e}, {} parameters",
        inputs.len(),
        graph.parameters
    );
    assert!(!inputs.is_empty() && worst <= tolerance, "{file}: {worst}");
}

#[test]
fn shared_models_agree_with_tract() {
    let images = images(5);
    if images.is_empty() {
        return;
    }
    let plain = ImportOptions::default();
    let nhwc = [1, 28, 28, 1];
    let mnist = [1, 28, 28];
    for file in [
        "lenet5_mnist",
        "mnist_resnet_tiny",
        "mnist_sepconv",
        "mnist_poly_layers",
    ] {
        real(
            &format!("{file}.onnx"),
            &nhwc,
            mnist,
            &plain,
            images.clone(),
            1e-4,
        );
    }
    real(
        "mlp_mnist.onnx",
        &[1, 784],
        mnist,
        &plain,
        images.clone(),
        1e-4,
    );
    real(
        "digit_recognizer_mnist.onnx",
        &[1, 1, 28, 28],
        mnist,
        &plain,
        images,
        1e-4,
    );
    let seeds = |n: usize| (1..4).map(|s| random(n, s)).collect::<Vec<_>>();
    let mut mtcnn = ImportOptions {
        layout: Some(InputLayout::Whc),
        ..plain.clone()
    };
    real(
        "mtcnn_rnet.onnx",
        &[1, 24, 24, 3],
        [3, 24, 24],
        &mtcnn,
        seeds(3 * 24 * 24),
        1e-4,
    );
    // 14 rows and 17 columns: width first in the file.
    mtcnn.size = Some([14, 17]);
    real(
        "mtcnn_pnet.onnx",
        &[1, 17, 14, 3],
        [3, 14, 17],
        &mtcnn,
        seeds(3 * 14 * 17),
        1e-4,
    );
    real(
        "efficientnet_lite0.onnx",
        &[1, 3, 224, 224],
        [3, 224, 224],
        &plain,
        vec![random(3 * 224 * 224, 9)],
        1e-3,
    );
}

#[test]
fn open_sizes_need_the_size_option() {
    let Some(bytes) = shared("models/mtcnn_pnet.onnx") else {
        return;
    };
    let options = ImportOptions {
        layout: Some(InputLayout::Whc),
        ..Default::default()
    };
    let message = onnx::read(&bytes, &options).unwrap_err().to_string();
    assert!(
        message.contains("input_1") && message.contains("give the size"),
        "{message}"
    );
}

/// Our result on a random input, which tract must share.
fn agrees(
    what: &str,
    opset: i64,
    dims: &[i64],
    nodes: Vec<tract_onnx::pb::NodeProto>,
    weights: Vec<tract_onnx::pb::TensorProto>,
) -> Vec<f32> {
    let model = model(opset, dims, nodes, weights);
    let size: Vec<usize> = dims.iter().map(|&d| d.max(1) as usize).collect();
    let x: Vec<f32> = random(size.iter().product(), 7)
        .iter()
        .map(|v| 2.0 * v)
        .collect();
    let ours = outputs(&import(&model), &x);
    match tract(&encode(&model), &size, &[x]) {
        Ok(theirs) => {
            let worst = largest_difference(&ours, &theirs[0]);
            assert!(worst < 1e-5, "{what}: {worst}\n{ours:?}\n{theirs:?}");
        }
        Err(e) => panic!("{what}: tract: {e:#}"),
    }
    ours.into_iter().next().unwrap()
}

#[test]
fn convolutions() {
    let dims = [-1, 4, 7, 6];
    let conv = |a| vec![node("Conv", &["x", "w", "b"], "y", a)];
    let w = |o, i, h, k| vec![noise("w", &[o, i, h, k]), noise("b", &[o])];
    agrees("defaults", 13, &dims, conv(vec![]), w(5, 4, 3, 2));
    agrees(
        "asymmetric pads",
        13,
        &dims,
        conv(vec![ints("pads", &[0, 1, 2, 3])]),
        w(5, 4, 3, 3),
    );
    agrees(
        "strides and dilations",
        11,
        &dims,
        conv(vec![
            ints("strides", &[2, 1]),
            ints("dilations", &[2, 3]),
            ints("pads", &[1, 1, 1, 1]),
        ]),
        w(5, 4, 2, 2),
    );
    agrees(
        "groups",
        13,
        &dims,
        conv(vec![int("group", 2)]),
        w(6, 2, 3, 3),
    );
    agrees(
        "depth multiplier 3",
        13,
        &dims,
        conv(vec![int("group", 4)]),
        w(12, 1, 3, 3),
    );
    for pad in ["SAME_UPPER", "SAME_LOWER", "VALID"] {
        for s in 1..4 {
            let a = || vec![string("auto_pad", pad), ints("strides", &[s, s])];
            agrees(pad, 13, &dims, conv(a()), w(3, 4, 2, 4));
        }
    }
    let one = vec![node(
        "Conv",
        &["x", "w"],
        "y",
        vec![ints("pads", &[2, 0]), ints("strides", &[2])],
    )];
    agrees("1-D", 13, &[-1, 3, 9], one, vec![noise("w", &[4, 3, 3])]);
}

#[test]
fn same_lower_pads_the_start() {
    // One tap row of [1, 0]: with SAME_LOWER the first output reads the padding.
    for (pad, expected) in [
        ("SAME_LOWER", [0.0, 1.0, 2.0]),
        ("SAME_UPPER", [1.0, 2.0, 3.0]),
    ] {
        let nodes = vec![node(
            "Conv",
            &["x", "w"],
            "y",
            vec![string("auto_pad", pad)],
        )];
        let m = model(
            13,
            &[1, 1, 1, 3],
            nodes,
            vec![floats("w", &[1, 1, 1, 2], vec![1.0, 0.0])],
        );
        assert_eq!(outputs(&import(&m), &[1.0, 2.0, 3.0])[0], expected);
    }
}

#[test]
fn pooling() {
    let dims = [1, 2, 7, 8];
    for op in ["MaxPool", "AveragePool"] {
        let run = |what: &str, a| {
            agrees(
                &format!("{op} {what}"),
                19,
                &dims,
                vec![node(op, &["x"], "y", a)],
                vec![],
            )
        };
        let k = || ints("kernel_shape", &[3, 2]);
        run("defaults", vec![k()]);
        run("strides", vec![k(), ints("strides", &[2, 3])]);
        run(
            "asymmetric pads",
            vec![k(), ints("pads", &[1, 0, 2, 1]), ints("strides", &[2, 2])],
        );
        run(
            "ceil_mode",
            vec![k(), ints("strides", &[2, 3]), int("ceil_mode", 1)],
        );
        run(
            "SAME_UPPER",
            vec![
                k(),
                ints("strides", &[2, 2]),
                string("auto_pad", "SAME_UPPER"),
            ],
        );
        run(
            "SAME_LOWER",
            vec![
                k(),
                ints("strides", &[2, 2]),
                string("auto_pad", "SAME_LOWER"),
            ],
        );
        run(
            "VALID",
            vec![k(), ints("strides", &[2, 2]), string("auto_pad", "VALID")],
        );
    }
    let dilated = vec![ints("kernel_shape", &[2, 3]), ints("dilations", &[3, 2])];
    agrees(
        "dilations",
        13,
        &dims,
        vec![node("MaxPool", &["x"], "y", dilated)],
        vec![],
    );
    let counted = vec![
        ints("kernel_shape", &[3, 3]),
        ints("pads", &[1, 1, 1, 1]),
        int("count_include_pad", 1),
    ];
    agrees(
        "count_include_pad",
        13,
        &dims,
        vec![node("AveragePool", &["x"], "y", counted)],
        vec![],
    );
    agrees(
        "1-D",
        13,
        &[1, 2, 9],
        vec![node(
            "MaxPool",
            &["x"],
            "y",
            vec![ints("kernel_shape", &[2]), ints("strides", &[2])],
        )],
        vec![],
    );
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        agrees(op, 13, &dims, vec![node(op, &["x"], "y", vec![])], vec![]);
    }
}

#[test]
fn same_padding_of_small_kernels() {
    let run = |len, stride| {
        let a = vec![
            string("auto_pad", "SAME_UPPER"),
            ints("strides", &[1, stride]),
        ];
        model(
            13,
            &[1, 1, 1, len],
            vec![node("Conv", &["x", "w"], "y", a)],
            vec![floats("w", &[1; 4], vec![1.0])],
        )
    };
    // One value is left over, at the end.
    assert_eq!(
        outputs(&import(&run(4, 2)), &[1.0, 2.0, 3.0, 4.0])[0],
        [1.0, 3.0]
    );
    // Two are: runtimes differ, so nobody may guess.
    let message = onnx::read(&encode(&run(6, 3)), &ImportOptions::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("'auto_pad'"), "{message}");
}

#[test]
fn averages_follow_the_definition() {
    let run = |a: Vec<_>| {
        let m = model(
            19,
            &[1, 1, 1, 4],
            vec![node("AveragePool", &["x"], "y", a)],
            vec![],
        );
        outputs(&import(&m), &[3.0, 6.0, 9.0, 12.0])[0].clone()
    };
    let k = || ints("kernel_shape", &[1, 3]);
    let pads = || ints("pads", &[0, 1, 0, 1]);
    assert_eq!(run(vec![k(), pads()]), [4.5, 6.0, 9.0, 10.5]);
    assert_eq!(
        run(vec![k(), pads(), int("count_include_pad", 1)]),
        [3.0, 6.0, 9.0, 7.0]
    );
    // Rounding up adds a window of two elements; what lies beyond the explicit padding never counts.
    let up = || vec![k(), ints("strides", &[1, 2]), int("ceil_mode", 1)];
    assert_eq!(run(up()), [6.0, 10.5]);
    assert_eq!(
        run([up(), vec![int("count_include_pad", 1)]].concat()),
        [6.0, 10.5]
    );
}

#[test]
fn matrix_products() {
    let gemm = |a| vec![node("Gemm", &["x", "w", "c"], "y", a)];
    agrees(
        "Gemm",
        13,
        &[-1, 5],
        gemm(vec![]),
        vec![noise("w", &[5, 3]), noise("c", &[3])],
    );
    let scaled = || vec![int("transB", 1), float("alpha", 0.5), float("beta", -2.0)];
    agrees(
        "transB, alpha, beta",
        11,
        &[1, 5],
        gemm(scaled()),
        vec![noise("w", &[3, 5]), noise("c", &[1, 3])],
    );
    agrees(
        "scalar C",
        13,
        &[1, 5],
        gemm(scaled()),
        vec![noise("w", &[3, 5]), floats("c", &[1], vec![0.75])],
    );
    agrees(
        "MatMul",
        13,
        &[1, 5],
        vec![node("MatMul", &["x", "w"], "y", vec![])],
        vec![noise("w", &[5, 4])],
    );
    agrees(
        "MatMul rank 3",
        13,
        &[1, 6, 5],
        vec![node("MatMul", &["x", "w"], "y", vec![])],
        vec![noise("w", &[5, 4])],
    );
    let positive = floats("v", &[3], vec![0.5, 1.5, 2.0]);
    let bn = vec![node(
        "BatchNormalization",
        &["x", "s", "b2", "mmm", "v"],
        "y",
        vec![float("epsilon", 0.01)],
    )];
    agrees(
        "BatchNormalization",
        13,
        &[1, 3, 2, 4],
        bn,
        vec![
            noise("s", &[3]),
            noise("b2", &[3]),
            noise("mmm", &[3]),
            positive,
        ],
    );
}

#[test]
fn activations() {
    for op in [
        "Relu",
        "LeakyRelu",
        "Sigmoid",
        "Tanh",
        "HardSigmoid",
        "HardSwish",
    ] {
        agrees(
            op,
            14,
            &[1, 3, 4, 5],
            vec![node(op, &["x"], "y", vec![])],
            vec![],
        );
    }
    let slopes = vec![noise("s", &[3, 1, 1])];
    agrees(
        "PRelu",
        9,
        &[1, 3, 4, 5],
        vec![node("PRelu", &["x", "s"], "y", vec![])],
        slopes,
    );
    let clip = |inputs: &[&str], a| vec![node("Clip", inputs, "y", a)];
    agrees(
        "Clip attributes",
        10,
        &[1, 9],
        clip(&["x"], vec![float("min", -0.5), float("max", 0.75)]),
        vec![],
    );
    agrees(
        "Clip one attribute",
        10,
        &[1, 9],
        clip(&["x"], vec![float("min", -0.5)]),
        vec![],
    );
    agrees(
        "Clip inputs",
        13,
        &[1, 9],
        clip(&["x", "l", "h"], vec![]),
        vec![scalar("l", 0.0), scalar("h", 1.0)],
    );
    agrees(
        "Clip max only",
        13,
        &[1, 9],
        clip(&["x", "", "h"], vec![]),
        vec![scalar("h", 0.5)],
    );
}

#[test]
fn arithmetic() {
    let dims = [1, 3, 2, 4];
    for op in ["Add", "Sub", "Mul", "Div"] {
        agrees(
            op,
            13,
            &dims,
            vec![node(op, &["x", "c"], "y", vec![])],
            vec![noise("c", &[3, 1, 1])],
        );
        agrees(
            op,
            13,
            &dims,
            vec![node(op, &["x", "c"], "y", vec![])],
            vec![noise("c", &[2, 4])],
        );
        agrees(
            op,
            13,
            &dims,
            vec![node(op, &["x", "c"], "y", vec![])],
            vec![scalar("c", 0.3)],
        );
        if op != "Div" {
            agrees(
                op,
                13,
                &dims,
                vec![node(op, &["c", "x"], "y", vec![])],
                vec![noise("c", &[1, 3, 1, 1])],
            );
        }
    }
    agrees(
        "x - relu",
        13,
        &dims,
        vec![
            node("Relu", &["x"], "r", vec![]),
            node("Sub", &["x", "r"], "y", vec![]),
        ],
        vec![],
    );
    agrees(
        "x*x + x",
        13,
        &dims,
        vec![
            node("Mul", &["x", "x"], "s", vec![]),
            node("Add", &["s", "x"], "y", vec![]),
        ],
        vec![],
    );
    agrees(
        "x^2",
        13,
        &dims,
        vec![node("Pow", &["x", "two"], "y", vec![])],
        vec![scalar("two", 2.0)],
    );
    agrees(
        "Neg",
        13,
        &dims,
        vec![node("Neg", &["x"], "y", vec![])],
        vec![],
    );
    agrees(
        "Sum",
        13,
        &dims,
        vec![
            node("Tanh", &["x"], "r", vec![]),
            node("Sum", &["x", "r", "x"], "y", vec![]),
        ],
        vec![],
    );
    agrees(
        "Max",
        13,
        &dims,
        vec![node("Max", &["x", "c"], "y", vec![])],
        vec![scalar("c", 0.25)],
    );
}

#[test]
fn rearranging() {
    let dims = [-1, 3, 2, 4];
    let perm = |p: &[i64]| vec![ints("perm", p)];
    agrees(
        "Transpose",
        13,
        &dims,
        vec![node("Transpose", &["x"], "y", perm(&[0, 2, 3, 1]))],
        vec![],
    );
    let join = |axis| {
        vec![
            node("Relu", &["x"], "r", vec![]),
            node("Concat", &["x", "r"], "y", vec![int("axis", axis)]),
        ]
    };
    for axis in [1, 2, 3, -1] {
        agrees("Concat", 13, &dims, join(axis), vec![]);
    }
    agrees(
        "Flatten",
        13,
        &dims,
        vec![node("Flatten", &["x"], "y", vec![])],
        vec![],
    );
    agrees(
        "Reshape",
        13,
        &dims,
        vec![node("Reshape", &["x", "s"], "y", vec![])],
        vec![longs("s", &[0, -1, 2])],
    );
    agrees(
        "Unsqueeze",
        13,
        &[1, 6],
        vec![node("Unsqueeze", &["x", "a"], "y", vec![])],
        vec![longs("a", &[2, -1])],
    );
    agrees(
        "Unsqueeze 11",
        11,
        &[1, 6],
        vec![node("Unsqueeze", &["x"], "y", vec![ints("axes", &[1])])],
        vec![],
    );
    agrees(
        "Squeeze",
        13,
        &[1, 6, 1, 1],
        vec![node("Squeeze", &["x", "a"], "y", vec![])],
        vec![longs("a", &[2, 3])],
    );
    // NHWC operators by way of transposes.
    let nodes = vec![
        node("Transpose", &["x"], "t", perm(&[0, 2, 3, 1])),
        node("Add", &["t", "c"], "u", vec![]),
        node("PRelu", &["u", "c"], "v", vec![]),
        node(
            "ReduceMean",
            &["v"],
            "y",
            vec![ints("axes", &[1, 2]), int("keepdims", 0)],
        ),
    ];
    agrees("NHWC", 13, &dims, nodes, vec![noise("c", &[3])]);
}

#[test]
fn spatial_operators() {
    let dims = [1, 3, 2, 4];
    for op in ["ReduceMean", "ReduceMax"] {
        for keep in [0, 1] {
            let a = || vec![ints("axes", &[2, -1]), int("keepdims", keep)];
            agrees(op, 13, &dims, vec![node(op, &["x"], "y", a())], vec![]);
        }
        agrees(
            op,
            18,
            &dims,
            vec![node(op, &["x", "a"], "y", vec![])],
            vec![longs("a", &[-2, 3])],
        );
    }
    agrees(
        "ReduceSum",
        11,
        &dims,
        vec![node("ReduceSum", &["x"], "y", vec![ints("axes", &[3, 2])])],
        vec![],
    );
    agrees(
        "ReduceSum 13",
        13,
        &dims,
        vec![node("ReduceSum", &["x", "a"], "y", vec![])],
        vec![longs("a", &[2, 3])],
    );
    let pads = [0, 0, 1, 2, 0, 0, 3, 0];
    agrees(
        "Pad 9",
        9,
        &dims,
        vec![node(
            "Pad",
            &["x"],
            "y",
            vec![ints("pads", &pads), float("value", 0.5)],
        )],
        vec![],
    );
    agrees(
        "Pad 13",
        13,
        &dims,
        vec![node("Pad", &["x", "p", "v"], "y", vec![])],
        vec![longs("p", &pads), scalar("v", -1.0)],
    );
    let mode = |c: &str, n: &str| {
        vec![
            string("mode", "nearest"),
            string("coordinate_transformation_mode", c),
            string("nearest_mode", n),
        ]
    };
    let scales = || floats("s", &[4], vec![1.0, 1.0, 2.0, 3.0]);
    agrees(
        "Resize",
        13,
        &dims,
        vec![node(
            "Resize",
            &["x", "", "s"],
            "y",
            mode("asymmetric", "floor"),
        )],
        vec![scales()],
    );
    agrees(
        "Resize half_pixel",
        13,
        &dims,
        vec![node(
            "Resize",
            &["x", "", "s"],
            "y",
            mode("half_pixel", "round_prefer_floor"),
        )],
        vec![scales()],
    );
    // tract has no Upsample; it is the Resize of before.
    let old = |opset, op: &str| {
        let nodes = vec![node(op, &["x", "s"], "y", vec![string("mode", "nearest")])];
        import(&model(opset, &dims, nodes, vec![scales()]))
    };
    let x = random(24, 1);
    let resize = node("Resize", &["x", "", "s"], "y", mode("asymmetric", "floor"));
    let expected = outputs(&import(&model(13, &dims, vec![resize], vec![scales()])), &x);
    assert_eq!(outputs(&old(9, "Upsample"), &x), expected);
    assert_eq!(outputs(&old(10, "Resize"), &x), expected);
    let m = model(
        13,
        &dims,
        vec![node(
            "Resize",
            &["x", "", "", "z"],
            "y",
            mode("asymmetric", "floor"),
        )],
        vec![longs("z", &[1, 3, 4, 8])],
    );
    assert_eq!(import(&m).outputs[0].dims, [1, 3, 4, 8]);
}

#[test]
fn heads() {
    agrees(
        "Softmax",
        13,
        &[1, 3, 2, 2],
        vec![node("Softmax", &["x"], "y", vec![int("axis", 1)])],
        vec![],
    );
    agrees(
        "Softmax 11",
        11,
        &[1, 6],
        vec![node("Softmax", &["x"], "y", vec![])],
        vec![],
    );
    agrees(
        "ArgMax",
        13,
        &[1, 6],
        vec![
            node("Softmax", &["x"], "s", vec![]),
            node("ArgMax", &["s"], "y", vec![int("axis", 1)]),
        ],
        vec![],
    );
}

#[test]
fn shape_computations_are_folded() {
    // What tf2onnx and PyTorch write for a flatten.
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "zero"], "n", vec![int("axis", 0)]),
        node("Slice", &["s", "one", "end"], "rest", vec![]),
        node("ReduceProd", &["rest"], "prod", vec![int("keepdims", 1)]),
        node("Concat", &["n", "prod"], "to", vec![int("axis", 0)]),
        node("Cast", &["to"], "to32", vec![int("to", 6)]),
        node("Cast", &["to32"], "to64", vec![int("to", 7)]),
        node("Reshape", &["x", "to64"], "y", vec![]),
    ];
    let m = model(
        13,
        &[-1, 3, 2, 4],
        nodes,
        vec![
            longs("zero", &[0]),
            longs("one", &[1]),
            longs("end", &[i64::MAX]),
        ],
    );
    let graph = import(&m);
    assert_eq!(graph.outputs[0].dims, [1, 24]);
    let x = random(24, 3);
    assert_eq!(outputs(&graph, &x)[0], x);
}

#[test]
fn weights_in_every_encoding() {
    let raw = |kind: i32, raw: Vec<u8>| tract_onnx::pb::TensorProto {
        name: "w".into(),
        dims: vec![2, 1],
        data_type: kind,
        raw_data: raw,
        ..Default::default()
    };
    let cases = vec![
        raw(
            1,
            [1.5f32, -2.0]
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect(),
        ),
        raw(
            11,
            [1.5f64, -2.0]
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect(),
        ),
        raw(10, vec![0x00, 0x3e, 0x00, 0xc0]),
        raw(16, vec![0xc0, 0x3f, 0x00, 0xc0]),
        tract_onnx::pb::TensorProto {
            int32_data: vec![0x3e00, 0xc000],
            ..raw(10, vec![])
        },
        tract_onnx::pb::TensorProto {
            double_data: vec![1.5, -2.0],
            ..raw(11, vec![])
        },
        floats("w", &[2, 1], vec![1.5, -2.0]),
    ];
    for w in cases {
        let m = model(
            13,
            &[1, 2],
            vec![node("MatMul", &["x", "w"], "y", vec![])],
            vec![w.clone()],
        );
        assert_eq!(outputs(&import(&m), &[2.0, 1.0])[0], [1.0], "{w:?}");
        // The same as a Constant node.
        let mut value = tract_onnx::pb::AttributeProto {
            name: "value".into(),
            t: Some(w),
            ..Default::default()
        };
        value.r#type = 4;
        let m = model(
            13,
            &[1, 2],
            vec![
                node("Constant", &[], "w", vec![value]),
                node("MatMul", &["x", "w"], "y", vec![]),
            ],
            vec![],
        );
        assert_eq!(outputs(&import(&m), &[2.0, 1.0])[0], [1.0]);
    }
}

//! The ONNX importer against tract, an implementation we did not write.

mod support {
    pub(crate) mod eval;
    pub(crate) mod model;
}

use pleat_model::graph::{Graph, InputLayout};
use pleat_model::import::{ImportOptions, onnx};
use proptest::prelude::*;
use support::eval::outputs;
use support::model::*;

/// Shared models and data; `None`, loudly, if this checkout has none.
fn shared(path: &str) -> Option<Vec<u8>> {
    let full = format!("{}/../../../shared/{path}", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read(&full) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            eprintln!("SKIPPED, NOT TESTED: {full}: {e}");
            None
        }
    }
}

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

fn import(model: &tract_onnx::pb::ModelProto) -> Graph {
    let options = ImportOptions {
        layout: None,
        ..Default::default()
    };
    onnx::read(&encode(model), &options).unwrap()
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

/// Imports and returns the refusal.
fn refusal(
    opset: i64,
    dims: &[i64],
    nodes: Vec<tract_onnx::pb::NodeProto>,
    weights: Vec<tract_onnx::pb::TensorProto>,
) -> String {
    let bytes = encode(&model(opset, dims, nodes, weights));
    onnx::read(&bytes, &ImportOptions::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn refusals_name_node_operator_and_attribute() {
    let image = [1i64, 3, 8, 8];
    let named = |mut n: tract_onnx::pb::NodeProto| {
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
            vec!["'Y'", "1 and 2"],
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
        let one = |n: &str, v| tract_onnx::pb::TensorProto {
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
    // A long 1-D window: counting its taps one by one would take days.
    let long = [1i64, 1, 1 << 24];
    let a = || vec![ints("kernel_shape", &[1 << 23]), ints("strides", &[1])];
    let m = model(13, &long, pool(a()), vec![]);
    assert_eq!(import(&m).outputs[0].dims, [1, 1, (1 << 23) + 1]);
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

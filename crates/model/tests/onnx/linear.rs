//! Convolutions and matrix products, and their weights.

use super::agrees;
use super::support::eval::outputs;
use super::support::import;
use super::support::model::*;
use super::support::proto::TensorProto;
use pleat_model::import::{ImportOptions, onnx};

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
fn weights_in_every_encoding() {
    let raw = |kind: i32, raw: Vec<u8>| TensorProto {
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
        TensorProto {
            int32_data: vec![0x3e00, 0xc000],
            ..raw(10, vec![])
        },
        TensorProto {
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
        let m = model(
            13,
            &[1, 2],
            vec![
                node("Constant", &[], "w", vec![tensor("value", w)]),
                node("MatMul", &["x", "w"], "y", vec![]),
            ],
            vec![],
        );
        assert_eq!(outputs(&import(&m), &[2.0, 1.0])[0], [1.0]);
    }
}

//! Operators that move values, and shapes computed in the file.

use super::agrees;
use super::support::eval::outputs;
use super::support::import;
use super::support::model::*;

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

//! Activations, arithmetic, and what stands at the end.

use super::agrees;
use super::support::model::*;

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

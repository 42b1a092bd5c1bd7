//! Pooling, reductions, borders, upsampling.

use super::agrees;
use super::support::eval::outputs;
use super::support::import;
use super::support::model::*;

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
    // Upsample is the Resize of before.
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

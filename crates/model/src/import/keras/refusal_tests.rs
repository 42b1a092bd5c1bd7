//! Configurations without files: what is refused, and how the sentence reads.
use serde_json::json;

use super::store::Array;
use super::*;
use crate::graph::InputLayout;

/// Weights by layer name.
struct Table(HashMap<String, Vec<Array>>);

impl Weights for Table {
    fn read(&self, path: &[Slot]) -> Result<Vec<Array>> {
        let name = path.last().map(|s| s.name.as_str()).unwrap_or_default();
        Ok(self.0.get(name).cloned().unwrap_or_default())
    }
}

fn array(dims: &[usize], value: f32) -> Array {
    Array {
        name: String::new(),
        dims: dims.to_vec(),
        values: vec![value; dims.iter().product()],
    }
}

fn input(shape: Json) -> Json {
    json!({"class_name": "InputLayer", "config": {"name": "in", "batch_shape": shape}})
}

/// A Sequential model of one layer on an 8x6 image of 3 channels.
fn one(class: &str, mut config: Json, weights: Vec<Array>) -> Result<Graph> {
    config["name"] = json!("the_layer");
    let model = json!({"class_name": "Sequential", "config": {"layers": [
        input(json!([null, 8, 6, 3])),
        {"class_name": class, "config": config},
    ]}});
    let table = Table(HashMap::from([("the_layer".to_owned(), weights)]));
    import(&model, false, &table, &ImportOptions::default())
}

/// The sentence names layer, class and attribute.
#[track_caller]
fn refused(result: Result<Graph>, class: &str, attribute: Option<&str>, found: &str) {
    let error = result.expect_err("refused");
    let text = error.to_string();
    match error {
        Error::Unsupported {
            node,
            operator,
            attribute: a,
            ..
        } => {
            assert_eq!(node, "the_layer", "{text}");
            assert_eq!(operator, class, "{text}");
            assert_eq!(a.as_deref(), attribute, "{text}");
        }
        other => panic!("{other}"),
    }
    assert!(text.contains(found), "{text}");
}

#[test]
fn attributes_are_refused_by_name() {
    let cases: &[(&str, Json, &str, &str)] = &[
        ("Conv2DTranspose", json!({}), "class_name", "UpSampling2D"),
        ("LSTM", json!({}), "class_name", "closest supported"),
        ("MyLayer", json!({}), "class_name", "MyLayer"),
        (
            "UpSampling2D",
            json!({"interpolation": "bilinear"}),
            "interpolation",
            "nearest",
        ),
        ("ReLU", json!({"threshold": 1.0}), "threshold", "found 1.0"),
        (
            "ReLU",
            json!({"max_value": 6.0, "negative_slope": 0.1}),
            "negative_slope",
            "0.1",
        ),
        (
            "Activation",
            json!({"activation": "gelu"}),
            "activation",
            "gelu",
        ),
        (
            "Activation",
            json!({"activation": {"class_name": "Mine", "config": {}}}),
            "activation",
            "Mine",
        ),
        (
            "MaxPooling2D",
            json!({"padding": "reflect"}),
            "padding",
            "valid or same",
        ),
        (
            "AveragePooling2D",
            json!({"pool_size": [2, 2, 2]}),
            "pool_size",
            "two positive",
        ),
        (
            "MaxPooling2D",
            json!({"strides": [0, 1]}),
            "strides",
            "[0,1]",
        ),
        (
            "GlobalMaxPooling2D",
            json!({"data_format": "nhwc"}),
            "data_format",
            "channels_last",
        ),
        (
            "Reshape",
            json!({"target_shape": [-1, -1]}),
            "target_shape",
            "144",
        ),
        (
            "Reshape",
            json!({"target_shape": [5, -1]}),
            "target_shape",
            "144",
        ),
        ("Permute", json!({"dims": [1, 2]}), "dims", "1 to 3"),
        (
            "BatchNormalization",
            json!({"axis": [1, 2]}),
            "axis",
            "one axis",
        ),
        ("Softmax", json!({"axis": 7}), "axis", "one axis"),
        ("Concatenate", json!({"axis": 0}), "axis", "one axis"),
        (
            "Rescaling",
            json!({"scale": [1.0, 2.0], "offset": [0.0, 0.0, 1.0]}),
            "scale",
            "one per channel",
        ),
        ("Rescaling", json!({"scale": 1e300}), "scale", "finite"),
        ("Normalization", json!({"invert": true}), "invert", "false"),
        (
            "ZeroPadding2D",
            json!({"padding": [[1, -1], [0, 0]]}),
            "padding",
            "not negative",
        ),
        (
            "Lambda",
            json!({"function": ["", null, null]}),
            "function",
            "x**2 + x",
        ),
        (
            "Lambda",
            json!({"arguments": {"k": 2}}),
            "arguments",
            "\"k\":2",
        ),
        (
            "Conv2D",
            json!({"filters": 2, "kernel_size": 3, "padding": "causal"}),
            "padding",
            "valid or same",
        ),
        (
            "Conv2D",
            json!({"filters": 4, "kernel_size": 3, "groups": 2}),
            "groups",
            "3 input channels",
        ),
        (
            "Conv2D",
            json!({"filters": 4}),
            "kernel_size",
            "found nothing",
        ),
        ("Dense", json!({"units": 0}), "units", "positive"),
    ];
    for (class, config, attribute, found) in cases {
        refused(
            one(class, config.clone(), vec![]),
            class,
            Some(attribute),
            found,
        );
    }
    // Refused by the graph builder, with layer and class.
    refused(
        one("Multiply", json!({}), vec![]),
        "Multiply",
        None,
        "1 tensors",
    );
    refused(
        one("MaxPooling2D", json!({"pool_size": 9}), vec![]),
        "MaxPooling2D",
        None,
        "does not fit",
    );
}

#[test]
fn weights_are_checked() {
    let config = json!({"units": 2});
    let kernel = || array(&[3, 2], 0.5);
    assert!(one("Dense", config.clone(), vec![kernel(), array(&[2], 1.0)]).is_ok());
    let dense = |weights| one("Dense", config.clone(), weights);
    refused(dense(vec![]), "Dense", Some("kernel"), "no such weight");
    refused(
        dense(vec![kernel()]),
        "Dense",
        Some("bias"),
        "no such weight",
    );
    refused(
        dense(vec![array(&[2, 3], 0.5), array(&[2], 1.0)]),
        "Dense",
        Some("kernel"),
        "[2, 3]; expected [3, 2]",
    );
    refused(
        dense(vec![kernel(), array(&[2], f32::NAN)]),
        "Dense",
        Some("bias"),
        "NaN at position 0",
    );
    refused(
        dense(vec![array(&[3, 2], f32::INFINITY), array(&[2], 1.0)]),
        "Dense",
        Some("kernel"),
        "inf",
    );
    refused(
        dense(vec![kernel(), array(&[2], 1.0), array(&[2], 1.0)]),
        "Dense",
        Some("weights"),
        "1 weights more",
    );
    let mut swapped = array(&[2], 1.0);
    swapped.name = "gamma".into();
    refused(
        dense(vec![kernel(), swapped]),
        "Dense",
        Some("bias"),
        "'gamma'",
    );
    let norm = |variance| {
        let c = |v| array(&[3], v);
        one(
            "BatchNormalization",
            json!({"epsilon": 0.001}),
            vec![c(1.0), c(0.0), c(0.0), c(variance)],
        )
    };
    assert!(norm(1.0).is_ok());
    refused(
        norm(-1.0),
        "BatchNormalization",
        Some("moving_variance"),
        "-1",
    );
}

#[test]
fn hard_sigmoid_depends_on_the_version() {
    let model = json!({"class_name": "Sequential", "config": {"layers": [
        input(json!([null, 4])),
        {"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}},
    ]}});
    let alpha = |keras_2| {
        let graph = import(
            &model,
            keras_2,
            &Table(HashMap::new()),
            &ImportOptions::default(),
        );
        match &graph.unwrap().nodes[1].op {
            crate::graph::Op::Activation(crate::graph::Activation::HardSigmoid {
                alpha, ..
            }) => *alpha,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((alpha(true), alpha(false)), (0.2, 1.0 / 6.0));
}

#[test]
fn open_dimensions_need_the_size() {
    let model = json!({"class_name": "Sequential", "config": {"layers": [
        input(json!([null, null, null, 3])),
        {"class_name": "MaxPooling2D", "config": {"name": "p", "data_format": "channels_last"}},
    ]}});
    let with = |size| {
        let options = ImportOptions {
            size,
            ..ImportOptions::default()
        };
        import(&model, false, &Table(HashMap::new()), &options)
    };
    let text = with(None).expect_err("refused").to_string();
    assert!(
        text.contains("'in' (InputLayer), attribute 'batch_shape'"),
        "{text}"
    );
    let graph = with(Some([10, 12])).unwrap();
    assert_eq!(graph.outputs[0].dims, [1, 5, 6, 3]);
    assert_eq!(graph.input_layout, InputLayout::Hwc);
}

/// Two calls of one layer, written as Keras 2 does.
fn functional(inbound: Json) -> Result<Graph> {
    let model = json!({"class_name": "Functional", "config": {
        "layers": [
            {"class_name": "InputLayer", "name": "in", "inbound_nodes": [],
             "config": {"name": "in", "batch_input_shape": [null, 4]}},
            {"class_name": "Add", "name": "the_layer", "inbound_nodes": inbound, "config": {"name": "the_layer"}},
        ],
        "input_layers": [["in", 0, 0]], "output_layers": [["the_layer", 0, 0]],
    }});
    import(
        &model,
        true,
        &Table(HashMap::new()),
        &ImportOptions::default(),
    )
}

#[test]
fn references_are_checked() {
    assert!(functional(json!([[["in", 0, 0, {}], ["in", 0, 0, {}]]])).is_ok());
    let keras_3 = json!([{"args": [[
        {"class_name": "__keras_tensor__", "config": {"keras_history": ["in", 0, 0]}},
        {"class_name": "__keras_tensor__", "config": {"keras_history": ["in", 0, 0]}},
    ]], "kwargs": {}}]);
    assert!(functional(keras_3).is_ok());
    let constant = json!([{"args": [
        {"class_name": "__keras_tensor__", "config": {"keras_history": ["in", 0, 0]}}, 2.0,
    ], "kwargs": {}}]);
    refused(functional(constant), "Add", Some("args"), "2.0");
    refused(
        functional(json!([[["in", 0, 0, {"training": true}]]])),
        "Add",
        Some("training"),
        "training=true",
    );
    for bad in [
        json!([[["nobody", 0, 0, {}]]]),
        json!([[["in", 3, 0, {}]]]),
        json!([[["in", 0, 3, {}]]]),
        json!([[["the_layer", 0, 0, {}]]]),
        json!([[["in"]]]),
        json!([3]),
        json!(null),
    ] {
        let text = functional(bad.clone()).expect_err("refused").to_string();
        assert!(text.contains("not a valid Keras model"), "{bad}: {text}");
    }
}

#[test]
fn names_of_groups_follow_keras() {
    for (class, expected) in [
        ("Conv2D", "conv2d"),
        ("SeparableConv2D", "separable_conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("LeakyReLU", "leaky_re_lu"),
        ("Dense", "dense"),
    ] {
        assert_eq!(snake(class), expected);
    }
}

#[test]
fn models_in_models_are_bounded() {
    let mut model = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "Flatten", "config": {"name": "f"}}]}});
    for _ in 0..30 {
        model = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [model]}});
    }
    model["config"]["build_input_shape"] = json!([null, 2, 2]);
    let text = import(
        &model,
        true,
        &Table(HashMap::new()),
        &ImportOptions::default(),
    )
    .expect_err("refused")
    .to_string();
    assert!(text.contains("inside each other"), "{text}");
}

/// Rescaling by 2, as a model that is called twice; the numbers of its calls vary with the version.
fn called_twice(keras_3: bool, read: usize, output: usize) -> Result<Graph> {
    let call = |layer: &str, number: usize| match keras_3 {
        true => json!({"args": [{"class_name": "__keras_tensor__",
            "config": {"keras_history": [layer, number, 0]}}], "kwargs": {}}),
        false => json!([[layer, number, 0, {}]]),
    };
    let entry = |name: &str| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"name": name, "batch_shape": [null, 4]}})
    };
    let inner = json!({"name": "twice", "layers": [
        entry("inner_in"),
        {"class_name": "Rescaling", "config": {"name": "r", "scale": 2.0, "offset": 0.0},
         "inbound_nodes": [call("inner_in", 0)]},
    ], "input_layers": [["inner_in", 0, 0]], "output_layers": [["r", 0, 0]]});
    let model = json!({"class_name": "Functional", "config": {"layers": [
        entry("in"),
        {"class_name": "Functional", "name": "twice", "config": inner,
         "inbound_nodes": [call("in", 0), call("twice", read)]},
    ], "input_layers": [["in", 0, 0]], "output_layers": [["twice", output, 0]]}});
    import(
        &model,
        !keras_3,
        &Table(HashMap::new()),
        &ImportOptions::default(),
    )
}

#[test]
fn calls_of_nested_models_are_numbered_by_version() {
    let doublings = |g: Graph| {
        let mut at = g.outputs[0].node;
        let mut n = 0;
        while let [before] = g.nodes[at].inputs[..] {
            at = before;
            n += 1;
        }
        n
    };
    // Keras 3 counts the construction as a call in the list of outputs only, Keras 2 everywhere.
    assert_eq!(doublings(called_twice(true, 0, 2).unwrap()), 2);
    assert_eq!(doublings(called_twice(false, 1, 2).unwrap()), 2);
    assert_eq!(doublings(called_twice(false, 0, 1).unwrap()), 2);
    assert!(
        called_twice(true, 1, 2).is_err(),
        "a call that reads itself"
    );
    assert!(
        called_twice(true, 0, 0).is_err(),
        "the construction is no tensor"
    );
}

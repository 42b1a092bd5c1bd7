//! Tiny ONNX models, written by hand: grey pixels, three classes.

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn number(field: u64, n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(field << 3, &mut out);
    varint(n, &mut out);
    out
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(field << 3 | 2, &mut out);
    varint(content.len() as u64, &mut out);
    out.extend(content);
    out
}

fn node(op: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|i| bytes(1, i.as_bytes())).collect();
    node.extend(bytes(2, output.as_bytes()));
    node.extend(bytes(3, format!("the {output}").as_bytes()));
    node.extend(bytes(4, op.as_bytes()));
    bytes(1, &node)
}

fn tensor(name: &str, dims: &[u64], value: impl Fn(usize) -> f32) -> Vec<u8> {
    let mut tensor: Vec<u8> = dims.iter().flat_map(|&d| number(1, d)).collect();
    tensor.extend(number(2, 1));
    tensor.extend(bytes(8, name.as_bytes()));
    let n = dims.iter().product::<u64>() as usize;
    let raw: Vec<u8> = (0..n).flat_map(|i| value(i).to_le_bytes()).collect();
    tensor.extend(bytes(9, &raw));
    bytes(5, &tensor)
}

fn value(field: u64, name: &str, dims: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = dims.iter().flat_map(|&d| bytes(1, &number(1, d))).collect();
    let tensor = [number(1, 1), bytes(2, &shape)].concat();
    let info = [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat();
    bytes(field, &info)
}

/// The first weight, to be found and patched in the file.
pub(crate) const FIRST_WEIGHT: f32 = 0.3125;

fn wave(i: usize) -> f32 {
    ((i * 7 + 3) % 11) as f32 / 11.0 - 0.5
}

/// The file of 4x4 pixels, a convolution, and an activation, an operator of one input.
pub(crate) fn tiny(activation: &str) -> Vec<u8> {
    let graph = [
        node("Conv", &["x", "k", "b"], "conv"),
        node(activation, &["conv"], "act"),
        node("Flatten", &["act"], "flat"),
        node("Gemm", &["flat", "w", "c"], "y"),
        bytes(2, b"tiny"),
        tensor("k", &[2, 1, 2, 2], |i| {
            if i == 0 { FIRST_WEIGHT } else { wave(i) }
        }),
        tensor("b", &[2], wave),
        tensor("w", &[18, 3], wave),
        tensor("c", &[3], wave),
        value(11, "x", &[1, 1, 4, 4]),
        value(12, "y", &[1, 3]),
    ]
    .concat();
    model(&graph)
}

/// The file of 32x32 pixels and one dense layer: little to compute, but few samples fill a data vector.
pub(crate) fn wide() -> Vec<u8> {
    let graph = [
        node("Flatten", &["x"], "flat"),
        node("Gemm", &["flat", "w", "c"], "y"),
        bytes(2, b"wide"),
        tensor("w", &[1024, 3], wave),
        tensor("c", &[3], wave),
        value(11, "x", &[1, 1, 32, 32]),
        value(12, "y", &[1, 3]),
    ]
    .concat();
    model(&graph)
}

fn model(graph: &[u8]) -> Vec<u8> {
    let opset = [bytes(1, b""), number(2, 13)].concat();
    [number(1, 7), bytes(7, graph), bytes(8, &opset)].concat()
}

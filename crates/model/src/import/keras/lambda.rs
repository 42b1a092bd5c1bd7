//! Recognises the function of a `Lambda` layer as a polynomial of degree two.
//!
//! Keras stores Python bytecode. It is interpreted symbolically, with polynomials
//! in the layer's input as values, for the few instructions an arithmetic
//! expression compiles to. Everything else is refused; nothing is executed.

use serde_json::Value as Json;

use super::marshal::{Code, Dialect, Object, Reason, parse};

/// Instructions of an expression this reads; far above any quadratic.
const MAX_CODE: usize = 4096;
const MAX_STACK: usize = 64;
const MAX_TEXT: usize = 1 << 16;

/// `[constant, linear, square]`.
pub(super) type Polynomial = [f64; 3];

/// The polynomial behind the `function` attribute of a `Lambda` layer.
pub(super) fn recognise(function: &Json) -> Result<Polynomial, Reason> {
    // Keras 2: [code, defaults, closure]; Keras 3: an object with these names; in between: the list inside an object.
    let config = &function["config"];
    let (code, defaults, closure) = match function {
        Json::Array(parts) => (parts.first(), parts.get(1), parts.get(2)),
        Json::Object(_) if function["class_name"] == "__lambda__" => match &config["value"] {
            Json::Array(parts) => (parts.first(), parts.get(1), parts.get(2)),
            _ => (
                config.get("code"),
                config.get("defaults"),
                config.get("closure"),
            ),
        },
        _ => return Err("a named function, whose code is not in the file".into()),
    };
    if defaults.is_some_and(|d| !d.is_null()) {
        return Err("a function with default arguments".into());
    }
    if closure.is_some_and(|c| !c.is_null()) {
        return Err("a function that captures variables".into());
    }
    let text = code
        .and_then(Json::as_str)
        .ok_or("a function without code")?;
    match parse(&base64(text)?)? {
        Object::Code(code) => evaluate(&code),
        _ => Err("no code object".into()),
    }
}

/// Standard base64; Keras breaks it into lines.
fn base64(text: &str) -> Result<Vec<u8>, Reason> {
    if text.len() > MAX_TEXT {
        return Err(format!("{} bytes of code", text.len()));
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for b in text.bytes() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\n' | b'\r' | b' ' => continue,
            b'=' => break,
            _ => return Err("code that is not base64".into()),
        };
        bits = (bits << 6) | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Ok(out)
}

/// One instruction, the same for all Python versions.
enum Step {
    Skip,
    Variable,
    TwoVariables,
    Constant,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Negate,
    Plus,
    Return,
}

/// Opcode numbers of Python 3.6 to 3.10.
fn classic(op: u8) -> Option<Step> {
    Some(match op {
        9 => Step::Skip,
        10 => Step::Plus,
        11 => Step::Negate,
        // The in-place forms follow the plain ones in what they compute.
        19 | 67 => Step::Power,
        20 | 57 => Step::Multiply,
        23 | 55 => Step::Add,
        24 | 56 => Step::Subtract,
        27 | 29 => Step::Divide,
        83 => Step::Return,
        100 => Step::Constant,
        124 => Step::Variable,
        _ => return None,
    })
}

/// The operator number of BINARY_OP; 13 and up are the in-place forms.
fn binary(arg: u8) -> Option<Step> {
    Some(match arg {
        0 | 13 => Step::Add,
        5 | 18 => Step::Multiply,
        8 | 21 => Step::Power,
        10 | 23 => Step::Subtract,
        11 | 24 => Step::Divide,
        _ => return None,
    })
}

/// Opcode numbers of Python 3.11 and 3.12.
fn cached_311(op: u8, arg: u8) -> Option<Step> {
    Some(match op {
        0 | 9 | 151 => Step::Skip,
        10 => Step::Plus,
        11 => Step::Negate,
        83 => Step::Return,
        100 => Step::Constant,
        122 => return binary(arg),
        124 | 127 => Step::Variable,
        // CALL_INTRINSIC_1 with INTRINSIC_UNARY_POSITIVE
        173 if arg == 5 => Step::Plus,
        _ => return None,
    })
}

/// Opcode numbers of Python 3.13.
fn cached_313(op: u8, arg: u8) -> Option<Step> {
    Some(match op {
        0 | 30 | 149 => Step::Skip,
        36 => Step::Return,
        42 => Step::Negate,
        45 => return binary(arg),
        55 if arg == 5 => Step::Plus,
        83 => Step::Constant,
        85 | 87 => Step::Variable,
        88 => Step::TwoVariables,
        _ => return None,
    })
}

fn evaluate(code: &Code) -> Result<Polynomial, Reason> {
    // 0x04 and 0x08: *args and **kwargs; 0x20 and above 0x7f: generators and coroutines.
    if code.arguments != 1
        || code.keyword_only != 0
        || code.variables != 1
        || code.flags & (0x04 | 0x08 | 0x20 | 0x80 | 0x200) != 0
    {
        return Err("a function of more than one argument or with local variables".into());
    }
    if code.closure {
        return Err("a function that captures variables".into());
    }
    if code.code.len() > MAX_CODE || !code.code.len().is_multiple_of(2) {
        return Err(format!("{} bytes of code", code.code.len()));
    }
    // Each version has its own number for the first instruction, RESUME.
    let newer = match (code.dialect, code.code.first()) {
        (Dialect::Classic, _) | (Dialect::Cached, Some(151)) => false,
        (Dialect::Cached, Some(149)) => true,
        _ => {
            return Err("bytecode of an unknown Python version; 3.6 to 3.13 are read".into());
        }
    };
    let mut stack: Vec<Polynomial> = vec![];
    let mut units = code.code.chunks_exact(2);
    while let Some(unit) = units.next() {
        let (op, arg) = (unit[0], unit[1]);
        let step = match (code.dialect, newer) {
            (Dialect::Classic, _) => classic(op),
            (Dialect::Cached, false) => cached_311(op, arg),
            (Dialect::Cached, true) => cached_313(op, arg),
        }
        .ok_or_else(|| format!("the Python instruction {op} with argument {arg}"))?;
        let mut pop = || stack.pop().ok_or("code that reads an empty stack");
        let result = match step {
            Step::Skip | Step::Plus => continue,
            Step::Return => return pop().map_err(Reason::from).and_then(checked),
            Step::Variable if arg == 0 => [0.0, 1.0, 0.0],
            Step::TwoVariables if arg == 0 => {
                stack.push([0.0, 1.0, 0.0]);
                [0.0, 1.0, 0.0]
            }
            Step::Variable | Step::TwoVariables => return Err("an unknown variable".into()),
            Step::Constant => match code.constants.get(usize::from(arg)) {
                Some(Object::Int(n)) => [*n as f64, 0.0, 0.0],
                Some(Object::Float(f)) => [*f, 0.0, 0.0],
                _ => return Err("a constant that is not a number".into()),
            },
            Step::Negate => pop()?.map(|c| -c),
            Step::Add | Step::Subtract | Step::Multiply | Step::Divide | Step::Power => {
                let b = pop()?;
                let a = pop()?;
                // BINARY_OP is followed by one unit of inline cache.
                if code.dialect == Dialect::Cached {
                    units.next();
                }
                match step {
                    Step::Add => [a[0] + b[0], a[1] + b[1], a[2] + b[2]],
                    Step::Subtract => [a[0] - b[0], a[1] - b[1], a[2] - b[2]],
                    Step::Multiply => multiply(a, b)?,
                    Step::Divide if b[1] == 0.0 && b[2] == 0.0 && b[0] != 0.0 => {
                        a.map(|c| c / b[0])
                    }
                    Step::Power if b == [1.0, 0.0, 0.0] => a,
                    Step::Power if b == [2.0, 0.0, 0.0] => multiply(a, a)?,
                    Step::Power => return Err("a power other than 1 and 2".into()),
                    _ => return Err("a division by something other than a constant".into()),
                }
            }
        };
        if stack.len() >= MAX_STACK {
            return Err("a too deeply nested expression".into());
        }
        stack.push(result);
    }
    Err("code that does not return".into())
}

fn multiply(a: Polynomial, b: Polynomial) -> Result<Polynomial, Reason> {
    if a[2] * b[2] != 0.0 || a[1] * b[2] != 0.0 || a[2] * b[1] != 0.0 {
        return Err("a polynomial of degree above 2".into());
    }
    Ok([
        a[0] * b[0],
        a[0] * b[1] + a[1] * b[0],
        a[0] * b[2] + a[1] * b[1] + a[2] * b[0],
    ])
}

fn checked(p: Polynomial) -> Result<Polynomial, Reason> {
    if p.iter().any(|&c| !(c as f32).is_finite()) {
        return Err("coefficients that are not finite".into());
    }
    if p[1] == 0.0 && p[2] == 0.0 {
        return Err("a constant function".into());
    }
    Ok(p)
}

#[cfg(test)]
#[path = "lambda_tests.rs"]
mod tests;

//! Values of arguments: from text, with a sentence for what is none.

pub(super) fn parse_digits(s: &str) -> Result<usize, String> {
    let n = parse_positive(s)?;
    if n <= 128 {
        Ok(n)
    } else {
        Err("128 digits are bundled".into())
    }
}

/// Bytes given in hexadecimal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

pub(super) fn parse_hex(s: &str) -> Result<Hex, String> {
    let digits = s.strip_prefix("0x").unwrap_or(s);
    if digits.len() > 2048 {
        return Err("at most 1,024 bytes".into());
    }
    hex::decode(digits)
        .map(Hex)
        .map_err(|e| format!("no hexadecimal bytes: {e}"))
}

pub(super) fn parse_id(s: &str) -> Result<[u8; 32], String> {
    let bytes = parse_hex(s)?.0;
    let n = bytes.len();
    bytes
        .try_into()
        .map_err(|_| format!("an id has 32 bytes, this has {n}"))
}

/// A number of bytes with an optional unit of a thousand.
pub(super) fn parse_bytes(s: &str) -> Result<u64, String> {
    let lower = s.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match lower[digits.len()..].trim_end_matches('b') {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        _ => return Err(format!("'{s}' is no size; write it like 2GB or 900MB")),
    };
    let bytes = digits.trim().parse::<f64>().map(|n| n * unit);
    match bytes {
        Ok(bytes) if (1e6..1e15).contains(&bytes) => Ok(bytes as u64),
        Ok(_) => Err(format!("'{s}' is not between 1MB and 1000TB")),
        Err(_) => Err(format!("'{s}' is no size; write it like 2GB or 900MB")),
    }
}

pub(super) fn parse_positive(s: &str) -> Result<usize, String> {
    match s.parse::<usize>() {
        Ok(0) => Err("give at least 1".into()),
        Ok(n) => Ok(n),
        Err(e) => Err(e.to_string()),
    }
}

pub(super) fn parse_number(s: &str) -> Result<f32, String> {
    let one = |s: &str| {
        s.trim()
            .parse::<f64>()
            .map_err(|_| format!("'{s}' is no number"))
    };
    let v = match s.split_once('/') {
        Some((a, b)) => one(a)? / one(b)?,
        None => one(s)?,
    };
    if v.is_finite() && v.abs() < 1e9 {
        Ok(v as f32)
    } else {
        Err(format!("'{s}' is not a finite number below 10^9"))
    }
}

/// A number that is not 0, also in single precision.
pub(super) fn parse_divisor(s: &str) -> Result<f32, String> {
    match parse_number(s)? {
        0.0 => Err(format!("'{s}' is 0 for the network; give another number")),
        v => Ok(v),
    }
}

pub(super) fn parse_size(s: &str) -> Result<[usize; 2], String> {
    let parts: Vec<&str> = s.split('x').collect();
    let one = |s: &str| {
        s.parse::<usize>()
            .ok()
            .filter(|&n| (1..=1 << 14).contains(&n))
            .ok_or_else(|| {
                format!("'{s}' is no number of pixels; write rows and columns like 224x224")
            })
    };
    match parts.as_slice() {
        [n] => Ok([one(n)?, one(n)?]),
        [h, w] => Ok([one(h)?, one(w)?]),
        _ => Err("write rows and columns like 224x224".into()),
    }
}

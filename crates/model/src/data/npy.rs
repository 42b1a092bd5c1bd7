//! The header of `.npy`: a Python dictionary of three known keys.
//!
//! Read here rather than with a crate: `npyz` allocates what a four-byte length in
//! the file says and parses any nested Python literal, by recursion. This accepts
//! what NumPy writes for numbers and nothing else.

use std::io::Read;

use super::array::{Element, ElementKind, Header};
use super::source::{Bytes, NPY_MAGIC, Source};
use crate::{Error, Result, limits};

const FORMAT: &str = "npy file";
/// NumPy pads headers of numbers to 64 or 128 bytes; it refuses above 10,000 itself.
const MAX_HEADER: u32 = 10_000;

/// The header behind `magic`, its first four bytes.
pub(super) fn header(source: &Source, magic: [u8; 4], bytes: &mut Bytes) -> Result<Header> {
    let mut read = |buffer: &mut [u8]| {
        bytes
            .read_exact(buffer)
            .map_err(|error| source.read_error(error, None))
    };
    let malformed = |reason: String| Error::malformed(FORMAT, format!("{source}: {reason}"));
    let mut rest = [0; 4];
    read(&mut rest)?;
    let [m0, m1, major, minor] = rest;
    if [magic.as_slice(), &[m0, m1]].concat() != NPY_MAGIC {
        return Err(malformed("wrong magic number".into()));
    }
    let (length, prefix) = match major {
        1 => {
            let mut length = [0; 2];
            read(&mut length)?;
            (u32::from(u16::from_le_bytes(length)), 10)
        }
        2 | 3 => {
            let mut length = [0; 4];
            read(&mut length)?;
            (u32::from_le_bytes(length), 12)
        }
        _ => return Err(malformed(format!("unknown version {major}.{minor}"))),
    };
    if length > MAX_HEADER {
        return Err(malformed(format!("a header of {length} bytes")));
    }
    let mut text = vec![0; length as usize];
    read(&mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| malformed("header is no text".into()))?;
    let (element, dims) = dictionary(text).map_err(malformed)?;
    Ok(Header {
        format: FORMAT,
        element,
        dims,
        len: prefix + u64::from(length),
    })
}

fn dictionary(text: &str) -> Result<(Element, Vec<usize>), String> {
    let mut scan = Scanner { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    scan.want('{')?;
    while !scan.accept('}') {
        let key = scan.string()?;
        scan.want(':')?;
        let again = match key {
            "descr" => descr.replace(element(&mut scan)?).is_some(),
            "fortran_order" => fortran.replace(scan.boolean()?).is_some(),
            "shape" => shape.replace(scan.tuple()?).is_some(),
            _ => return Err(format!("unknown key '{key}' in the header")),
        };
        if again {
            return Err(format!("key '{key}' twice in the header"));
        }
        if !scan.accept(',') {
            scan.want('}')?;
            break;
        }
    }
    if !scan.rest.trim().is_empty() {
        return Err("the header goes on after its dictionary".into());
    }
    let (Some(element), Some(fortran), Some(dims)) = (descr, fortran, shape) else {
        return Err("the header lacks 'descr', 'fortran_order' or 'shape'".into());
    };
    if fortran && dims.len() > 1 {
        return Err("Fortran order; save it with numpy.ascontiguousarray".into());
    }
    Ok((element, dims))
}

fn element(scan: &mut Scanner<'_>) -> Result<Element, String> {
    const ACCEPTED: &str = "u1, u2, u4, u8, i1, i2, i4, i8, f4 or f8";
    if scan.accept('[') {
        return Err(format!("records; save one array of {ACCEPTED}"));
    }
    let descr = scan.string()?;
    let unsupported = || format!("numbers of type '{descr}'; save {ACCEPTED}");
    let mut chars = descr.chars();
    let (order, kind, size) = (chars.next(), chars.next(), chars.as_str());
    let kind = match kind {
        Some('u') => ElementKind::Unsigned,
        Some('i') => ElementKind::Signed,
        Some('f') => ElementKind::Float,
        _ => return Err(unsupported()),
    };
    let size = match (size, kind) {
        ("1", ElementKind::Signed | ElementKind::Unsigned) => 1,
        ("2", ElementKind::Signed | ElementKind::Unsigned) => 2,
        ("4", _) => 4,
        ("8", _) => 8,
        _ => return Err(unsupported()),
    };
    let big_endian = match order {
        Some('<') => false,
        Some('>') => true,
        Some('|') if size == 1 => false,
        _ => return Err(unsupported()),
    };
    Ok(Element {
        kind,
        size,
        big_endian,
    })
}

/// Reads a header from left to right, spaces skipped.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn accept(&mut self, sign: char) -> bool {
        let after = self.rest.trim_start().strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn want(&mut self, sign: char) -> Result<(), String> {
        if self.accept(sign) {
            return Ok(());
        }
        Err(format!("'{sign}' missing in the header"))
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.accept('"') {
            '"'
        } else {
            self.want('\'')?;
            '\''
        };
        let (text, rest) = self
            .rest
            .split_once(quote)
            .ok_or("text without end in the header")?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.trim_start().strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("'fortran_order' is neither True nor False".into())
    }

    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        let mut dims = Vec::new();
        self.want('(')?;
        while !self.accept(')') {
            let text = self.rest.trim_start();
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            let (digits, rest) = text.split_at(end);
            let dim = digits
                .parse()
                .map_err(|_| format!("'{digits}' is no size in the shape"))?;
            dims.push(dim);
            if dims.len() > limits::MAX_RANK {
                return Err(format!("rank above {}", limits::MAX_RANK));
            }
            self.rest = rest;
            if !self.accept(',') {
                self.want(')')?;
                break;
            }
        }
        Ok(dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_numpy() {
        let text = "{'descr': '>i2', 'fortran_order': False, 'shape': (3, 28, 4), }   \n";
        let (element, dims) = dictionary(text).unwrap();
        assert_eq!((element.size, element.big_endian), (2, true));
        assert_eq!(dims, [3, 28, 4]);
        // One axis: contiguous in both orders.
        let text = "{'shape': (5,), 'fortran_order': True, \"descr\": \"|u1\"}";
        assert_eq!(dictionary(text).unwrap().1, [5]);
    }

    #[test]
    fn refused_headers() {
        for (text, reason) in [
            ("", "'{' missing"),
            ("{", "''' missing"),
            ("{'descr': '<u1", "without end"),
            ("{'descr': '<f2'}", "type '<f2'"),
            ("{'descr': '|O'}", "type '|O'"),
            ("{'descr': '|u2'}", "type '|u2'"),
            ("{'descr': '<f1'}", "type '<f1'"),
            ("{'descr': [('a', '<u1')]}", "records"),
            ("{'descr': '<u1', 'shape': (1,)}", "lacks"),
            ("{'shape': (1,), 'shape': (2,)}", "twice"),
            ("{'shape': (-1,)}", "no size"),
            ("{'shape': (99999999999999999999999,)}", "no size"),
            ("{'shape': (1,1,1,1,1,1,1,1,1)}", "rank"),
            ("{'other': 1}", "unknown key"),
            (
                "{'descr': '<u1', 'fortran_order': True, 'shape': (2, 2)}",
                "ascontiguousarray",
            ),
            (
                "{'descr': '<u1', 'fortran_order': False, 'shape': (2,)} x",
                "goes on",
            ),
        ] {
            let error = dictionary(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}

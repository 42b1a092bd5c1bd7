//! Python's marshal format, as far as a code object needs it.
//!
//! Keras stores the function of a `Lambda` layer as a marshalled code object.
//! This reads its instructions and constants; nothing is ever executed.

use std::rc::Rc;

/// Nesting of a code object's constants; a lambda of one expression needs three.
const MAX_DEPTH: usize = 16;

/// What is wrong with the bytes.
pub(super) type Reason = String;

/// A marshalled object.
#[derive(Clone, Debug)]
pub(super) enum Object {
    /// An integer that fits 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A byte string.
    Bytes(Rc<[u8]>),
    /// A tuple and its height as a tree: references can stack tuples higher than the text nests them.
    Tuple(Rc<[Object]>, usize),
    /// A code object.
    Code(Rc<Code>),
    /// Anything else: None, booleans, names.
    Other,
}

/// How the instructions of a code object are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Python 3.6 to 3.10.
    Classic,
    /// Python 3.11 and later: inline caches, one opcode for all binary operators.
    Cached,
}

/// The parts of a code object that decide what an expression computes.
#[derive(Clone, Debug)]
pub(super) struct Code {
    /// Instruction encoding.
    pub(super) dialect: Dialect,
    /// Positional parameters.
    pub(super) arguments: u32,
    /// Keyword-only parameters.
    pub(super) keyword_only: u32,
    /// `co_flags`.
    pub(super) flags: u32,
    /// Instructions.
    pub(super) code: Rc<[u8]>,
    /// Constants.
    pub(super) constants: Rc<[Object]>,
    /// Variables: local, captured, shared with inner functions.
    pub(super) variables: usize,
    /// Whether a variable comes from or goes to another scope.
    pub(super) closure: bool,
    /// Height as a tree.
    height: usize,
}

impl Object {
    fn height(&self) -> usize {
        match self {
            Self::Tuple(_, height) => *height,
            Self::Code(code) => code.height,
            _ => 0,
        }
    }
}

/// The height over parts of height `below`, limited because dropping an object recurses.
fn above(below: usize) -> Result<usize, Reason> {
    if below >= MAX_DEPTH {
        return Err(format!("constants nested deeper than {MAX_DEPTH}"));
    }
    Ok(below + 1)
}

/// Reads one object; bytes after it are an error.
pub(super) fn parse(bytes: &[u8]) -> Result<Object, Reason> {
    let mut reader = Reader {
        bytes,
        at: 0,
        refs: vec![],
    };
    let object = reader.object(0)?;
    if reader.at != bytes.len() {
        return Err(format!(
            "{} bytes follow the code object",
            bytes.len() - reader.at
        ));
    }
    Ok(object)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    refs: Vec<Object>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Reason> {
        let end = self.at.checked_add(n).filter(|&e| e <= self.bytes.len());
        let end = end.ok_or_else(|| "the code object is cut short".to_owned())?;
        let slice = &self.bytes[self.at..end];
        self.at = end;
        Ok(slice)
    }

    fn byte(&mut self) -> Result<u8, Reason> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, Reason> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A length: never more than the bytes that are left, so no allocation exceeds the input.
    fn length(&mut self) -> Result<usize, Reason> {
        let n = self.u32()? as usize;
        if n > self.bytes.len() - self.at {
            return Err("the code object is cut short".into());
        }
        Ok(n)
    }

    fn object(&mut self, depth: usize) -> Result<Object, Reason> {
        if depth > MAX_DEPTH {
            return Err(format!("constants nested deeper than {MAX_DEPTH}"));
        }
        let kind = self.byte()?;
        // A flagged object gets its number before its parts do.
        let slot = (kind & 0x80 != 0).then(|| {
            self.refs.push(Object::Other);
            self.refs.len() - 1
        });
        let object = match kind & 0x7f {
            b'N' | b'T' | b'F' | b'.' | b'S' => Object::Other,
            b'i' => Object::Int(i64::from(self.u32()? as i32)),
            b'l' => self.long()?,
            b'g' => {
                let b = self.take(8)?;
                Object::Float(f64::from_le_bytes([
                    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
                ]))
            }
            b'y' => {
                self.take(16)?;
                Object::Other
            }
            b's' => {
                let n = self.length()?;
                Object::Bytes(self.take(n)?.into())
            }
            b'u' | b't' | b'a' | b'A' => {
                let n = self.length()?;
                self.take(n)?;
                Object::Other
            }
            b'z' | b'Z' => {
                let n = usize::from(self.byte()?);
                self.take(n)?;
                Object::Other
            }
            b'(' | b')' => {
                let n = if kind & 0x7f == b')' {
                    usize::from(self.byte()?)
                } else {
                    self.length()?
                };
                let mut items = Vec::new();
                for _ in 0..n {
                    items.push(self.object(depth + 1)?);
                }
                let height = above(items.iter().map(Object::height).max().unwrap_or(0))?;
                Object::Tuple(items.into(), height)
            }
            b'r' => {
                let i = self.u32()? as usize;
                self.refs
                    .get(i)
                    .cloned()
                    .ok_or_else(|| format!("a reference to object {i}, which does not exist"))?
            }
            b'c' => Object::Code(Rc::new(self.code(depth)?)),
            other => return Err(format!("an object of the unknown kind {other:#04x}")),
        };
        if let Some(slot) = slot {
            self.refs[slot] = object.clone();
        }
        Ok(object)
    }

    /// Digits of 15 bits, least significant first; the sign is that of the count.
    fn long(&mut self) -> Result<Object, Reason> {
        let count = self.u32()? as i32;
        let mut value = 0i64;
        for i in 0..count.unsigned_abs() {
            let b = self.take(2)?;
            let digit = i64::from(u16::from_le_bytes([b[0], b[1]]) & 0x7fff);
            if i >= 4 {
                return Err("an integer constant of more than 60 bits".into());
            }
            value |= digit << (15 * i);
        }
        Ok(Object::Int(if count < 0 { -value } else { value }))
    }

    fn tuple(&mut self, depth: usize, what: &str) -> Result<Rc<[Object]>, Reason> {
        match self.object(depth + 1)? {
            Object::Tuple(t, _) => Ok(t),
            _ => Err(format!("the {what} of the code object are no tuple")),
        }
    }

    /// The layouts of Python 3.6-3.7, 3.8-3.10 and 3.11 on.
    ///
    /// They differ in the number of integers before the instructions (5, 6, 5) and in what follows
    /// the names of the variables: a tuple up to 3.10, the kinds of the variables as bytes since 3.11.
    fn code(&mut self, depth: usize) -> Result<Code, Reason> {
        let mut head = [0u32; 5];
        for h in &mut head {
            *h = self.u32()?;
        }
        // The sixth integer is `co_flags`, whose low byte is never that of a string for a lambda.
        let six = self.bytes.get(self.at).is_some_and(|b| b & 0x7f != b's');
        let flags = if six { self.u32()? } else { head[4] };
        let Object::Bytes(code) = self.object(depth + 1)? else {
            return Err("the instructions of the code object are no byte string".into());
        };
        let constants = self.tuple(depth, "constants")?;
        let height = above(constants.iter().map(Object::height).max().unwrap_or(0))?;
        self.tuple(depth, "names")?;
        let variables = self.tuple(depth, "variables")?.len();
        let cached;
        let closure;
        match self.object(depth + 1)? {
            Object::Bytes(kinds) if !six => {
                cached = true;
                // CO_FAST_LOCAL is 0x20, cells are 0x40, captured variables 0x80.
                closure = kinds.iter().any(|k| k & 0xc0 != 0);
                for _ in 0..3 {
                    self.object(depth + 1)?; // file name, name, qualified name
                }
                self.u32()?; // first line
                self.object(depth + 1)?; // line table
                self.object(depth + 1)?; // exception table
            }
            Object::Tuple(free, _) => {
                cached = false;
                closure = !free.is_empty() | !self.tuple(depth, "cell variables")?.is_empty();
                self.object(depth + 1)?; // file name
                self.object(depth + 1)?; // name
                self.u32()?; // first line
                self.object(depth + 1)?; // line table
            }
            _ => return Err("a code object of no known Python version".into()),
        }
        // Python 3.8 put the positional-only count in second place.
        let keyword_only = if six || cached { head[2] } else { head[1] };
        Ok(Code {
            dialect: if cached {
                Dialect::Cached
            } else {
                Dialect::Classic
            },
            arguments: head[0],
            keyword_only,
            flags,
            code,
            constants,
            variables,
            closure,
            height,
        })
    }
}

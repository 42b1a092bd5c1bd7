//! IDX, the format of MNIST: two zero bytes, the type, the rank, big-endian sizes, the values.

use std::io::Read;

use super::array::{Element, Header};
use super::source::{Bytes, Source};
use crate::{Error, Result, limits};

const FORMAT: &str = "IDX file";

/// The header behind `magic`, its first four bytes.
pub(super) fn header(source: &Source, magic: [u8; 4], bytes: &mut Bytes) -> Result<Header> {
    let [_, _, element, rank] = magic;
    if element != 0x08 {
        return Err(Error::malformed(
            FORMAT,
            format!(
                "{source}: element type {element:#04x}; only unsigned bytes (0x08) are read, \
                 save other numbers as .npy"
            ),
        ));
    }
    if rank == 0 || usize::from(rank) > limits::MAX_RANK {
        return Err(Error::malformed(
            FORMAT,
            format!("{source}: rank {rank}; images have rank 3 or 4, labels rank 1"),
        ));
    }
    let mut dims = Vec::with_capacity(rank.into());
    for _ in 0..rank {
        let mut size = [0; 4];
        bytes
            .read_exact(&mut size)
            .map_err(|error| source.read_error(error, None))?;
        dims.push(u32::from_be_bytes(size) as usize);
    }
    Ok(Header {
        format: FORMAT,
        element: Element::BYTE,
        dims,
        len: 4 + 4 * u64::from(rank),
    })
}

//! The container format of powers-of-tau files (snarkjs), read with suspicion.
//!
//! nova-snark's own reader asserts and shifts on unchecked numbers of the file; nothing reaches it
//! that did not pass here.

use std::io::{Read, Seek, SeekFrom, Write};

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, G1Affine, G2Affine};
use halo2curves::serde::SerdeObject;

use crate::quiet::quietly;

/// Bytes of a point of G1 and of G2.
pub(crate) const POINT_BYTES: [u64; 2] = [64, 128];
/// The largest ceremony has `2^MAX_POWER` points.
pub const MAX_POWER: u32 = 28;

/// Where the points of a file are, checked against the file's length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Power in the header.
    pub(crate) power: u32,
    g1: u64,
    g2: u64,
    /// Points of G1 and G2.
    pub(crate) points: [u64; 2],
}

fn modulus() -> [u8; 32] {
    // The order is odd, so adding 1 to p - 1 carries nothing.
    let mut bytes: [u8; 32] = (-Fq::ONE).to_repr().into();
    bytes[0] |= 1;
    bytes
}

fn u32_le(reader: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Reads and checks everything but the points.
pub(crate) fn read_layout(reader: &mut (impl Read + Seek)) -> Result<Layout, String> {
    let io = |e: std::io::Error| format!("it ends early or cannot be read ({e})");
    let length = reader.seek(SeekFrom::End(0)).map_err(io)?;
    reader.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(io)?;
    if &magic != b"ptau" {
        return Err("it does not begin with 'ptau'".into());
    }
    let version = u32_le(reader).map_err(io)?;
    if version != 1 {
        return Err(format!("version {version}, expected 1"));
    }
    let sections = u32_le(reader).map_err(io)?;
    if sections != 3 && sections != 11 {
        return Err(format!("{sections} sections, expected 3 or 11"));
    }
    let mut found: [Option<(u64, u64)>; 4] = [None; 4];
    for _ in 0..sections {
        let id = u32_le(reader).map_err(io)?;
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes).map_err(io)?;
        let size = u64::from_le_bytes(bytes);
        let start = reader.stream_position().map_err(io)?;
        let end = start
            .checked_add(size)
            .filter(|&end| end <= length)
            .ok_or(format!("section {id} is longer than the file"))?;
        if (1..=3).contains(&id) {
            if found[id as usize].is_some() {
                return Err(format!("section {id} occurs twice"));
            }
            found[id as usize] = Some((start, size));
        }
        reader.seek(SeekFrom::Start(end)).map_err(io)?;
    }
    let section = |id: usize| found[id].ok_or(format!("section {id} is missing"));
    let (header, size) = section(1)?;
    if size != 40 && size != 44 {
        return Err(format!("a header of {size} bytes"));
    }
    reader.seek(SeekFrom::Start(header)).map_err(io)?;
    if u32_le(reader).map_err(io)? != 32 {
        return Err("a field of another size".into());
    }
    let mut prime = [0; 32];
    reader.read_exact(&mut prime).map_err(io)?;
    if prime != modulus() {
        return Err("another curve than BN254".into());
    }
    let power = u32_le(reader).map_err(io)?;
    if power > MAX_POWER {
        return Err(format!("power {power}, the largest is {MAX_POWER}"));
    }
    let mut starts = [0; 2];
    let mut points = [0; 2];
    for (i, bytes) in POINT_BYTES.into_iter().enumerate() {
        let (start, size) = section(i + 2)?;
        if size % bytes != 0 {
            return Err(format!("section {} ends within a point", i + 2));
        }
        (starts[i], points[i]) = (start, size / bytes);
    }
    if points[0] >= 1 << (power + 1) || points[1] > (1 << power).max(2) {
        return Err(format!("more points than power {power} has"));
    }
    if points[0] < 2 || points[1] < 2 {
        return Err("fewer than two points".into());
    }
    Ok(Layout {
        power,
        g1: starts[0],
        g2: starts[1],
        points,
    })
}

impl Layout {
    /// The largest `k` such that the file can serve `2^k` points.
    pub(crate) fn usable_power(&self) -> u32 {
        self.points[0].ilog2()
    }

    /// The first `n` points of G1 and the first two of G2, each on its curve and not the identity.
    pub(crate) fn read_points(
        &self,
        reader: &mut (impl Read + Seek),
        n: usize,
    ) -> Result<(Vec<G1Affine>, [G2Affine; 2]), String> {
        use halo2curves::CurveAffine;
        use halo2curves::group::cofactor::{CofactorCurveAffine, CofactorGroup};
        let io = |e: std::io::Error| format!("a point cannot be read ({e})");
        if n as u64 > self.points[0] {
            return Err(format!("{} points, {n} are needed", self.points[0]));
        }
        reader.seek(SeekFrom::Start(self.g1)).map_err(io)?;
        let mut g1 = Vec::with_capacity(n);
        for i in 0..n {
            let point = G1Affine::read_raw(reader).map_err(io)?;
            if !bool::from(point.is_on_curve()) || bool::from(point.is_identity()) {
                return Err(format!(
                    "point {i} of G1 is not on the curve, or the identity"
                ));
            }
            g1.push(point);
        }
        reader.seek(SeekFrom::Start(self.g2)).map_err(io)?;
        let mut g2 = [G2Affine::generator(); 2];
        for (i, slot) in g2.iter_mut().enumerate() {
            let point = G2Affine::read_raw(reader).map_err(io)?;
            if !bool::from(point.is_on_curve())
                || bool::from(point.is_identity())
                || !bool::from(quietly(|| point.to_curve().is_torsion_free()))
            {
                return Err(format!(
                    "point {i} of G2 is not in the group, or the identity"
                ));
            }
            *slot = point;
        }
        Ok((g1, g2))
    }
}

/// Writes a pruned file: header, G1, G2.
pub(crate) fn write(
    writer: &mut dyn Write,
    g1: &[G1Affine],
    g2: &[G2Affine; 2],
) -> std::io::Result<()> {
    let power = (g1.len() as u64).ilog2();
    let mut writer = std::io::BufWriter::new(writer);
    writer.write_all(b"ptau")?;
    writer.write_all(&1u32.to_le_bytes())?;
    writer.write_all(&3u32.to_le_bytes())?;
    section(&mut writer, 1, 40)?;
    writer.write_all(&32u32.to_le_bytes())?;
    writer.write_all(&modulus())?;
    writer.write_all(&power.to_le_bytes())?;
    section(&mut writer, 2, POINT_BYTES[0] * g1.len() as u64)?;
    for point in g1 {
        point.write_raw(&mut writer)?;
    }
    section(&mut writer, 3, POINT_BYTES[1] * 2)?;
    for point in g2 {
        point.write_raw(&mut writer)?;
    }
    writer.flush()
}

fn section(writer: &mut impl Write, id: u32, size: u64) -> std::io::Result<()> {
    writer.write_all(&id.to_le_bytes())?;
    writer.write_all(&size.to_le_bytes())
}

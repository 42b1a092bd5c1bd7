//! Commitment keys: powers of a secret number, one file per size.
//!
//! A folder holds files `ppot_pruned_KK.ptau` of `2^KK` points, the names nova-snark looks for, each
//! with a `ppot_pruned_KK.json` that says where it came from. Who knows the secret of a key can prove
//! false statements: keys made here are for oneself and for tests, a ceremony's file is for others.
//!
//! A key is identified by [`SrsFile::id`], a digest of its first powers, which determine all others:
//! files of different size from one ceremony have the same id.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ff::{Field, PrimeField};
use halo2curves::bn256::{Bn256, Fq, Fr, G1, G1Affine, G2Affine};
use halo2curves::group::prime::PrimeCurveAffine;
use halo2curves::group::{Curve, Group};
use halo2curves::msm::msm_best;
use halo2curves::pairing::Engine;
use halo2curves::serde::SerdeObject;
use pleat_model::files::{Access, write_atomic};
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use crate::ptau::MAX_POWER;
use crate::ptau::{self, Layout};
use crate::{Error, Result};

/// Where a key came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "origin")]
pub enum Origin {
    /// Made on this machine: its maker could prove false statements.
    LocalInsecure,
    /// Imported from a file.
    Imported {
        /// Name of the file.
        file: String,
        /// SHA-256 of the whole file, to compare with the ceremony's published one.
        sha256: String,
    },
    /// Nothing beside the file says.
    Unknown,
}

impl Origin {
    /// What others should know about proofs made with this key.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Imported { .. } => None,
            Self::LocalInsecure => Some(
                "the commitment key was made on this machine: whoever made it could prove false statements",
            ),
            Self::Unknown => Some("the commitment key's origin is unknown"),
        }
    }
}

/// What is stored beside a key.
#[derive(Serialize, Deserialize)]
struct Record {
    /// [`SrsFile::id`] in hexadecimal: a key that replaced another does not inherit its origin.
    id: String,
    #[serde(flatten)]
    origin: Origin,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One key file.
#[derive(Clone, Debug)]
pub struct SrsFile {
    /// The file.
    pub path: PathBuf,
    /// It has at least `2^power` points.
    pub power: u32,
    /// Where it came from.
    pub origin: Origin,
    /// Identifies the secret: SHA-256 over the first powers in both groups.
    pub id: [u8; 32],
}

fn file_name(power: u32) -> String {
    format!("ppot_pruned_{power:02}.ptau")
}

fn bad(path: &Path) -> impl FnOnce(String) -> Error + '_ {
    |reason| Error::BadSrs {
        path: path.to_owned(),
        reason,
    }
}

fn check_power(power: u32) -> Result<()> {
    if (1..=MAX_POWER).contains(&power) {
        Ok(())
    } else {
        Err(Error::Invalid(format!(
            "power {power}: choose one from 1 to {MAX_POWER}"
        )))
    }
}

/// Digest of `G, tau G, H, tau H`.
fn identify(g1: &[G1Affine], g2: &[G2Affine; 2]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"pleat srs v1\0");
    for point in g1.iter().take(2) {
        hasher.update(point.to_raw_bytes());
    }
    for point in g2 {
        hasher.update(point.to_raw_bytes());
    }
    hasher.finalize().into()
}

fn open(path: &Path) -> Result<(BufReader<File>, Layout)> {
    let mut reader = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let layout = ptau::read_layout(&mut reader).map_err(bad(path))?;
    Ok((reader, layout))
}

fn describe(path: &Path) -> Result<SrsFile> {
    let (mut reader, layout) = open(path)?;
    let (g1, g2) = layout.read_points(&mut reader, 2).map_err(bad(path))?;
    let id = identify(&g1, &g2);
    let origin = std::fs::read(path.with_extension("json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok())
        .filter(|record| record.id == hex(&id))
        .map_or(Origin::Unknown, |record| record.origin);
    Ok(SrsFile {
        path: path.to_owned(),
        power: layout.usable_power(),
        origin,
        id,
    })
}

/// The keys in a folder, smallest first. A folder that does not exist holds none.
///
/// # Errors
/// A file with a key's name that is none.
pub fn info(dir: &Path) -> Result<Vec<SrsFile>> {
    (0..=MAX_POWER)
        .map(|power| dir.join(file_name(power)))
        .filter(|path| path.exists())
        .map(|path| describe(&path))
        .collect()
}

/// The smallest key of at least `2^power` points: the file nova-snark will open, checked so that its
/// reader cannot fail on it.
///
/// # Errors
/// [`Error::MissingSrs`], or what is wrong with the file.
pub fn find(dir: &Path, power: u32) -> Result<SrsFile> {
    if power > MAX_POWER {
        return Err(Error::TooLarge { power });
    }
    for p in power..=MAX_POWER {
        // In nova-snark's order.
        let original = match p {
            MAX_POWER => "ppot_0080_final.ptau".to_owned(),
            _ => format!("ppot_0080_{p:02}.ptau"),
        };
        for name in [file_name(p), original] {
            let path = dir.join(name);
            if path.exists() {
                let found = describe(&path)?;
                if found.power < power {
                    return Err(bad(&path)(format!(
                        "it holds 2^{} points, its name says 2^{p}",
                        found.power
                    )));
                }
                return Ok(found);
            }
        }
    }
    Err(Error::MissingSrs {
        dir: dir.to_owned(),
        power,
    })
}

/// The first `n >= 2` powers in G1 and the first two in G2.
pub(crate) fn read(file: &SrsFile, n: usize) -> Result<(Vec<G1Affine>, [G2Affine; 2])> {
    let (mut reader, layout) = open(&file.path)?;
    let (g1, g2) = layout
        .read_points(&mut reader, n)
        .map_err(bad(&file.path))?;
    if identify(&g1, &g2) != file.id {
        return Err(bad(&file.path)("it changed while it was read".into()));
    }
    Ok((g1, g2))
}

/// Refuses to overwrite a key before the work of making another.
fn refuse_existing(dir: &Path, power: u32, force: bool) -> Result<()> {
    let path = dir.join(file_name(power));
    if !force && path.exists() {
        return Err(Error::Invalid(format!(
            "{} exists already; keep it, or give --force to replace it",
            path.display()
        )));
    }
    Ok(())
}

fn store(
    dir: &Path,
    power: u32,
    force: bool,
    origin: &Origin,
    g1: &[G1Affine],
    g2: &[G2Affine; 2],
) -> Result<SrsFile> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let path = dir.join(file_name(power));
    let record = Record {
        id: hex(&identify(g1, g2)),
        origin: origin.clone(),
    };
    write_atomic(&path, Access::Public, force, |w| ptau::write(w, g1, g2))?;
    write_atomic(&path.with_extension("json"), Access::Public, true, |w| {
        serde_json::to_writer_pretty(&mut *w, &record)?;
        w.write_all(b"\n")
    })?;
    describe(&path)
}

/// Makes a key of `2^power` points from a random secret, which is overwritten afterwards.
///
/// For oneself and for tests: others must trust that the secret is gone.
///
/// # Errors
/// A power outside `1..=28`, or a file that cannot be written.
pub fn create_local(dir: &Path, power: u32, force: bool) -> Result<SrsFile> {
    check_power(power)?;
    refuse_existing(dir, power, force)?;
    let mut tau = Fr::random(OsRng);
    let g1 = powers(&tau, 1 << power);
    let g2 = [
        G2Affine::generator(),
        (G2Affine::generator() * tau).to_affine(),
    ];
    tau = std::hint::black_box(Fr::ZERO);
    std::hint::black_box(&tau);
    store(dir, power, force, &Origin::LocalInsecure, &g1, &g2)
}

/// `tau^i * G` for `i < n`: tables of multiples of `2^(w j) * G`, one addition per window and point,
/// in affine coordinates with one inversion per window and block of points.
fn powers(tau: &Fr, n: usize) -> Vec<G1Affine> {
    let window: usize = if n >= 1 << 16 { 16 } else { 8 };
    let windows = 256usize.div_ceil(window);
    let mut bases = Vec::with_capacity(windows);
    let mut base = G1::generator();
    for _ in 0..windows {
        bases.push(base);
        (0..window).for_each(|_| base = base.double());
    }
    let tables: Vec<Vec<G1Affine>> = bases
        .par_iter()
        .map(|base| {
            let mut multiples = vec![G1::identity(); 1 << window];
            for i in 1..multiples.len() {
                multiples[i] = multiples[i - 1] + base;
            }
            normalize(&multiples)
        })
        .collect();
    let mut points = vec![G1Affine::identity(); n];
    const BLOCK: usize = 1 << 11;
    points
        .par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, points)| {
            let mut power = tau.pow_vartime([(block * BLOCK) as u64]);
            let scalars: Vec<[u8; 32]> = points
                .iter()
                .map(|_| {
                    let bytes = power.to_repr().into();
                    power *= tau;
                    bytes
                })
                .collect();
            for (w, table) in tables.iter().enumerate() {
                let bytes = w * window / 8..(w + 1) * window / 8;
                let digits = scalars.iter().map(|scalar| {
                    let digit = scalar[bytes.clone()].iter().rev();
                    digit.fold(0, |d, &b| d << 8 | usize::from(b))
                });
                add_multiples(points, table, digits);
            }
        });
    points
}

/// `points[i] += table[digits[i]]`, where a point holds a smaller multiple of the generator than any
/// but the zeroth of the table and their sum is below the group's order: a sum is never a doubling
/// and never the identity.
fn add_multiples(points: &mut [G1Affine], table: &[G1Affine], digits: impl Iterator<Item = usize>) {
    let mut sums = Vec::with_capacity(points.len());
    let mut product = Fq::ONE;
    for (i, digit) in digits.enumerate() {
        if digit == 0 {
            continue;
        }
        let term = table[digit];
        if bool::from(points[i].is_identity()) {
            points[i] = term;
            continue;
        }
        let run = term.x - points[i].x;
        sums.push((i, term, run, product));
        product *= run;
    }
    let mut inverse = product.invert().unwrap_or(Fq::ZERO);
    for (i, term, run, before) in sums.into_iter().rev() {
        let point = points[i];
        let slope = (term.y - point.y) * inverse * before;
        inverse *= run;
        let x = slope.square() - point.x - term.x;
        let y = slope * (point.x - x) - point.y;
        points[i] = G1Affine { x, y };
    }
}

fn normalize(points: &[G1]) -> Vec<G1Affine> {
    let mut affine = vec![G1Affine::identity(); points.len()];
    G1::batch_normalize(points, &mut affine);
    affine
}

/// Checks that `g1[i] = tau^i * G` and `g2 = [H, tau * H]` for one `tau`.
///
/// With random 128-bit `r_i`, `e(sum r_i g1[i+1], H) = e(sum r_i g1[i], tau H)` fails except with
/// probability `2^-128` if any step is wrong.
fn check_structure(g1: &[G1Affine], g2: &[G2Affine; 2]) -> Result<(), String> {
    if g1[0] != G1Affine::generator() || g2[0] != G2Affine::generator() {
        return Err("its first points are not the generators".into());
    }
    let r: Vec<Fr> = (1..g1.len())
        .map(|_| Fr::from_raw([OsRng.next_u64(), OsRng.next_u64(), 0, 0]))
        .collect();
    let low = msm_best(&r, &g1[..g1.len() - 1]).to_affine();
    let high = msm_best(&r, &g1[1..]).to_affine();
    if Bn256::pairing(&high, &g2[0]) != Bn256::pairing(&low, &g2[1]) {
        return Err("its points are not the powers of one number".into());
    }
    Ok(())
}

/// Checks a ceremony's file, cuts it to `2^power` points (all it has, by default) and stores it.
///
/// # Errors
/// What is wrong with the file: structure, points off their curves, points that are not powers of one
/// number, too few of them.
pub fn import(dir: &Path, source: &Path, power: Option<u32>, force: bool) -> Result<SrsFile> {
    let (mut reader, layout) = open(source)?;
    let power = power.unwrap_or(layout.usable_power().min(layout.power.max(1)));
    check_power(power)?;
    if power > layout.usable_power() {
        return Err(bad(source)(format!(
            "it holds 2^{} points, 2^{power} were asked for",
            layout.usable_power()
        )));
    }
    refuse_existing(dir, power, force)?;
    let (g1, g2) = layout
        .read_points(&mut reader, 1 << power)
        .map_err(bad(source))?;
    check_structure(&g1, &g2).map_err(bad(source))?;
    let mut file = File::open(source).map_err(Error::io(source))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::io(source))? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    let origin = Origin::Imported {
        file: source
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: hex(&hasher.finalize()),
    };
    store(dir, power, force, &origin, &g1, &g2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_naive_multiplication() {
        let tau = Fr::random(OsRng);
        for n in [2, 300, 1 << 16] {
            let points = powers(&tau, n);
            for i in [0, 1, n / 3, n / 2, n - 1] {
                let naive = G1::generator() * tau.pow_vartime([i as u64]);
                assert_eq!(points[i], naive.to_affine(), "{i} of {n}");
            }
        }
    }

    #[test]
    fn a_made_key_is_found_imported_and_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let made = create_local(dir.path(), 6, false).unwrap();
        assert_eq!((made.power, &made.origin), (6, &Origin::LocalInsecure));
        assert!(create_local(dir.path(), 6, false).is_err());
        assert_eq!(find(dir.path(), 5).unwrap().id, made.id);
        assert!(matches!(
            find(dir.path(), 7),
            Err(Error::MissingSrs { power: 7, .. })
        ));
        let other = tempfile::tempdir().unwrap();
        let cut = import(other.path(), &made.path, Some(4), false).unwrap();
        assert_eq!((cut.power, cut.id), (4, made.id));
        assert!(matches!(cut.origin, Origin::Imported { .. }));
        assert_eq!(info(other.path()).unwrap().len(), 1);
        assert!(import(other.path(), &made.path, Some(7), false).is_err());
    }

    /// What lies beside a key says where that key came from, not whatever replaced it.
    #[test]
    fn the_origin_of_another_key_is_not_believed() {
        let (made, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ceremony = create_local(made.path(), 4, false).unwrap();
        let imported = import(cache.path(), &ceremony.path, None, false).unwrap();
        assert!(imported.origin.warning().is_none());
        let other = create_local(made.path(), 5, false).unwrap();
        std::fs::copy(&other.path, &imported.path).unwrap();
        let found = find(cache.path(), 4).unwrap();
        assert_eq!((found.id, found.origin), (other.id, Origin::Unknown));
    }

    /// No byte of the structure or of the first points can change unseen, and nothing panics.
    #[test]
    fn a_damaged_key_is_refused_with_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = create_local(dir.path(), 3, false).unwrap().path;
        let good = std::fs::read(&path).unwrap();
        let target = tempfile::tempdir().unwrap();
        let attempt = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            import(target.path(), &path, Some(3), true)
        };
        assert!(attempt(&good).is_ok());
        for i in 0..good.len() {
            let mut bytes = good.clone();
            bytes[i] ^= 1 << (i % 8);
            // The header's power may be larger than the number of points needs.
            let power = 60;
            if (power..power + 4).contains(&i) {
                let _ = attempt(&bytes);
                continue;
            }
            assert!(attempt(&bytes).is_err(), "byte {i}");
        }
        for length in (0..good.len()).step_by(7) {
            assert!(attempt(&good[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn powers_of_two_secrets_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = create_local(dir.path(), 4, false).unwrap().path;
        let (mut reader, layout) = open(&path).unwrap();
        let (mut g1, g2) = layout.read_points(&mut reader, 16).unwrap();
        // One point replaced by another valid point of the curve.
        g1[9] = g1[10];
        assert!(check_structure(&g1, &g2).is_err());
        // tau H of another tau.
        let (g1, _) = layout.read_points(&mut reader, 16).unwrap();
        let other = [g2[0], (g2[1] * Fr::from(2)).to_affine()];
        assert!(check_structure(&g1, &other).is_err());
        assert!(check_structure(&g1, &g2).is_ok());
    }
}

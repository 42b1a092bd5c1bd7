//! The bundle: what `pleat import` writes and every other command reads.
//!
//! It holds the secret weights and the salt of the model id, so it is written for its owner only.
//!
//! ```text
//! bytes 0..8    "PLEATBDL"
//! bytes 8..12   format version, little endian
//! bytes 12..n   postcard of [`Bundle`]
//! last 32       SHA-256 of everything before
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accuracy::Accuracy;
use crate::annotations::Annotations;
use crate::execute::Executor;
use crate::files::{Access, read_at_most, write_atomic};
use crate::network::{Network, Weights};
use crate::quantize::TensorStatistics;
use crate::{Error, Result, limits};

const MAGIC: &[u8; 8] = b"PLEATBDL";
const VERSION: u32 = 2;
const FORMAT: &str = "pleat bundle";

/// How the import came to its integers; for `inspect` and reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// File name of the model, without its folder.
    pub source: String,
    /// Parameters of the model file before folding.
    pub parameters: u64,
    /// Factor of the stored pixels.
    pub input_scale: f32,
    /// Subtracted after scaling.
    pub mean: Vec<f32>,
    /// Divided by at the end.
    pub std: Vec<f32>,
    /// Samples calibrated with; 0 means made-up ones.
    pub calibration_samples: u64,
    /// Chosen activation width.
    pub activation_bits: u32,
    /// Relative root mean square error of the outputs on the calibration samples.
    pub output_error: f64,
    /// The layer that deviates most.
    pub worst_layer: String,
    /// Its error relative to its largest value.
    pub worst_layer_error: f64,
    /// Float against integer decisions, where data were given.
    pub accuracy: Option<Accuracy>,
    /// What calibration saw, one per layer.
    pub statistics: Vec<TensorStatistics>,
}

/// An imported network with its secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Public architecture.
    pub network: Network,
    /// Secret parameters.
    pub weights: Weights,
    /// Secret salt of the model id: without it the id would confirm a guess of the weights.
    pub salt: [u8; 32],
    /// The owner's names and scales.
    pub annotations: Annotations,
    /// How the import went.
    pub report: ImportReport,
}

/// Without weights and salt: whatever is printed may end in a log.
impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("network", &self.network)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// The executor of this bundle's network; its errors use the owner's names.
    pub fn executor(&self) -> Executor<'_> {
        Executor::new(&self.network, &self.weights).named(&self.annotations)
    }

    /// Writes the bundle for its owner only.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the file exists and `force` is not set; [`Error::Io`].
    pub fn save(&self, path: &Path, force: bool) -> Result<()> {
        let bytes = self.to_bytes()?;
        write_atomic(path, Access::Secret, force, |w| w.write_all(&bytes))
    }

    /// Reads and checks a bundle.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything but an undamaged bundle of this version; [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = read_at_most(path, limits::MAX_MODEL_BYTES)?;
        let bytes =
            bytes.map_err(|size| Error::malformed(FORMAT, format!("{size} bytes are too many")))?;
        Self::from_bytes(&bytes)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the bundle cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        let payload = postcard::to_allocvec(self)
            .map_err(|e| Error::invalid(format!("the bundle cannot be encoded: {e}")))?;
        bytes.extend(payload);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        Ok(bytes)
    }

    /// Decodes and checks the file's bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bad = |reason: &str| Error::malformed(FORMAT, reason);
        if !bytes.starts_with(MAGIC) {
            return Err(bad(
                "it does not start like one; make one with 'pleat import MODEL -o FILE'",
            ));
        }
        if bytes.len() < 12 + 32 {
            return Err(bad("it is truncated; import the model again"));
        }
        let (content, checksum) = bytes.split_at(bytes.len() - 32);
        let version = u32::from_le_bytes([content[8], content[9], content[10], content[11]]);
        if version == 1 {
            return Err(bad(
                "format version 1: its public architecture shows scales and names of the model file, so it \
                 is not used any more; import the model again and make a new registration",
            ));
        }
        if version != VERSION {
            return Err(Error::malformed(
                FORMAT,
                format!(
                    "format version {version}, this program reads {VERSION}; import the model again"
                ),
            ));
        }
        if Sha256::digest(content).as_slice() != checksum {
            return Err(bad(
                "its checksum is wrong: damaged or truncated; import the model again",
            ));
        }
        let (bundle, rest): (Self, &[u8]) = postcard::take_from_bytes(&content[12..])
            .map_err(|e| Error::malformed(FORMAT, format!("its content does not decode ({e})")))?;
        if !rest.is_empty() {
            return Err(bad("bytes are left over after its content"));
        }
        bundle.network.validate()?;
        bundle.network.validate_weights(&bundle.weights)?;
        bundle.annotations.validate(&bundle.network)?;
        Ok(bundle)
    }
}

//! What a prover draws: the mask, the blinds of its commitments, the salts of its challenges.
//!
//! Everything comes from 32 secret bytes that are new for every proof, by a pseudo-random function whose
//! label is the statement and how the proof ends. So a resumed proof repeats its randomness and a checkpoint
//! does not hold it; and two proofs that share a secret by mistake (two shards, two contexts, two forms)
//! share nothing else: without the label, the difference of two openings confirms a guess of all weights.
//!
//! ```text
//! (k_blind, k_mask) = HMAC-SHA512(secret; "pleat proof v1\0", statement digest, ending)     32 bytes each
//! blinds, salts     = Blinder of k_blind
//! mask              = 0, then ChaCha20 of k_mask: 64 bytes reduced to an element, entry i from byte 64 i
//! ```
//!
//! Blinds of weights come from the bundle's salt ([`crate::model`]), those of private data from the data's own
//! secret ([`crate::data`]): their commitments are the same in all proofs.

use ff::{Field, FromUniformBytes};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha512};

use crate::Scalar;
use crate::commitment::Blinder;
use crate::statement::{Statement, to_bytes};

/// The secret of one proof: 32 random bytes, new for every proof and the same when a proof is resumed, with
/// what the proof will end in. A proof that was begun has one end: finishing it in two ways would publish two
/// combinations of the same secret values.
#[derive(Clone, Copy)]
pub struct ProofSecret {
    secret: [u8; 32],
    ending: [u8; 32],
}

/// Without the secret: whatever is printed may end in a log.
impl std::fmt::Debug for ProofSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProofSecret").finish_non_exhaustive()
    }
}

impl ProofSecret {
    /// `ending` names everything that decides how the proof is finished: final argument, commitment key,
    /// parameters, version.
    pub fn new(secret: [u8; 32], ending: &[u8]) -> Self {
        Self {
            secret,
            ending: Sha256::digest(ending).into(),
        }
    }

    /// Of a proof whose steps are kept instead of folded.
    pub fn native(secret: [u8; 32]) -> Self {
        Self::new(secret, b"native")
    }
}

/// Where a prover's randomness comes from. Every answer is uniform to whoever does not have the secret, and
/// the same whenever it is asked for.
pub trait Randomness {
    /// The mask: so many entries, the first zero, the others uniform.
    fn mask(&self, entries: usize) -> Vec<Scalar>;
    /// The blind of the commitment to the mask.
    fn mask_blind(&self) -> Scalar;
    /// The blind of the commitment to a chunk of a group.
    fn trace_blind(&self, group: u64, chunk: u64) -> Scalar;
    /// The salt of a group's challenges.
    fn salt(&self, group: u64) -> Scalar;
    /// Names this randomness among others: a proof goes on with the one it was begun with. For its owner's eyes.
    fn tag(&self) -> Scalar;
}

/// [`Randomness`] of a proof's secret and its statement.
pub(crate) struct Derived {
    blinder: Blinder,
    mask: [u8; 32],
}

impl Derived {
    pub(crate) fn new(secret: &ProofSecret, statement: &Statement) -> Self {
        // HMAC pads a short key with zeros to the hash's block of 128 bytes.
        let mut block = [0; 128];
        block[..32].copy_from_slice(&secret.secret);
        let mut mac = <Hmac<Sha512> as KeyInit>::new(&block.into());
        mac.update(b"pleat proof v1\0");
        mac.update(&to_bytes(&statement.digest()));
        mac.update(&secret.ending);
        let keys: [u8; 64] = mac.finalize().into_bytes().into();
        let (mut blinder, mut mask) = ([0; 32], [0; 32]);
        blinder.copy_from_slice(&keys[..32]);
        mask.copy_from_slice(&keys[32..]);
        Self {
            blinder: Blinder::new(blinder),
            mask,
        }
    }
}

/// Entries drawn by one task.
const PIECE: usize = 1 << 12;
/// Words of the stream per entry.
const WORDS: u128 = 16;

impl Randomness for Derived {
    fn mask(&self, entries: usize) -> Vec<Scalar> {
        let mut values = vec![Scalar::ZERO; entries];
        let pieces = values.par_chunks_mut(PIECE).enumerate();
        pieces.for_each(|(piece, values)| {
            let mut stream = ChaCha20Rng::from_seed(self.mask);
            stream.set_word_pos((piece * PIECE) as u128 * WORDS);
            for value in values {
                let mut bytes = [0; 64];
                stream.fill_bytes(&mut bytes);
                *value = Scalar::from_uniform_bytes(&bytes);
            }
        });
        // The first claim is that the combination is zero at the point zero, its first entry: nothing of the mask has
        // to be told.
        values.iter_mut().take(1).for_each(|v| *v = Scalar::ZERO);
        values
    }

    fn mask_blind(&self) -> Scalar {
        self.blinder.blind(b"mask", 0)
    }

    fn trace_blind(&self, group: u64, chunk: u64) -> Scalar {
        let label = [b"trace".as_slice(), &group.to_le_bytes()].concat();
        self.blinder.blind(&label, chunk)
    }

    fn salt(&self, group: u64) -> Scalar {
        self.blinder.blind(b"salt", group)
    }

    fn tag(&self) -> Scalar {
        self.blinder.blind(b"tag", 0)
    }
}

//! What a verifier needs besides files: its own keys, as late as possible.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use pleat_argument::commitment::Key;
use pleat_compressor::{Compressor, Error as ProofError, Verifier, VerifyingKey};
use pleat_folding::Form;
use pleat_folding::running::Origin;
use pleat_step_circuits::circuit::step::Step;

use crate::error::Result;
use crate::keys::Found;
use crate::store::KeyStore;
use crate::watch::Watch;

/// The keys of a size class, form and commitment key: found at once, read and made when they are needed.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    pub(crate) found: Found,
    row_bits: u32,
    form: Form,
    watch: &'a Watch,
    /// The verifying key and the seconds it took to make.
    made: OnceCell<(VerifyingKey, f64)>,
}

impl<'a> Keys<'a> {
    pub(crate) fn find(origin: &Origin, store: &KeyStore, watch: &'a Watch) -> Result<Self> {
        let row_bits = origin.class[0] as u32;
        Ok(Self {
            found: Found::of(store, row_bits, origin.key)?,
            row_bits,
            form: origin.form,
            watch,
            made: OnceCell::new(),
        })
    }

    /// A commitment key for vectors of `2^bits` values.
    pub(crate) fn load(&self, bits: u32) -> Result<Key> {
        self.found.load(bits.max(1))
    }

    fn make(&self) -> Result<(VerifyingKey, f64), ProofError> {
        let start = Instant::now();
        let row_bits = self.row_bits;
        let note = format!("writing out the circuit of size class 2^{row_bits}");
        self.watch.note(note);
        let params = Arc::new(self.found.params(row_bits, self.form)?);
        if let Some(warning) = params.srs().origin.warning() {
            self.watch.note(format!("warning: {warning}"));
        }
        let key = Compressor::setup(&params)?.into_verifying_key();
        Ok((key, start.elapsed().as_secs_f64()))
    }

    /// Seconds it took to write out the circuit; zero if it was not.
    pub(crate) fn seconds(&self) -> f64 {
        self.made.get().map_or(0.0, |made| made.1)
    }
}

impl Verifier for Keys<'_> {
    type Circuit = Step;

    fn origin(&self) -> Option<&Origin> {
        self.made.get().map(|made| made.0.origin())
    }

    fn key(&self) -> Result<&VerifyingKey, ProofError> {
        let made = match self.made.get() {
            Some(made) => made,
            None => {
                let made = self.make()?;
                self.made.get_or_init(|| made)
            }
        };
        Ok(&made.0)
    }
}

//! What public files tell of the secrets: nothing but what the table of `docs/secrecy.md` says is public on purpose.
//!
//! A distinguisher gets a public file and two candidates for the secret, of which one is the true one. For every
//! number of the file it computes what that number would be for each candidate ([`guess`]), and must do no better
//! than a coin ([`distinguisher`]). Provers with one defect each show that it would see them. [`ranks`] computes
//! what an opening tells of the masked vector, as linear algebra.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod distinguisher;
mod guess;
mod keys;
mod lattice;
#[path = "../soundness/networks.rs"]
#[allow(dead_code, reason = "forgeries use the other networks")]
mod networks;
mod ranks;
mod subject;

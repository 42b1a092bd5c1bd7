//! What a program does with pleat, as functions: make a bundle, run it, register it, prove, verify, combine, report.
//!
//! Files and plain options go in; typed results come out, which serialise to the JSON of the `pleat` command; an
//! [`Error`] has a [`Class`] and a sentence. Nothing here prints, reads arguments or ends the process: who wants to
//! see what happens gives a [`Watch`], who wants it to end keeps its [`Stop`]. Everything is `Send` and owned, so that a
//! job can run on any thread.
//!
//! The crate may use every other one; only programs use it. It has no mathematics: begin with [`prove()`], which shows
//! how keys ([`KeyStore`]), a bundle, samples and checkpoints come together, and read on in `workshop.rs`, where they
//! become a proof.
//!
//! ```no_run
//! use pleat_jobs::{
//!     DataOptions, ImportOptions, KeyStore, ProveOptions, RegisterOptions, VerifyOptions, Watch,
//! };
//!
//! # fn main() -> pleat_jobs::Result<()> {
//! let (keys, watch) = (KeyStore::of_user()?, Watch::default());
//! keys.create(17, false)?; // good for oneself; for others import a ceremony's
//! let import = ImportOptions {
//!     model: "model.onnx".into(),
//!     calib: Some("images.idx".into()),
//!     output: Some("model.pleat".into()),
//!     ..ImportOptions::default()
//! };
//! pleat_jobs::import(&import, &watch)?;
//! let register = RegisterOptions {
//!     bundle: "model.pleat".into(),
//!     output: "model.registration".into(),
//!     ..RegisterOptions::default()
//! };
//! pleat_jobs::register(&register, &keys, &watch)?;
//! let prove = ProveOptions {
//!     bundle: "model.pleat".into(),
//!     data: DataOptions {
//!         path: "images.idx".into(),
//!         labels: Some("labels.idx".into()),
//!         ..DataOptions::default()
//!     },
//!     registration: Some("model.registration".into()),
//!     output: "model.proof".into(),
//!     ..ProveOptions::default()
//! };
//! let proved = pleat_jobs::prove(&prove, &keys, &watch)?;
//! let verify = VerifyOptions {
//!     proof: proved.proof,
//!     registration: Some("model.registration".into()),
//!     data: Some("images.idx".into()),
//!     labels: Some("labels.idx".into()),
//!     ..VerifyOptions::default()
//! };
//! let verified = pleat_jobs::verify(&verify, &keys, &watch)?;
//! println!("{:?} of {} correct", verified.statement.correct, verified.statement.samples);
//! # Ok(())
//! # }
//! ```
//!
//! Each row uses rows above it only.
//!
//! | module | what it does |
//! | --- | --- |
//! | `error`, `text` | errors, their classes and sentences; names of others made harmless |
//! | `progress`, `stop`, `watch` | what a job tells, and asking it to stop |
//! | `output`, `scratch`, `resources` | places for results and temporary files; memory and disk |
//! | `statement`, `shard`, `network` | what proofs and networks are, in words and figures |
//! | `estimate`, `class` | what a proof will cost, and the size class it is made in |
//! | `store`, `keys` | commitment keys, and which of them serve a size class |
//! | `selection`, `load` | samples, bundles and proofs from files |
//! | `workshop`, `checkpoints` | from a key and a model to a proof; what is kept until it is finished |
//! | `import`, `inspect`, `run`, `register`, `prove`, `verify` | a job each |
//! | `combine`, [`mod@report`], `demo` | jobs made of others |
#![forbid(unsafe_code)]

mod checkpoints;
mod class;
mod combine;
mod demo;
mod error;
mod estimate;
mod import;
mod inspect;
mod keys;
mod load;
mod network;
mod output;
mod progress;
mod prove;
mod register;
pub mod report;
mod resources;
mod run;
mod scratch;
mod selection;
mod shard;
mod statement;
mod stop;
mod store;
mod text;
mod verify;
mod watch;
mod workshop;

pub use pleat_argument::srs::Origin as KeyOrigin;
pub use pleat_folding::Form;
pub use pleat_model::graph::InputLayout;

pub use checkpoints::CheckpointOptions;
pub use class::ClassOptions;
pub use combine::{CombineOptions, CombineResult, combine};
pub use demo::{DemoOptions, DemoResult, demo};
pub use error::{Class, Error, Result};
pub use estimate::Estimate;
pub use import::{ImportOptions, ImportResult, import};
pub use inspect::{InspectOptions, InspectResult, LayerFacts, inspect};
pub use load::DataOptions;
pub use network::Widths;
pub use progress::{Event, Progress};
pub use prove::{ProveOptions, ProveResult, prove};
pub use register::{RegisterOptions, RegisterResult, register};
pub use report::{ReportOptions, ReportResult, report};
pub use resources::{resident_bytes, use_threads};
pub use run::{RunOptions, RunResult, run};
pub use scratch::remove_temporaries;
pub use shard::{Shard, ShardSamples};
pub use statement::{ReadableStatement, StatementKind};
pub use stop::Stop;
pub use store::{KeyFile, KeyList, KeyStore};
pub use text::printable;
pub use verify::{Compared, UNASKED, VerifyOptions, VerifyResult, verify, verify_bytes};
pub use watch::Watch;
pub use workshop::{Setup, Spent};

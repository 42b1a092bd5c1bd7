//! One file per verb: arguments become a job's options, its result becomes text.

pub(crate) mod combine;
pub(crate) mod demo;
pub(crate) mod import;
pub(crate) mod inspect;
mod options;
pub(crate) mod prove;
pub(crate) mod register;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod srs;
pub(crate) mod verify;

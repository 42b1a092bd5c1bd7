//! A page about proofs: what they say, whether they are valid, what they cost.
//!
//! [`Report`] holds every figure of the page. The template shows them, the page embeds them as JSON and
//! `--json` prints them, so that there is one truth. All text that comes from files goes through
//! `plain` and the template's escaping.

mod claim;
mod confusion;
mod cost;
mod filters;
mod job;
mod machine;
mod page;
mod timing;
mod verdict;

pub use self::claim::{Architecture, Claim, OutputFacts};
pub use self::confusion::{Confusion, Pair};
pub use self::cost::{Beside, Cost, RowUse};
pub use self::job::{ReportOptions, ReportResult, report};
pub use self::machine::Made;
pub use self::page::{Preview, PreviewSample, Report, Section};
pub use self::timing::Timing;
pub use self::verdict::Verdict;

//! Making journal, files and ledgers agree again, whatever happened to the process that wrote them.

mod cut_short;
mod files;
mod finding;
mod judge;
mod older;
mod replay;

pub(crate) use files::recover;
pub use finding::{Finding, FindingKind};
pub use replay::Replay;
pub(crate) use replay::Replaying;

//! The ledger of a series: what is wanted, what is covered, and the files that hold it.

mod account;
mod copies;
mod files;
mod format;

pub(crate) use account::Read;
pub use account::{FileEntry, Ledger, Note};
pub use copies::{Copied, NotRestored, Restore, RestoreNeeded, Verified};
pub(crate) use format::pairs;

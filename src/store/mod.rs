//! The durable store: one folder a series, whole Parquet files, and a ledger that accounts for every second.
//!
//! A series has one writer. Rows are accepted into it, then published period by period: a file appears
//! whole or not at all, and the ledger speaks of it only afterwards. Files and ledgers are the truth;
//! everything else is a cache.
//!
//! Accepted rows are in the journal before anything says so, and stay there until their file is published;
//! opening a store publishes what the journal of the process before still holds.

mod adopt;
mod checked;
mod copies;
mod error;
mod file;
mod fold;
mod folders;
mod guarded;
mod inherit;
mod inventory;
mod journal;
mod layout;
mod ledger;
mod listener;
mod lock;
mod merge;
#[cfg(test)]
mod model_tests;
mod older;
mod owner;
mod pair;
mod place;
mod publish;
mod read;
mod recover;
mod rows;
mod scan;
mod set_aside;
mod settings;
mod verify;
mod writer;

pub use adopt::{Adoption, Fate};
pub(crate) use file::Hashed;

pub use copies::{Bring, Copied, Lesser, NotBrought, Verified};
pub use error::StoreError;
pub use file::{Footer, Opened, PeriodFile, open_period_file, sha256};
pub use inherit::{Inheritance, Merged};
pub use inventory::{Holding, Unaccounted, holding, inventory, is_held};
pub use journal::{Mark, Watermarks};
pub use layout::{Layout, Period};
pub use ledger::{FileEntry, Ledger, Note};
pub use listener::SOCKET;
pub use lock::{DataLock, Lost, Watch};
pub use owner::{Replay, Store};
pub use place::Part;
pub use publish::Published;
pub use read::period_files;
pub use recover::{Finding, FindingKind};
pub use scan::{Scan, scan};
pub use set_aside::{RowsAside, SetAsideRow, set_aside_rows};
pub use settings::{Bounds, SMALL_ROWS, Settings};
#[cfg(test)]
pub(crate) use verify::verify_series_on;
pub use verify::{Fault, verify_series};
pub use writer::{Accepted, Flushed, Writer};

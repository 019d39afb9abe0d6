//! The durable store: one folder a series, whole Parquet files, and a ledger that accounts for every second.
//!
//! A series has one writer. Rows are accepted into it, then published period by period: a file appears
//! whole or not at all, and the ledger speaks of it only afterwards. Files and ledgers are the truth;
//! everything else is a cache.
//!
//! Accepted rows wait in memory until they are published; a journal is to stand between the two, at
//! [`Writer::accept`], so that they survive a crash too. Until then a crash loses what was accepted since
//! the last publish, and since its coverage is lost with it, the next run fetches it again.

mod adopt;
mod error;
mod file;
mod inventory;
mod layout;
mod ledger;
mod lock;
mod merge;
mod publish;
mod recover;
mod rows;
mod scan;
mod verify;
mod writer;

pub use adopt::{Adoption, Fate};
pub use error::StoreError;
pub use file::{Footer, Opened, PeriodFile, open_period_file};
pub use inventory::{Holding, inventory};
pub use layout::{Layout, Period};
pub use ledger::{FileEntry, Ledger, Note};
pub use lock::DataLock;
pub use publish::Published;
pub use recover::{Finding, FindingKind};
pub use scan::{Scan, scan};
pub use verify::{Fault, verify_series};
pub use writer::{Accepted, Flushed, Writer};

//! The durable store: one folder a series, whole Parquet files, and a ledger that accounts for every second.
//!
//! A data path has one owner, and a series in it as many writers as there is work. Rows are accepted, then published
//! period by period: a file appears whole or not at all, and the ledger speaks of it only afterwards. Files and ledgers
//! are the truth; everything else is a cache.
//!
//! Rows count as accepted once they are in the journal, and stay there until their file is published;
//! opening a store publishes what the journal of the process before still holds.
//!
//! Decisions:
//!
//! * **Accepting is apart from publishing** (`store/accept`, `store/publish`). A series has two locks: a gate that is held
//!   for as long as one frame of the journal takes, and the right to its files, which publishing, purging, restoring
//!   and repairing take in turn. Rows never wait for the second.
//! * **The ledger accounts, the footer testifies.** Each file's footer carries its series, period, generation,
//!   coverage and the digest of its body, so a publish cut short is adopted and a lost ledger is rebuilt. The
//!   ledger carries the whole-file hash; a file whose size and time are as published is trusted, any other is
//!   hashed before use, and `verify` hashes everything.
//! * **Row groups that no row touches are copied**, encoded bytes and page index. Groups are 131 072 rows; a
//!   short one is joined with its neighbour when it is next touched.
//! * **Rows, not pages, are merged by key**, the answer asked last wins; trades without ids are a multiset per
//!   instant. Doing work twice is harmless.
//! * **The order of names is the order of time**: `2024.parquet`, `2024_open.parquet`, `2025.parquet`. A row
//!   that falls before the file's last goes into the file, and rows never leave the open file while newer ones
//!   stay in it: a reader that opened the file before a fold and the open file after it would miss the rows
//!   between. So a fold takes all rows in, and the open file is empty until the next publish.
//! * **An open file is folded once as many rows went into open files as the file holds.** Rewriting is then
//!   paid for at most twice, whether rows come one by one or by the thousand; a period that is over is folded
//!   at once. The file is replaced first, then the open file by an empty one.
//! * **The newest rows are taken out of the file once they are touched**: the last three candles, the trades of
//!   the last minute. The first of them that is late or revised after a fold moves them into the open file,
//!   which has its name first; all others cost what an append costs. An older late row goes into the file
//!   alone, and the open file stays as it is.
//! * **Where both files have a row, the newer file is right** (`store/pair.rs`), so every step of a change of
//!   both can be the last, here, in a bucket, or for a reader of ours, who opens the open file before and after
//!   the other. What a file says of journal and coverage holds without the open file beside it. Copies are sent
//!   in the order that keeps all rows there: the open file first only where the file has become shorter.
//! * **Updates of a book are numbered by a mark in the ledger**, the highest number ever given: it outlasts
//!   purged days, lost files and owners, and is found again in the footers of all days. A refused update may stand in
//!   the journal all the same, so that its number is not given again either. All rows of a period
//!   are published at once, also where a book's time goes back over midnight.
//! * **Open files of before** (`YYYY.open.parquet`) are renamed when the data path is opened. Ledgers say which
//!   names they speak of; the first time, copies of open files count as unverified, go to the remotes under
//!   their names, and what lies there under the older ones is removed once they were verified.
//! * **A name that is seen need not be durable.** Opening a series syncs its folder before anything found there counts:
//!   the rename of a ledger could outlive that of a file, and the frames that would repeat either may be damaged.
//! * **A folder is made durable once by every process**, also where it exists: the process that made it may
//!   have died before it synced the name.
//! * **The store is tested against a model on a modelled disk** (`store/model_tests`) that keeps any part of
//!   what was not synced. Leaving out any one sync that guards rows or coverage, or swapping the steps of a
//!   fold, fails it; syncs whose loss it could not see were removed. The sync of an *empty* open file guards
//!   only readers, who would meet a broken file before recovery.
//! * **A reader checks what it gives before it gives any**: each file's digest and the ledger's word, then the
//!   rows; what is published meanwhile is checked again.
//! * **What is copied elsewhere is one state** (`store/snapshot.rs`): ledger and files are taken between two publishes, the
//!   files under second names, so that whatever is published meanwhile is simply not there yet.
//! * **Rows are counted as new when they are accepted where none could be held**, and the others when they are
//!   merged, so that the counter neither waits nor counts twice.

mod accept;
mod adopt;
pub mod book;
mod bounds;
mod checked;
mod chunks;
mod decoding;
mod error;
mod file;
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
mod page_header;
mod pages;
mod pair;
mod publish;
mod read;
pub mod reader;
mod recover;
mod rows;
mod scan;
mod series_folder;
mod set_aside;
mod settings;
mod shared;
mod snapshot;
mod thrift;
mod verify;
mod watch;
mod writer;

pub use accept::{Accepted, LiveRows};
pub use adopt::{Adoption, RowVerdict};
pub(crate) use bounds::rows_within;
pub(crate) use chunks::Chunks;
pub(crate) use decoding::decoded;
pub use decoding::report_only_uncaught_panics;
pub use error::StoreError;
pub(crate) use file::Hashed;
pub use file::{Footer, Opened, PeriodFile, open_period_file, sha256};
pub use inherit::{Inheritance, Merged};
pub use inventory::{HeldSeries, Unaccounted, holding, inventory, is_held};
#[cfg(any(test, fuzzing))]
pub(crate) use journal::fuzzed as fuzzed_journal;
pub use journal::{Mark, Watermarks};
pub use layout::{Layout, Period};
pub use ledger::{Copied, FileEntry, Ledger, NotRestored, Note, Restore, RestoreNeeded, Verified};
pub use listener::SOCKET;
pub use lock::DataLock;
pub use owner::Store;
pub(crate) use pages::RowGroup;
pub use publish::{Flushed, Incoming, Published};
pub use read::period_files;
pub use recover::{Finding, FindingKind, Replay};
pub(crate) use rows::{properties_of, schema_of, write_columns};
pub use scan::{Scan, scan};
pub use series_folder::Part;
pub use set_aside::{RowsAside, SetAsideRow, set_aside_rows};
pub use settings::{Bounds, SMALL_ROWS, StoreSettings};
pub use snapshot::{Links, Snapshot};
pub(crate) use thrift::check_footer;
#[cfg(test)]
pub(crate) use verify::verify_series_on;
pub use verify::{Fault, verify_series};
pub use watch::{Lost, Watch};
pub use writer::Writer;

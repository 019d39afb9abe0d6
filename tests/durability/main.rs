//! The guarantees of the store, whatever happens to the process, to the bytes on the disk and to readers:
//! processes killed at any moment and at any system call, files with a flipped bit, readers beside a writer.
//!
//! The short forms run with the other tests; `DCCD_SIEGE=1` makes them long. `DCCD_SEED` repeats a run.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and break files on purpose.

mod account;
mod dice;
mod feed;
mod flipped;
mod ingest;
mod killed;
#[path = "../needs/mod.rs"]
mod needs;
mod owners;
mod readers;
#[allow(dead_code, reason = "shared with the runs")]
#[path = "../runs/reported.rs"]
mod reported;
#[allow(dead_code, reason = "shared with the tests of the tracker")]
#[path = "../tracker/shim.rs"]
mod shim;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "it has more rooms than are used here")]
mod test_daemon;

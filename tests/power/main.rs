//! Power cuts, full disks, read-only file systems and I/O errors: what was durable stays, nothing is accepted
//! falsely, and what was lost is a gap.
//!
//! Tests that need mounts, loop devices or strace are listed as skipped if these are not available.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and cuts the power at random moments.

mod cuts;
mod daemon;
mod errors;
mod full;
mod ingest;
mod market;
mod mounts;
#[path = "../needs/mod.rs"]
mod needs;
#[path = "../runs/reported.rs"]
mod reported;
mod storage;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod test_daemon;

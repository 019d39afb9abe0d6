//! Power cuts, full disks, read-only file systems and I/O errors: what was durable stays, nothing is accepted
//! falsely, and what was lost is a gap.
//!
//! What needs mounts, loop devices or strace is listed as skipped where they cannot be had.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and cuts the power at random moments.

mod cuts;
mod daemon;
mod errors;
mod full;
#[path = "../runs/house.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod house;
mod ingest;
mod market;
mod mounts;
#[path = "../needs/mod.rs"]
mod needs;
mod storage;
#[path = "../runs/told.rs"]
mod told;

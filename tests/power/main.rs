//! Power cuts, full disks, read-only file systems and I/O errors: what was durable stays, nothing is accepted
//! falsely, and what was lost is a gap.
//!
//! What needs mounts, loop devices or strace says so and is left out where they cannot be had.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and cuts the power at random moments.

mod cuts;
mod daemon;
mod errors;
#[path = "../runs/house.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod house;
mod ingest;
mod market;
mod mounts;
mod storage;
#[path = "../runs/told.rs"]
mod told;

/// Whether the long forms run.
fn is_siege() -> bool {
    std::env::var("DCCD_SIEGE").is_ok_and(|value| value == "1")
}

/// Says that a test takes a minute of waiting and is left to `make siege`.
fn is_left_out() -> bool {
    if !is_siege() {
        println!("skipped: it waits for minutes; `make siege` runs it");
    }
    !is_siege()
}

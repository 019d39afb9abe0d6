//! The monitor page in a browser: Debian's Chromium, driven by playwright, on a daemon in front of the simulated exchange.
//!
//! The steps of a visitor are written in Python, one file per test; the rig starts the daemon, hands the script the
//! address, and does what a script asks for, such as making the exchange fail. With `DCCD_PICTURES=1` the views are
//! photographed into `docs/pictures`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and break files on purpose.
#![allow(clippy::disallowed_types, reason = "a test may read any JSON as a tree")]

mod acts;
#[path = "../needs/mod.rs"]
mod needs;
#[path = "../runs/program.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod program;
#[path = "../runs/reported.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod reported;
mod rig;
mod same;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod test_daemon;
mod views;

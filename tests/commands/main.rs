//! Every command as a shell meets it: what it says and how it ends when something is not as it should be.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

mod followed;
mod held;
mod home;
mod hostile;
mod hostile_configs;
#[path = "../power/mounts.rs"]
#[allow(dead_code, reason = "shared with the tests of power")]
mod mounts;
mod names;
#[path = "../needs/mod.rs"]
mod needs;
mod older;
mod paused;
#[path = "../runs/program.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod program;
#[path = "../runs/reported.rs"]
mod reported;
mod shown;
mod stopped;
mod table;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of runs")]
mod test_daemon;

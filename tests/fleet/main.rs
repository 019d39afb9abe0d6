//! A fleet: real daemons on one PostgreSQL and one bucket, killed, frozen and brought back.
//!
//! PostgreSQL is started by the tests themselves; where it cannot be, they are listed as skipped.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own configuration.

mod alone;
#[path = "../remotes/bucket.rs"]
#[allow(dead_code, reason = "shared with the tests of remotes")]
mod bucket;
mod frozen;
mod killed;
mod live;
#[path = "../needs/mod.rs"]
mod needs;
#[path = "../tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests of the tracker")]
mod postgres;
mod world;

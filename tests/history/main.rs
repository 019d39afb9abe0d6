//! The history of metrics on both of its stores: the cases of its rollups, restarts, outages and retention.
//!
//! PostgreSQL is started by the tests themselves; where it cannot be, they are listed as skipped. `DCCD_SIEGE=1` makes the
//! retention of 90 days go minute by minute.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

mod cases;
mod kept;
#[path = "../needs/mod.rs"]
mod needs;
mod outage;
#[path = "../tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests of the tracker")]
mod postgres;
mod retention;
mod world;

//! The tracker on both of its stores: one suite of cases, and workers that are killed at any moment.
//!
//! PostgreSQL is started by the tests themselves; where it cannot be, they are listed as skipped.
//! `DCCD_SIEGE=1` makes the storms long, `DCCD_SEED` repeats one.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

mod cases;
mod counted;
mod crashes;
#[path = "../durability/dice.rs"]
#[allow(dead_code, reason = "shared with the tests of the store")]
mod dice;
mod due;
mod guard;
mod kept;
mod model;
#[path = "../needs/mod.rs"]
mod needs;
mod owners;
#[allow(dead_code, reason = "shared with the tests of runs")]
mod pooler;
#[allow(dead_code, reason = "shared with the tests of runs")]
mod postgres;
mod process;
mod shim;
mod statements;
mod storm;
mod windows;
mod world;

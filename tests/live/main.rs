//! Live series from end to end: the simulated exchanges' sockets on one side, the files and the ledger on the other.
//!
//! The short forms run with the other tests; `DCCD_SIEGE=1` makes them long. `DCCD_SEED` repeats a run,
//! `DCCD_EXCHANGE` proves one exchange alone.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

#[path = "../durability/dice.rs"]
#[allow(dead_code, reason = "shared with the tests of durability")]
mod dice;

mod book_audits;
mod books;
mod contracts;
mod hourly;
mod kills;
mod lifetimes;
mod long_run;
mod one_day;
mod outages;
#[path = "../runs/program.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod program;
mod quiet;
mod rebuilt;
mod refused;
mod reload;
#[path = "../runs/reported.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod reported;
mod rig;
mod shut;
mod side_by_side;
mod streams;
mod tapped;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod test_daemon;
mod twice;

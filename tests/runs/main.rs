//! The main job from end to end: the simulated exchange on one side, the files, the ledger, health, metrics
//! and the program itself on the other.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and break files on purpose.

mod api;
mod backfill;
mod binancecoinm;
mod bitfinex;
mod bitmex;
mod books;
mod both_stores;
mod bybit;
mod coinbase;
mod command_line;
mod computed;
mod daemon;
mod damaged;
mod empties;
mod every;
mod every_exchange;
mod faults;
mod faulty;
mod first_row;
mod health;
mod history;
mod jobs;
mod killed;
mod kraken;
mod krakenfutures;
mod limits;
mod listing;
mod live_tasks;
#[path = "../needs/mod.rs"]
mod needs;
mod odd_rows;
mod okx;
mod online;
mod outages;
mod owners;
mod pairs;
#[path = "../tracker/pooler.rs"]
mod pooler;
#[path = "../tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests of the tracker")]
mod postgres;
mod program;
mod read;
mod refusals;
mod reload;
mod repair;
mod reported;
mod rollover;
mod scheduler;
mod set_aside;
#[path = "../tracker/shim.rs"]
mod shim;
mod test_daemon;
mod top;
mod tracked;
mod trades;
mod usdm;
mod windows;
mod workers;

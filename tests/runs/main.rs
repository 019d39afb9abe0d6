//! The main job from end to end: the simulated exchange on one side, the files, the ledger, health, metrics
//! and the program itself on the other.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and break files on purpose.

mod backfill;
mod bitfinex;
mod bitmex;
mod books;
mod bybit;
mod coinbase;
mod command_line;
mod daemon;
mod every;
mod every_exchange;
mod faults;
mod faulty;
mod health;
mod house;
mod killed;
mod kraken;
mod krakenfutures;
mod listing;
mod okx;
mod online;
mod program;
mod refusals;
mod reload;
mod repair;
mod rollover;
mod scheduler;
mod told;
mod trades;
mod usdm;

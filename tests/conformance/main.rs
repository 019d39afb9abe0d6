//! The contract of every exchange in the registry: its offers, its requests, the answers it once really gave,
//! and every way an answer can be broken.
//!
//! An exchange brings one module here with what only it can know ([`knowledge::Knowledge`]) and payloads
//! under `tests/fixtures/<exchange>/`; the checks themselves name none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod binance;
mod binancecoinm;
mod bitfinex;
mod bitmex;
mod bodies;
mod book_levels;
mod books;
mod bybit;
mod coinbase;
mod columns;
mod contracts;
mod expected;
mod full_pages;
mod knowledge;
mod kraken;
mod krakenfutures;
mod listings;
mod live;
mod mutated;
#[path = "../needs/mod.rs"]
mod needs;
mod odd_rows;
mod offers;
mod okx;
mod paging;
mod payloads;
mod read;
mod recordings;
mod symbols;

use knowledge::Knowledge;

/// The knowledge of each exchange; one entry for each of [`dccd::exchange::ALL`].
const KNOWN: [&Knowledge; 9] = [
    &binance::KNOWLEDGE,
    &binancecoinm::KNOWLEDGE,
    &kraken::KNOWLEDGE,
    &krakenfutures::KNOWLEDGE,
    &coinbase::KNOWLEDGE,
    &bybit::KNOWLEDGE,
    &okx::KNOWLEDGE,
    &bitfinex::KNOWLEDGE,
    &bitmex::KNOWLEDGE,
];

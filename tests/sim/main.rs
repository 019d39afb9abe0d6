//! The simulated exchange over its socket: what it answers, and how it misbehaves when told to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod driven;
mod driven_books;
mod faults;
mod http;
mod klines;
mod limits;
mod market;
mod socket;
mod socket_faults;
mod socket_words;
mod socket_words_bitfinex;
mod socket_words_bitmex;
mod socket_words_bybit;
mod socket_words_krakenfutures;
mod socket_words_okx;
mod streams;
mod trades;
mod untruths;
mod venues;

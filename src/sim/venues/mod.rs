//! The simulated exchanges, one file or folder each.

pub(in crate::sim) mod binance;
pub(in crate::sim) mod bitfinex;
pub(in crate::sim) mod bitmex;
pub(in crate::sim) mod bybit;
pub(in crate::sim) mod coinbase;
pub(in crate::sim) mod kraken;
pub(in crate::sim) mod krakenfutures;
pub(in crate::sim) mod okx;

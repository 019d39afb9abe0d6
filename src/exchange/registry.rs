//! Every exchange there is, by name.

use crate::exchange::{Exchange, binance, bitfinex, bitmex, bybit, coinbase, kraken, krakenfutures, okx};

/// Every exchange, in the order tables show them.
pub static ALL: [&dyn Exchange; 9] = [
    &binance::Binance,
    &binance::BinanceCoinM,
    &kraken::Kraken,
    &krakenfutures::KrakenFutures,
    &coinbase::Coinbase,
    &bybit::Bybit,
    &okx::Okx,
    &bitfinex::Bitfinex,
    &bitmex::Bitmex,
];

/// The exchange of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Exchange> {
    ALL.into_iter().find(|exchange| exchange.name() == name)
}

/// The names of every exchange.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|exchange| exchange.name()).collect()
}

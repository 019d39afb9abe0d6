//! Every exchange there is, by name.

use std::sync::{PoisonError, RwLock};

use crate::exchange::{Exchange, binance, bitfinex, bitmex, bybit, coinbase, kraken, krakenfutures, okx};

/// Every exchange of this crate, in the order tables show them.
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

/// Those of a program that uses this crate.
static ADDED: RwLock<Vec<&'static dyn Exchange>> = RwLock::new(Vec::new());

/// Adds an exchange of your own to those that configurations may name; add it before one is read. Returns whether it
/// was added: each name has one exchange.
pub fn add(exchange: &'static dyn Exchange) -> bool {
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    let is_free = !ALL.iter().chain(added.iter()).any(|known| known.name() == exchange.name());
    if is_free {
        added.push(exchange);
    }
    is_free
}

/// The exchange of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Exchange> {
    let of_name = |exchange: &&'static dyn Exchange| exchange.name() == name;
    ALL.into_iter()
        .find(of_name)
        .or_else(|| ADDED.read().unwrap_or_else(PoisonError::into_inner).iter().copied().find(of_name))
}

/// The names of every exchange.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    ALL.iter().chain(added.iter()).map(|exchange| exchange.name()).collect()
}

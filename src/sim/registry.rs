//! Every simulated exchange, and which of them a path is meant for.
//!
//! Each exchange answers below its own name, as in `/okx/api/v5/public/time`; Binance at the root too.

use crate::sim::venue::Venue;
use crate::sim::venues::{binance, bitfinex, bitmex, bybit, coinbase, kraken, krakenfutures, okx};

/// Every exchange; the first answers at the root too.
pub(super) static VENUES: [&dyn Venue; 9] = [
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

/// The names of all that are simulated, in order.
#[must_use]
pub fn names() -> Vec<&'static str> {
    VENUES.iter().map(|venue| venue.name()).collect()
}

/// Whether an exchange has sockets too.
#[must_use]
pub fn has_sockets(name: &str) -> bool {
    VENUES.iter().any(|venue| venue.name() == name && venue.has_sockets())
}

/// The exchange a path is meant for, and the path as that exchange knows it.
pub(super) fn route(path: &str) -> (&'static dyn Venue, &str) {
    let below = |venue: &&'static dyn Venue| match path.strip_prefix('/')?.strip_prefix(venue.name())? {
        "" => Some((*venue, "/")),
        rest => rest.starts_with('/').then_some((*venue, rest)),
    };
    VENUES.iter().find_map(below).unwrap_or((VENUES[0], path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exchange_answers_below_its_name_and_the_first_at_the_root() {
        for venue in VENUES {
            let path = format!("/{}/a/b", venue.name());
            let (found, rest) = route(&path);
            assert_eq!((found.name(), rest), (venue.name(), "/a/b"));
            let (found, rest) = route(&path[..path.len() - 4]);
            assert_eq!((found.name(), rest), (venue.name(), "/"));
        }
        assert_eq!(route("/api/v3/time").1, "/api/v3/time");
        assert_eq!(route("/binances/x"), route_of_root("/binances/x"));
    }

    fn route_of_root(path: &str) -> (&'static dyn Venue, &str) {
        (VENUES[0], path)
    }

    impl PartialEq for dyn Venue {
        fn eq(&self, other: &Self) -> bool {
            self.name() == other.name()
        }
    }

    impl std::fmt::Debug for dyn Venue {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.name())
        }
    }
}

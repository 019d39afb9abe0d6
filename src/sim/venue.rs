//! What an exchange is to the desk: its paths, its weights, its answers and its errors. One file each.
//!
//! Each exchange answers below its own name, as in `/okx/api/v5/public/time`; Binance at the root too.

use std::collections::HashMap;

use super::fault::{Endpoint, Fault};
use super::knobs::Knobs;
use super::market::{Market, SimCandle};
use super::query::{BadRequest, Query};
use super::{binance, binance_coinm, bitfinex, bitmex, bybit, coinbase, kraken, krakenfutures, okx, rows};
use crate::model::{Grid, Micros};

/// One exchange, server side.
pub(super) trait Venue: Sync {
    /// Its name, the first part of its paths.
    fn name(&self) -> &'static str;

    /// Which operation a path names, its own part of it alone.
    fn endpoint(&self, path: &str) -> Endpoint;

    /// What a request weighs.
    fn weight(&self, endpoint: Endpoint, query: Query<'_>) -> u32;

    /// The body of the right answer.
    ///
    /// # Errors
    /// As the exchange would refuse it.
    fn answer(&self, endpoint: Endpoint, asked: &Asked<'_>) -> Result<Vec<u8>, BadRequest>;

    /// How it tells an error, in its own status, codes and words.
    fn error(&self, status: u16, error: &BadRequest) -> (u16, String);

    /// What its headers say of the weight used, by name.
    fn usage(&self, _used: u32, _knobs: &Knobs) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Every exchange; the first answers at the root too.
pub(super) static VENUES: [&dyn Venue; 9] = [
    &binance::Binance,
    &binance_coinm::BinanceCoinM,
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

/// The exchange a path is meant for, and the path as that exchange knows it.
pub(super) fn route(path: &str) -> (&'static dyn Venue, &str) {
    let below = |venue: &&'static dyn Venue| {
        let rest = path.strip_prefix('/')?.strip_prefix(venue.name())?;
        rest.starts_with('/').then_some((*venue, rest))
    };
    VENUES.iter().find_map(below).unwrap_or((VENUES[0], path))
}

/// What exists at one moment: the knobs and the markets they make.
#[derive(Debug)]
pub(super) struct World {
    pub(super) knobs: Knobs,
    markets: HashMap<String, Market>,
}

impl World {
    pub(super) fn new(knobs: Knobs) -> Self {
        let markets = knobs.symbols.iter().map(|symbol| (symbol.clone(), knobs.market(symbol))).collect();
        World { knobs, markets }
    }

    /// The market of a symbol as the knobs write it: both assets in capitals, nothing between them.
    pub(super) fn market(&self, symbol: &str) -> Option<&Market> {
        self.markets.get(symbol)
    }
}

/// One request as it is answered.
pub(super) struct Asked<'a> {
    pub(super) world: &'a World,
    /// The path as the exchange knows it.
    pub(super) path: &'a str,
    pub(super) query: Query<'a>,
    /// The time at the exchange.
    pub(super) now: Micros,
    /// What is wrong with the answer, where that concerns its rows.
    pub(super) fault: Option<Fault>,
    /// The request's number, from which that is drawn.
    pub(super) number: u64,
}

impl Asked<'_> {
    pub(super) fn told_ms(&self) -> i64 {
        self.now.millis_floor().saturating_add(self.world.knobs.skew_ms)
    }

    /// The market of a symbol as the knobs write it.
    pub(super) fn market(&self, symbol: &str) -> Result<&Market, BadRequest> {
        self.world.market(symbol).ok_or_else(|| BadRequest::new(-1121, "Invalid symbol."))
    }

    /// The most rows it gives: what was asked for, held to its own limit and to the knob.
    pub(super) fn rows_wanted(&self, name: &str, usual: usize, most: usize) -> Result<usize, BadRequest> {
        self.query.limit(name, usual, most.min(self.world.knobs.page_limit.max(1)))
    }

    /// A candle as it looks now.
    pub(super) fn candle(&self, market: &Market, grid: Grid, open: Micros) -> SimCandle {
        let spans = 1 + i64::from(self.world.knobs.revise_spans);
        if self.now < grid.step(open, spans) {
            market.provisional(grid, open)
        } else {
            market.candle(grid, open)
        }
    }

    /// An array of rows given by their keys, in the state the fault wants.
    pub(super) fn page(
        &self,
        mut keys: Vec<i64>,
        mut row: impl FnMut(&mut Vec<u8>, i64, Option<rows::Bend>),
    ) -> Vec<u8> {
        rows::disarrange(&mut keys, self.fault, self.number);
        let one_in = self.world.knobs.odd_one_in;
        rows::page(&keys, rows::bend_of(self.fault, self.number), self.number, |out, key, bend| {
            let odd = rows::is_odd(key, one_in).then_some(rows::Bend::Contradiction);
            row(out, key, odd.or(bend));
        })
    }
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

//! The settings of a simulated exchange, changeable while it runs.

use std::time::Duration;

use super::bend::is_odd;
use super::book::LEVELS;
use super::clock::Clock;
use super::market::{Listing, Market};
use super::rule::Rule;
use super::tape::Surge;
use super::ws::WsRule;
use crate::model::{Micros, Window, Windows};

/// All settings.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The symbols it lists; others are refused.
    pub symbols: Vec<String>,
    /// When trading began.
    pub listed_from: Micros,
    /// Trades per hour.
    pub trades_per_hour: u64,
    /// The most consecutive trades that may share a millisecond.
    pub cluster: u64,
    /// Periods without data. Trade ids are contiguous across a hole, so changing this renumbers later trades.
    pub holes: Windows,
    /// A closed candle stays provisional for this many further spans; a running one always is.
    pub revise_spans: u32,
    /// One row in so many is impossible, always the same ones; 0 for none.
    pub odd_one_in: u64,
    /// The most rows of candles or trades per page, in addition to the exchange's own limit of 1000.
    pub page_limit: usize,
    /// The weight allowed per `weight_window`, announced as the limit per minute.
    pub weight_limit: u32,
    /// The window over which weights add up; a minute unless a test is in a hurry.
    pub weight_window: Duration,
    /// The number of rate-limit refusals in one window that lead to a ban.
    pub ban_after: u32,
    /// How long a ban lasts.
    pub ban: Duration,
    /// The delay of every answer.
    pub latency: Duration,
    /// The seed of random faults; data does not depend on it.
    pub seed: u64,
    /// The fault rules; the first one that matches applies.
    pub faults: Vec<Rule>,
    /// How an answer with status 429 or 418 states when to retry.
    pub retry_after: RetryAfter,
    /// The size of a huge body, and of an unpacked bomb.
    pub huge_bytes: u64,
    /// The pause between pieces of a slow body.
    pub drip: Duration,
    /// The most levels of a side of a book.
    pub book_levels: usize,
    /// How far the instants of a book's updates may jump back, in milliseconds, where they stand on their own.
    pub book_back_ms: u32,
    /// Symbols whose books have a wrong checksum at each update, where checksums are sent.
    pub bad_sums: Vec<String>,
    /// Trades a second beside the usual ones, and since when; over REST they are the same.
    pub ws_rate: u64,
    pub ws_rate_from: Micros,
    /// Times, in their order, of another rate.
    pub ws_rushes: Vec<(Window, u64)>,
    /// The symbols that trade at those rates; none for all.
    pub ws_rate_of: Vec<String>,
    /// How long a connection lasts, and how long before its end the exchange tells it.
    pub ws_lifetime: Option<Duration>,
    pub ws_notice: Duration,
    /// When every connection that was open ended at once.
    pub ws_dropped: Option<Micros>,
    /// How long the fault `burst` keeps everything back.
    pub ws_burst: Duration,
    /// The faults of sockets.
    pub ws_faults: Vec<WsRule>,
    /// The time at the exchange, which decides which data exists.
    pub clock: Clock,
    /// How far the time it states (in its clock endpoint and the Date header) is ahead of that, in
    /// milliseconds.
    pub skew_ms: i64,
}

/// How an answer states when to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Not at all.
    Missing,
    /// As a number of seconds.
    Seconds(u64),
    /// As the date that is this many seconds ahead.
    Date(u64),
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            symbols: vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()],
            // 2017-08-17 04:00 UTC, when BTCUSDT really was listed.
            listed_from: Micros::from_secs(1_502_942_400),
            trades_per_hour: 3_600,
            cluster: 8,
            holes: Windows::new(),
            revise_spans: 0,
            odd_one_in: 0,
            page_limit: 1_000,
            weight_limit: 6_000,
            weight_window: Duration::from_secs(60),
            ban_after: 10,
            ban: Duration::from_secs(120),
            latency: Duration::ZERO,
            seed: 0,
            faults: Vec::new(),
            retry_after: RetryAfter::Seconds(5),
            huge_bytes: 256 << 20,
            drip: Duration::from_secs(1),
            book_levels: LEVELS,
            book_back_ms: 0,
            bad_sums: Vec::new(),
            ws_rate: 0,
            ws_rate_from: Micros(0),
            ws_rushes: Vec::new(),
            ws_rate_of: Vec::new(),
            ws_lifetime: None,
            ws_dropped: None,
            ws_notice: Duration::from_secs(10),
            ws_burst: Duration::from_secs(3),
            ws_faults: Vec::new(),
            clock: Clock::real(),
            skew_ms: 0,
        }
    }
}

impl Knobs {
    /// The market of a symbol with these settings: the oracle for stored rows.
    #[must_use]
    pub fn market(&self, symbol: &str) -> Market {
        let is_busy = self.ws_rate_of.is_empty() || self.ws_rate_of.iter().any(|own| own == symbol);
        let listing = Listing {
            from: self.listed_from,
            trades_per_hour: self.trades_per_hour,
            cluster: self.cluster,
            holes: self.holes.clone(),
            surges: if is_busy { self.surges() } else { Vec::new() },
        };
        Market::new(symbol, listing).with_book_levels(self.book_levels)
    }

    fn surges(&self) -> Vec<Surge> {
        let at = |from, each_second: u64| Surge {
            from,
            trades_per_hour: self.trades_per_hour.saturating_add(each_second.saturating_mul(3_600)),
        };
        let mut surges = Vec::new();
        if self.ws_rate > 0 {
            surges.push(at(self.ws_rate_from, self.ws_rate));
        }
        for (window, rate) in &self.ws_rushes {
            surges.extend([at(window.from, *rate), at(window.until, self.ws_rate)]);
        }
        surges
    }

    /// Whether the candle with this open, in microseconds, or the trade with this id is an impossible one.
    #[must_use]
    pub fn is_odd(&self, key: i64) -> bool {
        is_odd(key, self.odd_one_in)
    }

    /// The time it states.
    #[must_use]
    pub fn told_now(&self) -> Micros {
        Micros(self.clock.now().0.saturating_add(self.skew_ms.saturating_mul(1_000)))
    }
}

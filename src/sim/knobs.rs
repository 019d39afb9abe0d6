//! The settings of a simulated exchange, which can be changed while it runs.

use std::time::Duration;

use super::bend::is_odd;
use super::clock::Clock;
use super::market::{Listing, Market};
use super::rule::Rule;
use super::tape::Surge;
use super::ws::WsRule;
use crate::model::{Micros, Windows};

/// Everything that can be turned.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The symbols it lists; any other is refused.
    pub symbols: Vec<String>,
    /// Since when they trade.
    pub listed_from: Micros,
    /// Trades in an hour.
    pub trades_per_hour: u64,
    /// How many neighbouring trades may share one millisecond.
    pub cluster: u64,
    /// When no data exists. Trade ids are contiguous across a hole, so turning this renumbers later trades.
    pub holes: Windows,
    /// A closed candle stays provisional until this many further spans have passed; a running one always is.
    pub revise_spans: u32,
    /// One row in so many cannot be true, and is the same whenever it is asked for; 0 where all can.
    pub odd_one_in: u64,
    /// The most rows of candles or trades a page holds; the exchange's own limit of 1000 holds besides.
    pub page_limit: usize,
    /// The weight it takes in one `weight_window`, announced as its limit a minute.
    pub weight_limit: u32,
    /// How long weights add up; a minute unless a test is in a hurry.
    pub weight_window: Duration,
    /// How many refusals for weight in one window bring a ban.
    pub ban_after: u32,
    /// How long a ban lasts.
    pub ban: Duration,
    /// How long every answer takes.
    pub latency: Duration,
    /// The seed of random faults; the data do not depend on it.
    pub seed: u64,
    /// The faults and when they strike; the first rule that matches wins.
    pub faults: Vec<Rule>,
    /// How a fault with status 429 or 418 says when to come back.
    pub retry_after: RetryAfter,
    /// How large a huge body is, and an unpacked bomb.
    pub huge_bytes: u64,
    /// How long a slow body takes for its next bytes.
    pub drip: Duration,
    /// Trades a second of each symbol beside the usual ones, since `ws_rate_from`; over REST they are the same.
    pub ws_rate: u64,
    /// Since when; turning either renumbers the trades after it.
    pub ws_rate_from: Micros,
    /// How long a WebSocket connection lasts; without an end when none.
    pub ws_lifetime: Option<Duration>,
    /// How long before its end a connection is told of it, where the exchange does so.
    pub ws_notice: Duration,
    /// How long a burst is held back.
    pub ws_burst: Duration,
    /// The faults of sockets and when they strike; the first rule that matches wins.
    pub ws_faults: Vec<WsRule>,
    /// The time at the exchange, which decides what exists.
    pub clock: Clock,
    /// How far the time it tells (its clock's answer, the Date header) is ahead of that, in milliseconds.
    pub skew_ms: i64,
}

/// How an answer says when to come back.
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
            // 2017-08-17 04:00 UTC, as BTCUSDT really was.
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
            ws_rate: 0,
            ws_rate_from: Micros(0),
            ws_lifetime: None,
            ws_notice: Duration::from_secs(10),
            ws_burst: Duration::from_secs(3),
            ws_faults: Vec::new(),
            clock: Clock::real(),
            skew_ms: 0,
        }
    }
}

impl Knobs {
    /// The market of a symbol under these knobs: the oracle to check stored rows against.
    #[must_use]
    pub fn market(&self, symbol: &str) -> Market {
        let listing = Listing {
            from: self.listed_from,
            trades_per_hour: self.trades_per_hour,
            cluster: self.cluster,
            holes: self.holes.clone(),
            surge: (self.ws_rate > 0).then(|| Surge {
                from: self.ws_rate_from,
                trades_per_hour: self.trades_per_hour.saturating_add(self.ws_rate.saturating_mul(3_600)),
            }),
        };
        Market::new(symbol, listing)
    }

    /// Whether the candle of an open, in microseconds, or the trade of an id is one of those that cannot be true.
    #[must_use]
    pub fn is_odd(&self, key: i64) -> bool {
        is_odd(key, self.odd_one_in)
    }

    /// The time it tells.
    #[must_use]
    pub fn told_now(&self) -> Micros {
        Micros(self.clock.now().0.saturating_add(self.skew_ms.saturating_mul(1_000)))
    }
}

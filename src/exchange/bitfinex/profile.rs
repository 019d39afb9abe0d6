//! What Bitfinex offers, as data.

use std::time::Duration;

use crate::exchange::{History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::Kind;

/// On which day weeks and fortnights open is documented nowhere.
pub(super) const SPANS: [SpanOffer; 12] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(10_800, "3h"),
    SpanOffer::usual(21_600, "6h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1D"),
    SpanOffer::adrift(604_800, "1W"),
    SpanOffer::adrift(1_209_600, "14D"),
    SpanOffer::usual(2_592_000, "1M"),
];

pub(super) const CANDLES: usize = 0;

pub(super) const TRADES: usize = 1;

pub(super) const BOOKS: usize = 2;

pub(super) const CONFIGS: usize = 3;

/// Each endpoint has its own limit a minute.
const QUOTAS: [Quota; 4] = [per_minute(30), per_minute(15), per_minute(240), per_minute(90)];

const fn per_minute(weight: u32) -> Quota {
    Quota { weight, per: Duration::from_secs(60) }
}

pub(super) const OFFERS: [Offer; 3] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        page_rows: 10_000,
        probe: Probe::ByTime,
        budget: CANDLES,
        grace: Duration::from_secs(10),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        page_rows: 10_000,
        probe: Probe::ByTime,
        // Requests are scarce and pages large.
        walk: Duration::from_secs(7 * 86_400),
        budget: TRADES,
        grace: Duration::from_secs(10),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        page_rows: 100,
        history: History::Now,
        depths: &[(1, 1), (25, 1), (100, 1)],
        budget: BOOKS,
        recorded: true,
        ..Offer::USUAL
    },
];

pub(super) const PROFILE: Profile = Profile {
    name: "bitfinex",
    rest_url: "https://api-pub.bitfinex.com",
    recordings: &["bitfinex"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

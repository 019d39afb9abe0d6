//! The profile of Bitfinex: spans, budgets and offers, as data.

use std::time::Duration;

use super::budget;
use crate::exchange::{History, Offer, Probe, Profile, SpanOffer};
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
    SpanOffer::unanchored(604_800, "1W"),
    SpanOffer::unanchored(1_209_600, "14D"),
    SpanOffer::usual(2_592_000, "1M"),
];

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    page_rows: 10_000,
    probe: Probe::ByTime,
    budget: budget::CANDLES,
    grace: Duration::from_secs(10),
    recorded: true,
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    page_rows: 10_000,
    probe: Probe::ByTime,
    // Requests are scarce and pages large.
    walk: Duration::from_secs(7 * 86_400),
    budget: budget::TRADES,
    grace: Duration::from_secs(10),
    recorded: true,
    ..Offer::USUAL
};

pub(super) const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    page_rows: 100,
    history: History::Now,
    depths: &[(1, 1), (25, 1), (100, 1)],
    budget: budget::BOOKS,
    recorded: true,
    ..Offer::USUAL
};

pub(super) const PROFILE: Profile = Profile {
    name: "bitfinex",
    rest_url: "https://api-pub.bitfinex.com",
    recordings: &["bitfinex"],
    offers: &[CANDLES, TRADES, BOOK],
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &budget::QUOTAS,
    geo_block_advice: None,
};

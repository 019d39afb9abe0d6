//! The profile of Coinbase Exchange: spans, budgets and offers, as data.

use std::time::Duration;

use crate::exchange::{Bounds, Budget, Direction, History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::Kind;

/// The word of a span is its length in seconds.
pub(super) const SPANS: [SpanOffer; 6] = [
    SpanOffer::usual(60, "60"),
    SpanOffer::usual(300, "300"),
    SpanOffer::usual(900, "900"),
    SpanOffer::usual(3_600, "3600"),
    SpanOffer::usual(21_600, "21600"),
    SpanOffer::usual(86_400, "86400"),
];

/// Ten requests a second and address.
const QUOTA: Quota = Quota::per_secs(10, 1);

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    // Bounds further apart than this many candles are refused, not cut.
    page_rows: 300,
    direction: Direction::NewestFirst,
    bounds: Bounds::Page,
    probe: Probe::FirstTrade,
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    bounds: Bounds::ById,
    ids_are_contiguous: true,
    probe: Probe::ById,
    // Each walk searches for where it begins.
    walk: Duration::from_secs(30 * 86_400),
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    // Level 1 is the best of each side; level 2 was the best 50 once and is the whole book today.
    page_rows: 1_000,
    history: History::Now,
    depths: &[(1, 1), (1_000, 1)],
    recorded: true,
    ..Offer::USUAL
};

pub(super) const PROFILE: Profile = Profile {
    name: "coinbase",
    rest_url: "https://api.exchange.coinbase.com",
    recordings: &["coinbase_exchange"],
    offers: &[CANDLES, TRADES, BOOK],
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
    geo_block_advice: None,
};

//! The profile of Kraken's spot markets: spans, budgets and offers, as data.

use std::time::Duration;

use crate::exchange::{Bounds, Budget, History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::Kind;

/// Spans and their minutes. Every length counts from the epoch, the week too: it opens on a Thursday.
pub(super) const SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(60, "1"),
    SpanOffer::usual(300, "5"),
    SpanOffer::usual(900, "15"),
    SpanOffer::usual(1_800, "30"),
    SpanOffer::usual(3_600, "60"),
    SpanOffer::usual(14_400, "240"),
    SpanOffer::usual(86_400, "1440"),
    SpanOffer { secs: 604_800, word: "10080", anchor_secs: Some(0), is_unanchored: false },
    SpanOffer::usual(1_296_000, "21600"),
];

/// Public calls may come once a second from an address; a faster client is restricted for some seconds.
const QUOTA: Quota = Quota::per_secs(1, 1);

/// Candles it answers with at most, the running one besides.
const PAGE_CANDLES: u32 = 720;

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    page_rows: PAGE_CANDLES,
    bounds: Bounds::Near,
    history: History::Rows(PAGE_CANDLES),
    derived_from: Some(Kind::Trades),
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    bounds: Bounds::Near,
    probe: Probe::ByTime,
    // One request a second makes walks side by side no faster, and each begins with a page of its own.
    walk: Duration::from_secs(7 * 86_400),
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    page_rows: 500,
    history: History::Now,
    depths: &[(500, 1)],
    recorded: true,
    ..Offer::USUAL
};

pub(super) const PROFILE: Profile = Profile {
    name: "kraken",
    rest_url: "https://api.kraken.com",
    recordings: &["kraken"],
    offers: &[CANDLES, TRADES, BOOK],
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
    geo_block_advice: None,
};

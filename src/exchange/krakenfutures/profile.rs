//! The profile of Kraken Futures: spans, budgets and offers, as data.

use std::time::Duration;

use crate::exchange::{Bounds, Budget, Direction, History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::{Kind, Market};

pub(super) const SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1d"),
    SpanOffer::usual(604_800, "1w"),
];

pub(super) const MARKETS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

/// 500 points in 10 seconds. What public calls cost is not documented; each is taken for an ordinary call.
const QUOTA: Quota = Quota::per_secs(500, 10);

pub(super) const CALL: u32 = 10;

/// The levels of each side kept at most: a book is answered whole.
const LEVELS: u32 = 1_000;

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    markets: MARKETS,
    spans: &SPANS,
    page_rows: 2_000,
    // Which end of a longer window it answers is not documented.
    bounds: Bounds::Page,
    probe: Probe::Longest,
    weight: CALL,
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    markets: MARKETS,
    page_rows: 100,
    direction: Direction::NewestFirst,
    bounds: Bounds::Near,
    // Seven days, less what passes between a plan and its last page; fewer after a restart of its engine.
    history: History::For(Duration::from_secs(7 * 86_400 - 3_600)),
    is_forgetful: true,
    walk: Duration::from_secs(6 * 3_600),
    weight: CALL,
    grace: Duration::from_secs(5),
    recorded: true,
    ..Offer::USUAL
};

const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    markets: MARKETS,
    page_rows: LEVELS,
    history: History::Now,
    depths: &[(LEVELS, CALL)],
    weight: CALL,
    recorded: true,
    ..Offer::USUAL
};

const FUNDING_RATES: Offer = Offer {
    kind: Kind::Funding,
    markets: &[Market::Perp],
    // A year of hours and some; it is never full.
    page_rows: 10_000,
    bounds: Bounds::Unbounded,
    history: History::For(Duration::from_secs(364 * 86_400)),
    weight: CALL,
    grace: Duration::from_secs(60),
    ..Offer::USUAL
};

pub(super) const PROFILE: Profile = Profile {
    name: "krakenfutures",
    rest_url: "https://futures.kraken.com",
    recordings: &["kraken_futures"],
    offers: &[CANDLES, TRADES, BOOK, FUNDING_RATES],
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
    geo_block_advice: None,
};

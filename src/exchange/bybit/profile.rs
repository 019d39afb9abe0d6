//! The profile of Bybit: spans, budgets and offers, as data.

use std::time::Duration;

use crate::exchange::{Bounds, Budget, Direction, History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::{Kind, Market};

/// Minutes as numbers, then letters. Weeks open on Monday.
pub(super) const SPANS: [SpanOffer; 13] = [
    SpanOffer::usual(60, "1"),
    SpanOffer::usual(180, "3"),
    SpanOffer::usual(300, "5"),
    SpanOffer::usual(900, "15"),
    SpanOffer::usual(1_800, "30"),
    SpanOffer::usual(3_600, "60"),
    SpanOffer::usual(7_200, "120"),
    SpanOffer::usual(14_400, "240"),
    SpanOffer::usual(21_600, "360"),
    SpanOffer::usual(43_200, "720"),
    SpanOffer::usual(86_400, "D"),
    SpanOffer::usual(604_800, "W"),
    SpanOffer::usual(2_592_000, "M"),
];

pub(super) const INTEREST_SPANS: [SpanOffer; 6] = [
    SpanOffer::usual(300, "5min"),
    SpanOffer::usual(900, "15min"),
    SpanOffer::usual(1_800, "30min"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(86_400, "1d"),
];

/// Six hundred requests in five seconds and address.
const QUOTA: Quota = Quota::per_secs(600, 5);

pub(super) const DERIVED: [Market; 3] = [Market::Perp, Market::Quarter, Market::NextQuarter];

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    direction: Direction::NewestFirst,
    probe: Probe::Longest,
    grace: Duration::from_secs(2),
    ..Offer::USUAL
};

/// Only the newest trades are there over REST: sixty of spot, a thousand of others.
const TRADES: Offer = Offer {
    kind: Kind::Trades,
    direction: Direction::NewestFirst,
    bounds: Bounds::Unbounded,
    ..Offer::USUAL
};

const BOOK: Offer = Offer { kind: Kind::OrderBook, history: History::Now, ..Offer::USUAL };

const OFFERS: [Offer; 8] = [
    Offer { recorded: true, ..CANDLES },
    Offer { markets: &DERIVED, ..CANDLES },
    Offer { page_rows: 60, history: History::Rows(60), ..TRADES },
    Offer { markets: &DERIVED, history: History::Rows(1_000), ..TRADES },
    Offer { page_rows: 200, depths: &[(200, 1)], ..BOOK },
    Offer { markets: &DERIVED, page_rows: 500, depths: &[(500, 1)], ..BOOK },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        page_rows: 200,
        direction: Direction::NewestFirst,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OpenInterest,
        markets: &DERIVED,
        spans: &INTEREST_SPANS,
        page_rows: 200,
        direction: Direction::NewestFirst,
        probe: Probe::Longest,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
];

pub(super) const PROFILE: Profile = Profile {
    name: "bybit",
    rest_url: "https://api.bybit.com",
    recordings: &["bybit"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
    geo_block_advice: Some(
        "set `exchanges.bybit.rest_url` to https://api.bytick.com, its other main host, or to its host for your country",
    ),
};

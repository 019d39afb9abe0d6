//! The profile of BitMEX: spans, budgets and offers, as data.

use std::time::Duration;

use crate::exchange::{Budget, History, Offer, Probe, Profile, Quota, SpanOffer};
use crate::model::{Kind, Market};

pub(super) const SPANS: [SpanOffer; 4] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(86_400, "1d"),
];

/// Thirty requests a minute without a key, until a header says another number.
const QUOTA: Quota = Quota::per_secs(30, 60);

pub(super) const ALL: [Market; 4] = [Market::Spot, Market::Perp, Market::Quarter, Market::NextQuarter];

const NOT_RECORDED: [Market; 3] = [Market::Spot, Market::Quarter, Market::NextQuarter];

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    probe: Probe::ByTime,
    grace: Duration::from_secs(10),
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    probe: Probe::ByTime,
    walk: Duration::from_secs(86_400),
    grace: Duration::from_secs(10),
    ..Offer::USUAL
};

const OFFERS: [Offer; 6] = [
    Offer { markets: &[Market::Perp], recorded: true, ..CANDLES },
    Offer { markets: &NOT_RECORDED, ..CANDLES },
    Offer { markets: &[Market::Perp], recorded: true, ..TRADES },
    Offer { markets: &NOT_RECORDED, ..TRADES },
    Offer {
        kind: Kind::OrderBook,
        markets: &ALL,
        history: History::Now,
        depths: &[(1_000, 1)],
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        page_rows: 500,
        probe: Probe::ByTime,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
];

pub(super) const PROFILE: Profile = Profile {
    name: "bitmex",
    rest_url: "https://www.bitmex.com",
    recordings: &["bitmex"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
    geo_block_advice: None,
};

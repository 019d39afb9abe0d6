//! The profile of OKX: spans, budgets and offers, as data.

use std::time::Duration;

use super::budget;
use crate::exchange::{Bounds, Direction, History, Offer, Probe, Profile, SpanOffer};
use crate::model::{Kind, Market};

/// Spans from six hours on open at midnight of UTC+8 unless their word ends in `utc`.
pub(super) const SPANS: [SpanOffer; 14] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(180, "3m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1H"),
    SpanOffer::usual(7_200, "2H"),
    SpanOffer::usual(14_400, "4H"),
    SpanOffer::usual(21_600, "6Hutc"),
    SpanOffer::usual(43_200, "12Hutc"),
    SpanOffer::usual(86_400, "1Dutc"),
    SpanOffer::usual(259_200, "3Dutc"),
    SpanOffer::usual(604_800, "1Wutc"),
    SpanOffer::usual(2_592_000, "1Mutc"),
];

const INTEREST_SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1H"),
    SpanOffer::usual(7_200, "2H"),
    SpanOffer::usual(14_400, "4H"),
    SpanOffer::usual(21_600, "6Hutc"),
    SpanOffer::usual(43_200, "12Hutc"),
    SpanOffer::usual(86_400, "1Dutc"),
];

pub(super) const ALL_MARKETS: &[Market] = &[Market::Spot, Market::Perp, Market::Quarter, Market::NextQuarter];

const CONTRACTS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

const DAY: Duration = Duration::from_secs(86_400);

/// Up to 300 candles are documented, but old ones are known to come by 100: a page that asked for more could
/// not be told from one cut short.
const DOWN: Offer =
    Offer { markets: ALL_MARKETS, page_rows: 100, direction: Direction::NewestFirst, ..Offer::USUAL };

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    probe: Probe::Longest,
    budget: budget::CANDLES,
    // A finished candle takes a moment to reach the history.
    grace: Duration::from_secs(10),
    recorded: true,
    ..DOWN
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    // Only ids can be bounded from below.
    bounds: Bounds::Near,
    history: History::For(Duration::from_secs(90 * 86_400)),
    walk: Duration::from_secs(6 * 3_600),
    budget: budget::TRADES,
    grace: Duration::from_secs(5),
    recorded: true,
    ..DOWN
};

const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    page_rows: 400,
    history: History::Now,
    depths: &[(400, 1)],
    budget: budget::BOOKS,
    recorded: true,
    ..DOWN
};

const FUNDING_RATES: Offer = Offer {
    kind: Kind::Funding,
    markets: &[Market::Perp],
    history: History::For(Duration::from_secs(90 * 86_400)),
    budget: budget::FUNDING,
    walk: DAY.saturating_mul(30),
    grace: Duration::from_secs(60),
    ..DOWN
};

const OPEN_INTEREST: Offer = Offer {
    kind: Kind::OpenInterest,
    markets: CONTRACTS,
    spans: &INTEREST_SPANS,
    history: History::Rows(1_440),
    budget: budget::INTEREST,
    grace: Duration::from_secs(60),
    ..DOWN
};

pub(super) const PROFILE: Profile = Profile {
    name: "okx",
    rest_url: "https://www.okx.com",
    recordings: &["okx"],
    offers: &[CANDLES, TRADES, BOOK, FUNDING_RATES, OPEN_INTEREST],
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &budget::QUOTAS,
    geo_block_advice: None,
};

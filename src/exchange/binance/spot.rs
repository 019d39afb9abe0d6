//! Binance's spot markets: what they offer and how they are asked.
//!
//! Source: Binance spot API documentation, "Market Data endpoints" (REST v3).

use std::time::Duration;

use super::budget;
use crate::exchange::{Ask, History, HttpRequest, Offer, Page, Probe, SpanOffer};
use crate::model::Kind;

/// Spans and Binance's words for them; upper-case M is the month. Weeks open on Monday. Where a 3-day candle
/// opens is not documented, so the walk does not hold 3-day rows to a grid.
pub(super) const SPANS: [SpanOffer; 15] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(180, "3m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(7_200, "2h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(21_600, "6h"),
    SpanOffer::usual(28_800, "8h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1d"),
    SpanOffer::unanchored(259_200, "3d"),
    SpanOffer::usual(604_800, "1w"),
    SpanOffer::usual(2_592_000, "1M"),
];

/// Those of coin-margined contracts: pages of longer candles would hold more days than one window may.
pub(super) const SPANS_TO_A_DAY: [SpanOffer; 12] = {
    let [m1, m3, m5, m15, m30, h1, h2, h4, h6, h8, h12, d1, ..] = SPANS;
    [m1, m3, m5, m15, m30, h1, h2, h4, h6, h8, h12, d1]
};

/// The common part of all spot offers.
const MARKET: Offer = Offer { budget: budget::SPOT, ..Offer::USUAL };

pub(super) const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    probe: Probe::ByTime,
    weight: 2,
    grace: Duration::from_secs(2),
    recorded: true,
    ..MARKET
};

pub(super) const TRADES: Offer = Offer {
    kind: Kind::Trades,
    ids_are_contiguous: true,
    probe: Probe::ById,
    walk: Duration::from_secs(6 * 3_600),
    weight: 4,
    grace: Duration::from_secs(5),
    recorded: true,
    ..MARKET
};

pub(super) const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    page_rows: 5_000,
    history: History::Now,
    depths: &[(100, 5), (500, 25), (1_000, 50), (5_000, 250)],
    weight: 5,
    recorded: true,
    ..MARKET
};

/// The request for a page of a spot market.
pub(super) fn request(page: &Page) -> HttpRequest {
    let symbol = page.symbol();
    // Bounds are inclusive milliseconds: the last one inside a half-open window is the one before its end.
    let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
    let rows = page.rows;
    let request = match page.series.kind() {
        Kind::Ohlc => {
            let word = page.word(&SPANS);
            let path = format!(
                "/api/v3/klines?symbol={symbol}&interval={word}&startTime={first}&endTime={last}&limit={rows}"
            );
            HttpRequest::new("ohlc", path, CANDLES.weight)
        }
        Kind::OrderBook => HttpRequest::new(
            "book_snapshot",
            format!("/api/v3/depth?symbol={symbol}&limit={rows}"),
            depth_weight(rows),
        ),
        _ => {
            let bounds = match page.ask {
                Ask::FromId(id) => format!("fromId={id}"),
                _ => format!("startTime={first}&endTime={last}"),
            };
            let path = format!("/api/v3/aggTrades?symbol={symbol}&{bounds}&limit={rows}");
            HttpRequest::new("trades", path, TRADES.weight)
        }
    };
    request.paid_from(budget::SPOT)
}

/// The weight of a snapshot of this many levels.
fn depth_weight(levels: u32) -> u32 {
    let depths = BOOK.depths;
    depths.iter().find(|(most, _)| levels <= *most).or(depths.last()).map_or(250, |(_, weight)| *weight)
}

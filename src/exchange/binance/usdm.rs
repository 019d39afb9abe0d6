//! Binance USD-margined contracts over REST: what they offer, how they are asked.
//!
//! Source: Binance USDⓈ-M futures documentation, "Market Data". They answer at a host of their own and are
//! paid from budgets of their own; amounts are in the base asset.

use std::time::Duration;

use super::budget;
use crate::exchange::{Ask, Bounds, History, HttpRequest, Offer, Page, Probe, SpanOffer};
use crate::model::{Kind, Market};

pub(super) const HOST: &str = "https://fapi.binance.com";

pub(super) const MARKETS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

pub(super) const INTEREST_SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(7_200, "2h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(21_600, "6h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1d"),
];

const CONTRACTS: Offer = Offer { markets: MARKETS, budget: budget::USDM, ..Offer::USUAL };

/// Candles, with the spans of spot.
pub(super) const fn candles(spans: &'static [SpanOffer]) -> Offer {
    Offer {
        kind: Kind::Ohlc,
        spans,
        is_continuous: true,
        probe: Probe::ByTime,
        weight: 5,
        grace: Duration::from_secs(2),
        ..CONTRACTS
    }
}

pub(super) const TRADES: Offer = Offer {
    kind: Kind::Trades,
    // An end less than an hour after the start is taken, a later one refused; none serves both.
    bounds: Bounds::Near,
    ids_are_contiguous: true,
    history: History::For(Duration::from_secs(365 * 86_400)),
    walk: Duration::from_secs(6 * 3_600),
    weight: 20,
    grace: Duration::from_secs(5),
    ..CONTRACTS
};

pub(super) const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    history: History::Now,
    depths: &[(50, 2), (100, 5), (500, 10), (1_000, 20)],
    weight: 2,
    ..CONTRACTS
};

pub(super) const FUNDING_RATES: Offer = Offer {
    kind: Kind::Funding,
    markets: &[Market::Perp],
    probe: Probe::ByTime,
    budget: budget::USDM_FUNDING,
    grace: Duration::from_secs(60),
    ..CONTRACTS
};

/// A window wider than a page is answered with its newest samples; a start too near to thirty days ago is
/// refused.
pub(super) const OPEN_INTEREST: Offer = Offer {
    kind: Kind::OpenInterest,
    markets: &[Market::Perp],
    spans: &INTEREST_SPANS,
    page_rows: 500,
    bounds: Bounds::Page,
    history: History::For(Duration::from_secs(30 * 86_400 - 3_600)),
    budget: budget::USDM_STATISTICS,
    grace: Duration::from_secs(60),
    ..CONTRACTS
};

/// The request for a page; `pair` is what contracts of all dates are called, `word` the exchange's word for
/// the span.
pub(super) fn request(page: &Page, pair: &str, word: &str) -> HttpRequest {
    let (symbol, rows) = (page.symbol(), page.rows);
    // Bounds are inclusive milliseconds.
    let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
    let request = match page.series.kind() {
        Kind::Ohlc => {
            // Candles of a dated contract go on over the ones before it. There are several types of perpetual
            // contract, but each has one symbol for good.
            let what = match page.series.pair().market() {
                Market::Quarter => format!("continuousKlines?pair={pair}&contractType=CURRENT_QUARTER"),
                Market::NextQuarter => format!("continuousKlines?pair={pair}&contractType=NEXT_QUARTER"),
                Market::Spot | Market::Perp => format!("klines?symbol={symbol}"),
            };
            let path =
                format!("/fapi/v1/{what}&interval={word}&startTime={first}&endTime={last}&limit={rows}");
            HttpRequest::new("ohlc", path, 5).paid_from(budget::USDM)
        }
        Kind::Trades => {
            let from = match page.ask {
                Ask::FromId(id) => format!("fromId={id}"),
                _ => format!("startTime={first}"),
            };
            let path = format!("/fapi/v1/aggTrades?symbol={symbol}&{from}&limit={rows}");
            HttpRequest::new("trades", path, 20).paid_from(budget::USDM)
        }
        Kind::OrderBook => {
            // Other depths are refused.
            let (depth, weight) =
                BOOK.depths.iter().find(|(depth, _)| rows <= *depth).copied().unwrap_or((1_000, 20));
            let path = format!("/fapi/v1/depth?symbol={symbol}&limit={depth}");
            HttpRequest::new("book_snapshot", path, weight).paid_from(budget::USDM)
        }
        Kind::Funding => {
            let path =
                format!("/fapi/v1/fundingRate?symbol={symbol}&startTime={first}&endTime={last}&limit={rows}");
            HttpRequest::new("funding", path, 1).paid_from(budget::USDM_FUNDING)
        }
        Kind::OpenInterest => {
            let path = format!(
                "/futures/data/openInterestHist?symbol={symbol}&period={word}&startTime={first}&endTime={last}&limit={rows}"
            );
            HttpRequest::new("open_interest", path, 1).paid_from(budget::USDM_STATISTICS)
        }
    };
    request.to(HOST)
}

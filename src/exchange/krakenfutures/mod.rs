//! Kraken Futures over REST: candles, the trades of a week, book snapshots and funding rates of linear contracts.
//!
//! Source: Kraken Futures API documentation, "Market Data" (derivatives v3), "Historical funding rates" (v4) and
//! "Charts" (v1). Candles are oldest first and name their bounds in seconds, trades newest first before an
//! instant; funding is a whole year at once. Sizes count contracts.

mod envelope;
mod listing;
mod live;
mod live_book;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use serde::Deserialize;

use self::envelope::{Within, read_success};
use self::profile::{CALL, PROFILE, SPANS};
use self::rows::{Fill, Ohlc, Rate, parse_depth};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Order, Source};
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::Text;
use crate::exchange::{
    Answer, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal, RefusalKind,
};
use crate::model::{Batch, Kind, Market, Micros, Pair};

/// Kraken's derivatives.
pub(crate) struct KrakenFutures;

#[derive(Deserialize)]
struct ErrorBody {
    result: String,
    error: String,
}

#[derive(Deserialize)]
struct ServerTime<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

impl Exchange for KrakenFutures {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// Perpetual contracts are `PF_XBTUSD`; the date of a dated one is in the listing.
    fn symbol(&self, pair: &Pair) -> String {
        let prefix = if pair.market() == Market::Perp { "PF" } else { "FF" };
        let own = |asset: &str| match asset {
            "BTC" => "XBT".to_owned(),
            "DOGE" => "XDG".to_owned(),
            other => other.to_owned(),
        };
        format!("{prefix}_{}{}", own(pair.base()), own(pair.quote()))
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let symbol = page.symbol();
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                // Opens are whole seconds, so it does not matter whether the last one is taken in.
                let (from, to) = (secs_ceil(page.window.from), secs_ceil(page.window.until) - 1);
                let path = format!("/api/charts/v1/trade/{symbol}/{word}?from={from}&to={to}");
                HttpRequest::new("ohlc", path, CALL).like("/api/charts/v1/trade/{symbol}/{span}")
            }
            Kind::OrderBook => HttpRequest::new(
                "book_snapshot",
                format!("/derivatives/api/v3/orderbook?symbol={symbol}"),
                CALL,
            ),
            Kind::Funding => HttpRequest::new(
                "funding",
                format!("/derivatives/api/v4/historicalfundingrates?symbol={symbol}"),
                CALL,
            ),
            _ => {
                let until = iso_millis(page.window.until);
                let path = format!("/derivatives/api/v3/history?symbol={symbol}&lastTime={until}");
                HttpRequest::new("trades", path, CALL)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        let next = Next::ByTime;
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Members<Ohlc<'_>>>(&mut Within::Charts)?.append(next, out)),
            Kind::Trades => {
                let source = Source { order: Order::NewestFirst, ..source };
                Ok(source.read::<Members<Fill<'_>>>(&mut Within::History)?.append(next, out))
            }
            Kind::OrderBook => parse_depth(self, page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Rate<'_>>>(&mut Within::Rates)?.append(next, out)),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let told: ErrorBody = serde_json::from_slice(body).ok()?;
        if told.result != "error" {
            return None;
        }
        let kind = match told.error.as_str() {
            "contractNotFound" => RefusalKind::UnknownSymbol,
            "apiLimitExceeded" => RefusalKind::RateLimit,
            "marketUnavailable" | "unavailable" | "Unavailable" | "Server Error" | "unknownError" => {
                RefusalKind::Temporary
            }
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: "error".to_owned(), message: told.error })
    }

    /// Every answer of the derivatives tells the time; the ticker of one contract is the shortest.
    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/derivatives/api/v3/tickers/PF_XBTUSD".to_owned(), CALL)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime<'_> = read_success(self, answer.body, |time: &ServerTime<'_>| &*time.result)?;
        Ok(Row(0).rfc3339(&time.server_time)?)
    }

    /// There is no listing of one pair.
    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/derivatives/api/v3/instruments".to_owned(), CALL)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }
}

/// The first millisecond at or after an instant, as it writes one.
fn iso_millis(at: Micros) -> String {
    let at = Micros::from_millis(at.millis_ceil());
    format!("{:.3}", at.timestamp())
}

fn secs_ceil(at: Micros) -> i64 {
    at.secs() + i64::from(at.0 % 1_000_000 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_with_its_millisecond_rounded_up() {
        assert_eq!(iso_millis(Micros(1_573_456_460_093_000)), "2019-11-11T07:14:20.093Z");
        assert_eq!(iso_millis(Micros(1_573_456_460_093_001)), "2019-11-11T07:14:20.094Z");
        assert_eq!(iso_millis(Micros(1_573_456_460_000_000)), "2019-11-11T07:14:20.000Z");
    }
}

//! Bybit over REST (v5): spot, and linear and inverse perpetual and dated contracts.
//!
//! Source: Bybit v5 API documentation, "Market". Every answer is an envelope with a `retCode`, errors too and
//! with status 200; lists are newest first; numbers and times are strings; bounds are inclusive milliseconds.

mod category;
mod envelope;
mod listing;
mod live;
mod live_book;
mod live_frames;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use std::time::Duration;

use serde::Deserialize;

use self::category::{category, is_dated};
use self::envelope::{Listed, read_result};
use self::profile::{INTEREST_SPANS, PROFILE, SPANS};
use self::rows::{Kline, WireFunding, WireTrade, parse_book, parse_interest};
use crate::exchange::live::Live;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Order, Source};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::wire::Int;
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal, RefusalKind,
};
use crate::model::{Batch, Kind, Market, Micros, Pair};

/// Bybit, all markets.
pub(crate) struct Bybit;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    ret_code: Int,
    ret_msg: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireClock {
    time_nano: Int,
}

impl Exchange for Bybit {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        match (pair.market(), pair.quote()) {
            (Market::Perp, "USDC") => format!("{}PERP", pair.base()),
            (Market::Spot | Market::Perp, quote) => format!("{}{quote}", pair.base()),
            // Dated contracts change their name every quarter; their listing is asked by the base asset.
            (Market::Quarter | Market::NextQuarter, _) => pair.base().to_owned(),
        }
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let what = format!("category={}&symbol={}", category(page.series.pair()), page.symbol());
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let (word, bounds) = (page.word(&SPANS), bounds(page, ["start", "end"]));
                let path = format!("/v5/market/kline?{what}&interval={word}{bounds}&limit={rows}");
                HttpRequest::new("ohlc", path, 1)
            }
            Kind::Trades => {
                HttpRequest::new("trades", format!("/v5/market/recent-trade?{what}&limit={rows}"), 1)
            }
            Kind::OrderBook => {
                HttpRequest::new("book_snapshot", format!("/v5/market/orderbook?{what}&limit={rows}"), 1)
            }
            Kind::Funding => {
                let bounds = bounds(page, ["startTime", "endTime"]);
                HttpRequest::new(
                    "funding",
                    format!("/v5/market/funding/history?{what}{bounds}&limit={rows}"),
                    1,
                )
            }
            Kind::OpenInterest => {
                let (word, bounds) = (page.word(&INTEREST_SPANS), bounds(page, ["startTime", "endTime"]));
                let path =
                    format!("/v5/market/open-interest?{what}&intervalTime={word}{bounds}&limit={rows}");
                HttpRequest::new("open_interest", path, 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::NewestFirst };
        let next = Next::ByTime;
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Kline>>(&mut Listed::default())?.append(next, out)),
            Kind::Trades => {
                Ok(source.read::<Members<WireTrade<'_>>>(&mut Listed::default())?.append(next, out))
            }
            Kind::OrderBook => parse_book(self, page, answer, out),
            Kind::Funding => {
                Ok(source.read::<Members<WireFunding<'_>>>(&mut Listed::default())?.append(next, out))
            }
            Kind::OpenInterest => parse_interest(source, out),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Option<Refusal> {
        if status == 403 && body.windows(TOO_FREQUENT.len()).any(|part| part == TOO_FREQUENT) {
            let message = "403, access too frequent".to_owned();
            return Some(Refusal { kind: RefusalKind::RateLimit, code: "403".to_owned(), message });
        }
        let error: ErrorBody = serde_json::from_slice(body).ok()?;
        let names_a_symbol = error.ret_msg.to_ascii_lowercase().contains("symbol");
        let code = error.ret_code.get()?;
        let kind = match code {
            0 => return None,
            // A wrong symbol is one of the wrong parameters; the words alone tell which.
            10_001 if names_a_symbol => RefusalKind::UnknownSymbol,
            170_121 => RefusalKind::UnknownSymbol,
            10_006 | 10_018 | 10_429 => RefusalKind::RateLimit,
            10_000 | 10_016 | 10_019 => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: code.to_string(), message: error.ret_msg })
    }

    fn limit_ends(&self, header: &dyn Fn(&str) -> Option<String>) -> Option<Micros> {
        header("x-bapi-limit-reset-timestamp")?.parse().ok().map(Micros::from_millis)
    }

    /// An address that is refused before any envelope is let in again after ten minutes.
    fn lockout(&self, refusal: &Refusal) -> Option<Duration> {
        (refusal.code == "403").then_some(Duration::from_secs(600))
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/v5/market/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let clock: WireClock = read_result(self, answer.body)?;
        let nanos = clock.time_nano.get().ok_or_else(|| Row(0).impossible("its time is no number"))?;
        Ok(Row(0).time(Micros(nanos / 1_000))?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let query = match pair {
            None => "category=spot".to_owned(),
            Some(pair) => {
                let by = if is_dated(pair) { "baseCoin" } else { "symbol" };
                format!("category={}&{by}={}&limit=1000", category(pair), in_url(&self.symbol(pair)))
            }
        };
        HttpRequest::new("instruments", format!("/v5/market/instruments-info?{query}"), 1)
    }

    fn market_listing(&self, market: Market) -> Vec<HttpRequest> {
        let categories: &[&str] =
            if market == Market::Spot { &["spot"] } else { &["linear&limit=1000", "inverse&limit=1000"] };
        let path = |category: &&str| format!("/v5/market/instruments-info?category={category}");
        let requests = categories.iter().map(path);
        requests.map(|path| HttpRequest::new("instruments", path, 1)).collect()
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(&live::Topics)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }
}

/// The words of the refusal that comes before any envelope.
const TOO_FREQUENT: &[u8] = b"access too frequent";

/// Both bounds as inclusive milliseconds; a window that is open downwards has an end alone.
fn bounds(page: &Page, [first, last]: [&str; 2]) -> String {
    let until = page.window.until.millis_ceil() - 1;
    match page.window.from {
        from if from <= Micros(0) => format!("&{last}={until}"),
        from => format!("&{first}={}&{last}={until}", from.millis_ceil()),
    }
}

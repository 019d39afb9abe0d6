//! Bitfinex v2 over REST: candles, trades and book snapshots of spot markets.
//!
//! Source: Bitfinex API v2, "REST public endpoints". Rows are bare arrays of JSON numbers, times are in
//! milliseconds, bounds are inclusive, `sort=1` turns answers oldest first. There is no clock to ask: the
//! `Date` of any answer is the only time the exchange tells.

mod budget;
mod listing;
mod live;
mod live_book;
mod live_frames;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use std::time::Duration;

use jiff::fmt::rfc2822;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::profile::{BOOK, PROFILE, SPANS};
use self::rows::{Bar, Fill, parse_book};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::decode::{read, unreadable};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Bare, Order, Source};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::Int;
use crate::exchange::{
    Answer, AssetNames, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal,
    RefusalKind,
};
use crate::model::{Batch, Kind, Micros, Pair};

/// Bitfinex, spot markets.
pub(crate) struct Bitfinex;

/// `["error", code, message]`.
#[derive(Deserialize)]
struct ErrorBody(String, Option<i64>, String);

/// `{"error": "ERR_RATE_LIMIT"}`, which stands before any of its endpoints.
#[derive(Deserialize)]
struct OwnErrorBody {
    error: String,
}

impl Exchange for Bitfinex {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// `tBTCUSD`, and `tDOGE:USD` where a name has more than three letters; Tether is UST. Others have names of its
    /// own, too, which it publishes.
    fn symbol(&self, pair: &Pair) -> String {
        let own = |asset| if asset == "USDT" { "UST" } else { asset };
        let (base, quote) = (own(pair.base()), own(pair.quote()));
        let colon = if base.len() > 3 || quote.len() > 3 { ":" } else { "" };
        format!("t{base}{colon}{quote}")
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let (symbol, rows) = (page.symbol(), page.rows);
        let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
        let query = format!("sort=1&start={first}&end={last}&limit={rows}");
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                let path = format!("/v2/candles/trade:{word}:{symbol}/hist?{query}");
                let pattern = "/v2/candles/trade:{span}:{symbol}/hist";
                HttpRequest::new("ohlc", path, 1).like(pattern).paid_from(budget::CANDLES)
            }
            Kind::OrderBook => {
                // Other lengths are refused.
                let depths = BOOK.depths;
                let len = depths.iter().find(|(depth, _)| rows <= *depth).map_or(100, |(depth, _)| *depth);
                let path = format!("/v2/book/{symbol}/P0?len={len}");
                HttpRequest::new("book_snapshot", path, 1)
                    .like("/v2/book/{symbol}/P0")
                    .paid_from(budget::BOOKS)
            }
            _ => {
                let path = format!("/v2/trades/{symbol}/hist?{query}");
                HttpRequest::new("trades", path, 1).like("/v2/trades/{symbol}/hist").paid_from(budget::TRADES)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        // An error is an array, too, as if it had three rows.
        if let Some(refusal) = self.refusal(200, answer.body) {
            return Err(ParseError::Refused(refusal));
        }
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Bar>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => Ok(source.read::<Columns<Fill>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::OrderBook => parse_book(self, page, answer, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        if let Ok(OwnErrorBody { error }) = serde_json::from_slice(body) {
            let is_limit = error.starts_with("ERR_RATE_LIMIT");
            let kind = if is_limit { RefusalKind::RateLimit } else { RefusalKind::Permanent };
            return Some(Refusal { kind, code: "error".to_owned(), message: error });
        }
        let ErrorBody(word, code, message) = serde_json::from_slice(body).ok()?;
        let kind = match code {
            _ if word != "error" => return None,
            Some(10_020) if message.contains("symbol") => RefusalKind::UnknownSymbol,
            Some(11_010) => RefusalKind::RateLimit,
            // Restarting, under maintenance.
            Some(20_051 | 20_060 | 20_061) => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        let code = code.map_or_else(String::new, |code| code.to_string());
        Some(Refusal { kind, code, message })
    }

    /// An address is let in again after a minute; asked within it, the minute begins anew.
    fn lockout(&self, refusal: &Refusal) -> Option<Duration> {
        (refusal.kind == RefusalKind::RateLimit).then_some(Duration::from_secs(60))
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/v2/platform/status".to_owned(), 1).paid_from(budget::CONFIGS)
    }

    /// The body says whether the platform is up, and only the `Date` when; of whole seconds, it is never ahead.
    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let Columns((status,)): Columns<(Int,)> = read(self, answer.body)?;
        status.get().ok_or_else(|| unreadable(self, answer.body, &"it has no status"))?;
        let date = (answer.header)("date").and_then(|date| rfc2822::parse(date).ok());
        let date = date.ok_or_else(|| malformed(answer.body, "no Date header came with it"))?;
        Ok(Row(0).millis(date.timestamp().as_millisecond())?)
    }

    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/v2/conf/pub:list:pair:exchange".to_owned(), 1)
            .paid_from(budget::CONFIGS)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }

    fn names_request(&self) -> Option<HttpRequest> {
        let request = HttpRequest::new("instruments", "/v2/conf/pub:map:currency:sym".to_owned(), 1);
        Some(request.paid_from(budget::CONFIGS))
    }

    fn parse_names(&self, body: &[u8]) -> Result<AssetNames, ParseError> {
        let (raw,): (Vec<&RawValue>,) = read(self, body)?;
        // Entries that are not a pair of names concern nothing that is collected.
        let names = raw.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok());
        Ok(AssetNames::new(names))
    }
}

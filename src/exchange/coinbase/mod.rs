//! Coinbase Exchange over REST: candles, trades and book snapshots of its spot markets.
//!
//! Source: Coinbase Exchange REST reference, "Products" and "Pagination". Answers are newest first; candles
//! come as numbers, prices of trades and books as strings. Buckets without a trade are left out.

mod listing;
mod live;
mod live_book;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use serde::Deserialize;

use self::profile::{PROFILE, SPANS};
use self::rows::{WireCandle, parse_book, parse_trades};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::decode::read;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Bare, Order, Source};
use crate::exchange::reading::shape::Columns;
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Ask, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal,
    RefusalKind,
};
use crate::model::{Batch, Kind, Micros, Pair};

/// Coinbase Exchange, spot markets.
pub(crate) struct Coinbase;

#[derive(Deserialize)]
struct WireClock<'a> {
    iso: &'a str,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Exchange for Coinbase {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        format!("{}-{}", pair.base(), pair.quote())
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let product = format!("/products/{}", page.symbol());
        match page.series.kind() {
            Kind::Ohlc => HttpRequest::new("ohlc", format!("{product}/candles?{}", candle_query(page)), 1)
                .like("/products/{symbol}/candles"),
            Kind::OrderBook => {
                let level = if page.rows == 1 { 1 } else { 2 };
                HttpRequest::new("book_snapshot", format!("{product}/book?level={level}"), 1)
                    .like("/products/{symbol}/book")
            }
            _ => {
                // `after` means older than: ids have no holes and begin at 1, so the page ends before this one.
                let after = match page.ask {
                    Ask::FromId(id) => format!("&after={}", id.max(1).saturating_add(u64::from(page.rows))),
                    _ => String::new(),
                };
                HttpRequest::new("trades", format!("{product}/trades?limit={}{after}", page.rows), 1)
                    .like("/products/{symbol}/trades")
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::NewestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<WireCandle>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => parse_trades(source, out),
            Kind::OrderBook => parse_book(self, answer, page.rows, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let ErrorBody { message } = serde_json::from_slice(body).ok()?;
        let said = message.to_ascii_lowercase();
        let kind = if said == "notfound" {
            RefusalKind::UnknownSymbol
        } else if said.contains("rate limit") {
            RefusalKind::RateLimit
        } else if said.contains("internal server error") || said.contains("unavailable") {
            RefusalKind::Temporary
        } else {
            RefusalKind::Permanent
        };
        // It has words only.
        Some(Refusal { kind, code: "none".to_owned(), message })
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let clock: WireClock<'_> = read(self, answer.body)?;
        Ok(Row(0).rfc3339(clock.iso)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let one = pair.map(|pair| format!("/{}", in_url(&self.symbol(pair)))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/products{one}"), 1).like("/products/{symbol}")
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }
}

/// The span, and both bounds as whole seconds, inclusive. Without bounds the newest candles are answered, which
/// is what a window open downwards asks for.
fn candle_query(page: &Page) -> String {
    let word = page.word(&SPANS);
    if page.window.from <= Micros(0) {
        return format!("granularity={word}");
    }
    let [from, until] = [page.window.from, page.window.until].map(|at| Micros(at.0 + 999_999).secs());
    let [first, last] = [from, until - 1].map(Micros::from_secs);
    format!("granularity={word}&start={first}&end={last}")
}

//! BitMEX over REST: spot, perpetual and dated contracts; candles, trades, book snapshots and funding.
//!
//! Source: BitMEX REST API v1 documentation, "Trade", "OrderBook", "Funding", "Instrument". Answers are asked
//! for oldest first; times are RFC 3339 with milliseconds, bounds inclusive. Bitcoin is called XBT.

mod listing;
mod live;
mod live_book;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use serde::Deserialize;

use self::profile::{PROFILE, SPANS};
use self::rows::{Bucket, WireFunding, WireTrade, next, parse_book};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::decode::read;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Bare, Order, Source};
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::Int;
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Ask, Budget, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Quota,
    Refusal, RefusalKind,
};
use crate::model::{Batch, Kind, Market, Micros, Pair};

/// BitMEX, all markets.
pub(crate) struct Bitmex;

#[derive(Deserialize)]
struct WireClock {
    timestamp: Int,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorWords,
}

#[derive(Deserialize)]
struct ErrorWords {
    message: String,
    name: String,
}

impl Exchange for Bitmex {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        let [base, quote] = [pair.base(), pair.quote()].map(own_name);
        match pair.market() {
            Market::Spot => format!("{base}_{quote}"),
            Market::Perp => format!("{base}{quote}"),
            // Dated contracts change their name every quarter; their listing is asked by the root.
            Market::Quarter | Market::NextQuarter => base.to_owned(),
        }
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let what = format!("symbol={}", page.symbol());
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                let query = format!("binSize={word}&partial=false&{what}&count={rows}{}", bounds(page));
                HttpRequest::new("ohlc", format!("/api/v1/trade/bucketed?{query}"), 1)
            }
            Kind::OrderBook => {
                HttpRequest::new("book_snapshot", format!("/api/v1/orderBook/L2?{what}&depth={rows}"), 1)
            }
            Kind::Funding => {
                let query = format!("{what}&count={rows}{}", bounds(page));
                HttpRequest::new("funding", format!("/api/v1/funding?{query}"), 1)
            }
            _ => {
                let query = format!("{what}&count={rows}{}", bounds(page));
                HttpRequest::new("trades", format!("/api/v1/trade?{query}"), 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Members<Bucket<'_>>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => {
                let rows = source.read::<Members<WireTrade<'_>>>(&mut Bare)?;
                let next = next(page, &rows);
                Ok(rows.append(next, out))
            }
            Kind::OrderBook => parse_book(self, page, answer, out),
            Kind::Funding => {
                Ok(source.read::<Members<WireFunding<'_>>>(&mut Bare)?.append(Next::ByTime, out))
            }
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let ErrorBody { error: ErrorWords { message, name } } = serde_json::from_slice(body).ok()?;
        let said = message.to_ascii_lowercase();
        let kind = if name == "RateLimitError" || said.contains("rate limit") {
            RefusalKind::RateLimit
        } else if said.contains("overloaded")
            || said.contains("internal error")
            || said.contains("unavailable")
        {
            RefusalKind::Temporary
        } else if said.contains("symbol") {
            RefusalKind::UnknownSymbol
        } else {
            RefusalKind::Permanent
        };
        Some(Refusal { kind, code: name, message })
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v1".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let clock: WireClock = read(self, answer.body)?;
        Ok(Row(0).instant_millis(clock.timestamp)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let path = match pair {
            None => "/active".to_owned(),
            Some(pair) if matches!(pair.market(), Market::Quarter | Market::NextQuarter) => {
                // {"rootSymbol":"XBT","state":"Open"}
                let root = self.symbol(pair);
                let root = in_url(&root);
                format!("?filter=%7B%22rootSymbol%22%3A%22{root}%22%2C%22state%22%3A%22Open%22%7D&count=500")
            }
            Some(pair) => format!("?symbol={}&count=500", in_url(&self.symbol(pair))),
        };
        HttpRequest::new("instruments", format!("/api/v1/instrument{path}"), 1)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }

    fn used_weight(&self, _: Budget, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        let number = |name| header(name)?.parse::<u32>().ok();
        let [limit, left] = ["x-ratelimit-limit", "x-ratelimit-remaining"].map(number);
        limit?.checked_sub(left?)
    }

    fn limit_ends(&self, header: &dyn Fn(&str) -> Option<String>) -> Option<Micros> {
        header("x-ratelimit-reset")?.parse().ok().map(Micros::from_secs)
    }

    fn announced_quota(&self, _: Budget, header: &dyn Fn(&str) -> Option<String>) -> Option<Quota> {
        let weight = header("x-ratelimit-limit")?.parse().ok()?;
        (weight > 0).then_some(Quota::per_secs(weight, 60))
    }
}

/// Its own name for an asset.
fn own_name(asset: &str) -> &str {
    if asset == "BTC" { "XBT" } else { asset }
}

/// Both bounds, inclusive, and the rows to leave out; a window open downwards has an end alone. Candles are found by
/// where they end.
fn bounds(page: &Page) -> String {
    let later = page.series.span().filter(|_| page.series.kind() == Kind::Ohlc).map_or(0, |span| span.secs());
    let instant =
        |millis: i64| format!("{:.3}", Micros::from_millis(millis + i64::from(later) * 1_000).timestamp());
    let [from, until] = [page.window.from, page.window.until].map(Micros::millis_ceil);
    let first = if from > 0 { format!("&startTime={}", instant(from)) } else { String::new() };
    let skip = match page.ask {
        Ask::Skip(rows) => format!("&start={rows}"),
        _ => String::new(),
    };
    format!("{skip}{first}&endTime={}&reverse=false", instant(until - 1))
}

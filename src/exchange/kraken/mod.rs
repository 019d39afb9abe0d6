//! Kraken spot over REST: the newest 720 candles, all trades, book snapshots.
//!
//! Source: Kraken spot REST documentation, "Market Data". Answers are oldest first and have status 200 also where
//! they are errors. Candles count in seconds; trades in nanoseconds, of which a row shows a part and `last` all.

mod assets;
mod cursor;
mod envelope;
mod listing;
mod live;
mod live_book;
mod live_frames;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use self::assets::own_asset;
use self::cursor::since;
use self::envelope::{OfPair, read_result};
use self::profile::{PROFILE, SPANS};
use self::rows::{Ohlc, parse_depth, parse_trades};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Order, Source};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::Int;
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal, RefusalKind,
};
use crate::model::{Batch, Kind, Micros, Pair};

/// Kraken, spot markets.
pub(crate) struct Kraken;

/// A client that keeps exceeding the limit is locked out for 15 minutes.
const LOCKED_OUT: &str = "Temporary lockout";

const LOCKOUT: Duration = Duration::from_secs(900);

#[derive(Deserialize)]
struct Errors<'a> {
    #[serde(borrow)]
    error: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ServerTime {
    unixtime: Int,
}

impl Exchange for Kraken {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// The alternative name, which modern and legacy assets have in one form: `XBTUSD`, `SOLEUR`.
    fn symbol(&self, pair: &Pair) -> String {
        format!("{}{}", own_asset(pair.base()), own_asset(pair.quote()))
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let symbol = page.symbol();
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                // The candle that opens at `since` itself is left out.
                let since = secs_ceil(page.window.from) - 1;
                let path = format!("/0/public/OHLC?pair={symbol}&interval={word}&since={since}");
                HttpRequest::new("ohlc", path, 1)
            }
            Kind::OrderBook => {
                HttpRequest::new("book_snapshot", format!("/0/public/Depth?pair={symbol}&count={rows}"), 1)
            }
            _ => {
                let since = since(page);
                let path = format!("/0/public/Trades?pair={symbol}&since={since}&count={rows}");
                HttpRequest::new("trades", path, 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Ohlc>>(&mut OfPair::default())?.append(Next::ByTime, out)),
            Kind::Trades => parse_trades(source, out),
            Kind::OrderBook => parse_depth(self, page, answer, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let told: Errors<'_> = serde_json::from_slice(body).ok()?;
        // Entries that begin with W are warnings.
        let error = told.error.iter().find(|error| error.starts_with('E'))?;
        let (class, message) = error.split_once(':').unwrap_or((error, error));
        let kind = match (class, message) {
            ("EQuery", "Unknown asset pair" | "Unknown asset") => RefusalKind::UnknownSymbol,
            (_, "Rate limit exceeded" | "Too many requests" | LOCKED_OUT) => RefusalKind::RateLimit,
            ("EService", message) if message.starts_with("Throttled") => RefusalKind::RateLimit,
            // Unavailable, busy, a time-out, or a fault inside.
            ("EService", _) | ("EGeneral", "Internal error" | "Unknown error") => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: class.to_owned(), message: message.trim().to_owned() })
    }

    fn lockout(&self, refusal: &Refusal) -> Option<Duration> {
        (refusal.message == LOCKED_OUT).then_some(LOCKOUT)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/0/public/Time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime = read_result(self, answer.body)?;
        Ok(Row(0).instant_secs(time.unixtime)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let query = pair.map(|pair| format!("?pair={}", in_url(&self.symbol(pair)))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/0/public/AssetPairs{query}"), 1)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }
}

fn secs_ceil(at: Micros) -> i64 {
    at.secs() + i64::from(at.0 % 1_000_000 != 0)
}

//! OKX v5 over REST: candles, trades, book snapshots, funding rates and open interest of spot, perpetual and
//! quarterly contracts.
//!
//! Source: OKX API v5, "Order Book Trading", "Public Data" and "Trading Statistics". Everything is text, also
//! the code of the envelope, which is an error wherever it is not "0". Answers come newest first; `after` and
//! `before` are exclusive and mean older and newer than.

mod budget;
mod envelope;
mod listing;
mod live;
mod live_book;
mod live_frames;
mod profile;
mod rows;

pub(in crate::exchange) use live_book::Books;

use serde::Deserialize;

use self::envelope::{Data, read_data, said_refusal};
use self::profile::PROFILE;
use self::rows::{Bar, Fill, Funded, Interest, parse_book};
use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::reading::record::Record;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::{Order, Source};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::wire::Int;
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Ask, Exchange, HttpRequest, Listing, Next, Page, ParseError, Parsed, Profile, Refusal,
};
use crate::model::{Batch, Kind, Market, Micros, Pair};

/// OKX.
pub(crate) struct Okx;

#[derive(Deserialize)]
struct Time {
    ts: Int,
}

impl Exchange for Okx {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        let family = format!("{}-{}", pair.base(), pair.quote());
        match pair.market() {
            Market::Perp => format!("{family}-SWAP"),
            // Dated contracts are named by their date, which the listing knows.
            Market::Spot | Market::Quarter | Market::NextQuarter => family,
        }
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let (symbol, rows) = (page.symbol(), page.rows);
        let word = page.word(self.offer_for(&page.series).map_or(&[], |offer| offer.spans));
        match page.series.kind() {
            Kind::Ohlc => {
                let bounds = exclusive(page, "before", "after");
                let path =
                    format!("/api/v5/market/history-candles?instId={symbol}&bar={word}{bounds}&limit={rows}");
                HttpRequest::new("ohlc", path, 1).paid_from(budget::CANDLES)
            }
            Kind::OrderBook => {
                let path = format!("/api/v5/market/books?instId={symbol}&sz={rows}");
                HttpRequest::new("book_snapshot", path, 1).paid_from(budget::BOOKS)
            }
            Kind::Funding => {
                let bounds = exclusive(page, "before", "after");
                let path =
                    format!("/api/v5/public/funding-rate-history?instId={symbol}{bounds}&limit={rows}");
                HttpRequest::new("funding", path, 1).paid_from(budget::FUNDING)
            }
            Kind::OpenInterest => {
                let bounds = exclusive(page, "begin", "end");
                let path = format!(
                    "/api/v5/rubik/stat/contracts/open-interest-history?instId={symbol}&period={word}{bounds}&limit={rows}"
                );
                HttpRequest::new("open_interest", path, 1).paid_from(budget::INTEREST)
            }
            Kind::Trades => {
                let bounds = match page.ask {
                    // Older than the one after it: the row itself and those before it.
                    Ask::FromId(id) => format!("type=1&after={}", id.saturating_add(1)),
                    _ => format!("type=2&after={}", page.window.until.millis_ceil()),
                };
                let path = format!("/api/v5/market/history-trades?instId={symbol}&{bounds}&limit={rows}");
                HttpRequest::new("trades", path, 1).paid_from(budget::TRADES)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::NewestFirst };
        let next = Next::ByTime;
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Bar<'_>>>(&mut Data)?.append(next, out)),
            Kind::Trades => {
                let rows = source.read::<Members<Fill<'_>>>(&mut Data)?;
                let oldest = rows.kept.iter().filter_map(Record::number).min();
                Ok(rows.append(oldest.map_or(next, Next::FromId), out))
            }
            Kind::OrderBook => parse_book(self, page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Funded<'_>>>(&mut Data)?.append(next, out)),
            Kind::OpenInterest => Ok(source.read::<Columns<Interest>>(&mut Data)?.append(next, out)),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        said_refusal(body)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v5/public/time".to_owned(), 1).paid_from(budget::TIME)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let times: Vec<Time> = read_data(self, answer.body)?;
        let time = times.first().ok_or_else(|| malformed(answer.body, "it says no time"))?;
        Ok(Row(0).instant_millis(time.ts)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let query = pair.map_or_else(
            || "SPOT".to_owned(),
            |pair| {
                let kind = match pair.market() {
                    Market::Spot => "SPOT&instId",
                    Market::Perp => "SWAP&instId",
                    Market::Quarter | Market::NextQuarter => "FUTURES&instFamily",
                };
                format!("{kind}={}", in_url(&self.symbol(pair)))
            },
        );
        let path = format!("/api/v5/public/instruments?instType={query}");
        HttpRequest::new("instruments", path, 1).paid_from(budget::INSTRUMENTS)
    }

    fn market_listing(&self, market: Market) -> Vec<HttpRequest> {
        let kind = match market {
            Market::Spot => "SPOT",
            Market::Perp => "SWAP",
            Market::Quarter | Market::NextQuarter => "FUTURES",
        };
        let path = format!("/api/v5/public/instruments?instType={kind}");
        vec![HttpRequest::new("instruments", path, 1).paid_from(budget::INSTRUMENTS)]
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing::parse(self, body)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(live::LIVE)
    }
}

/// The bounds of a window: both exclusive, the lower one left out where there is none.
fn exclusive(page: &Page, newer_than: &str, older_than: &str) -> String {
    let (from, until) = (page.window.from.millis_ceil(), page.window.until.millis_ceil());
    let lower = if from > 0 { format!("&{newer_than}={}", from - 1) } else { String::new() };
    format!("&{older_than}={until}{lower}")
}

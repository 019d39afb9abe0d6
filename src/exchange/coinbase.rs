//! Coinbase Exchange over REST: candles, trades and book snapshots of its spot markets.
//!
//! Source: Coinbase Exchange REST reference, "Products" and "Pagination". Answers are newest first; candles
//! come as numbers, prices of trades and books as strings. Buckets without a trade are left out.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use serde::Deserialize;

use crate::exchange::decode::{Row, each_row, malformed, read, unreadable};
use crate::exchange::{
    Answer, Ask, Bounds, Direction, Exchange, History, HttpRequest, Instrument, Listing, Next, Offer, Page,
    ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, BookLevel, Candle, Kind, Micros, Pair, Side, Trade};

/// Coinbase Exchange, spot markets.
pub(crate) struct Coinbase;

/// The word of a span is its length in seconds.
const SPANS: [SpanOffer; 6] = [
    SpanOffer::usual(60, "60"),
    SpanOffer::usual(300, "300"),
    SpanOffer::usual(900, "900"),
    SpanOffer::usual(3_600, "3600"),
    SpanOffer::usual(21_600, "21600"),
    SpanOffer::usual(86_400, "86400"),
];

/// Ten requests a second and address.
const QUOTAS: [Quota; 1] = [Quota { weight: 10, per: Duration::from_secs(1) }];

const OFFERS: [Offer; 3] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        // Bounds further apart than this many candles are refused, not cut.
        page_rows: 300,
        direction: Direction::NewestFirst,
        bounds: Bounds::Page,
        probe: Probe::FirstTrade,
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        bounds: Bounds::ById,
        ids_are_contiguous: true,
        probe: Probe::ById,
        // Each walk searches for where it begins.
        walk: Duration::from_secs(30 * 86_400),
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        // Level 1 is the best of each side; level 2 was the best 50 once and is the whole book today.
        page_rows: 1_000,
        history: History::Now,
        depths: &[(1, 1), (1_000, 1)],
        recorded: true,
        ..Offer::USUAL
    },
];

/// A candle and a trade are hardly shorter than this, so a body says how many rows it may hold.
const CANDLE_BYTES: usize = 40;
const TRADE_BYTES: usize = 90;

/// `[time, low, high, open, close, volume]`: low and high come before open.
#[derive(Deserialize)]
struct WireCandle(i64, f64, f64, f64, f64, f64);

#[derive(Deserialize)]
struct WireTrade<'a> {
    trade_id: u64,
    /// The side of the order that was in the book.
    side: MakerSide,
    size: &'a str,
    price: &'a str,
    time: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MakerSide {
    Buy,
    Sell,
}

/// `[price, size, number of orders]`.
#[derive(Deserialize)]
struct WireLevel<'a>(&'a str, &'a str, i32);

#[derive(Deserialize)]
struct WireBook<'a> {
    sequence: i64,
    #[serde(borrow)]
    bids: Vec<WireLevel<'a>>,
    #[serde(borrow)]
    asks: Vec<WireLevel<'a>>,
}

#[derive(Deserialize)]
struct WireClock<'a> {
    iso: &'a str,
}

#[derive(Deserialize)]
struct WireProduct {
    id: String,
    base_currency: String,
    quote_currency: String,
    status: String,
    trading_disabled: bool,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

const PROFILE: Profile = Profile {
    name: "coinbase",
    rest_url: "https://api.exchange.coinbase.com",
    recordings: &["coinbase_exchange"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

impl Exchange for Coinbase {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        format!("{}-{}", pair.base(), pair.quote())
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let product = format!("/products/{}", page.instrument.symbol);
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
        let next = match page.series.kind() {
            Kind::Ohlc => self.parse_candles(answer.body, page.rows, out),
            Kind::Trades => self.parse_trades(answer.body, page, out),
            Kind::OrderBook => self.parse_book(answer, page.rows, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }?;
        Ok(next.into())
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
        let one = pair.map(|pair| format!("/{}", self.symbol(pair))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/products{one}"), 1).like("/products/{symbol}")
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        // One product is answered as an object, all of them as a list.
        let is_list = body.trim_ascii_start().starts_with(b"[");
        let products: Vec<WireProduct> =
            if is_list { read(self, body)? } else { vec![read::<WireProduct>(self, body)?] };
        let instruments = products.into_iter().map(|product| Instrument {
            pair: format!("{}/{}", product.base_currency, product.quote_currency).parse().ok(),
            is_open: product.status == "online" && !product.trading_disabled,
            ..Instrument::named(product.id)
        });
        Ok(Listing { instruments: instruments.collect(), quotas: Vec::new() })
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

impl Coinbase {
    fn parse_candles(&self, body: &[u8], most: u32, out: &mut Batch) -> Result<Next, ParseError> {
        let mut newest_first = Vec::with_capacity((body.len() / CANDLE_BYTES).min(most as usize));
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, wire: WireCandle| {
            let WireCandle(time, low, high, open, close, volume) = wire;
            newest_first.push(Row(row).candle(Candle {
                ts: Micros::from_secs(time),
                open,
                high,
                low,
                close,
                volume,
                // It tells neither; they stay unknown.
                quote_volume: None,
                trades: None,
            })?);
            Ok(())
        })?;
        out.reserve(newest_first.len());
        let mut candles = out.candles_mut();
        newest_first.into_iter().rev().for_each(|candle| candles.push(candle));
        Ok(Next::ByTime)
    }

    fn parse_trades(&self, body: &[u8], page: &Page, out: &mut Batch) -> Result<Next, ParseError> {
        let mut newest_first = Vec::with_capacity((body.len() / TRADE_BYTES).min(page.rows as usize));
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, wire: WireTrade<'_>| {
            newest_first.push((Row(row), wire));
            Ok(())
        })?;
        // Ids grow with time: in their order trades of one instant are as they happened.
        newest_first.sort_by_key(|(_, wire)| wire.trade_id);
        let ends = newest_first.first().zip(newest_first.last());
        let ends = ends.map(|((_, oldest), (_, newest))| (oldest.trade_id, newest.trade_id));
        // A page cut short lacks its oldest rows, after which the walk would not look.
        if let (Ask::FromId(id), Some((oldest, _))) = (page.ask, ends)
            && oldest > id.max(1)
        {
            return Err(malformed(body, format!("it begins with trade {oldest}, trade {id} was asked for")));
        }
        out.reserve(newest_first.len());
        let (mut trades, mut id) = (out.trades_mut(), String::new());
        for (row, wire) in newest_first {
            id.clear();
            let _ = write!(id, "{}", wire.trade_id);
            trades.push(Trade {
                ts: row.rfc3339(wire.time)?,
                ts_recv: None,
                id: Some(&id),
                price: row.amount(wire.price)?,
                amount: row.amount(wire.size)?,
                // It names the side of the maker; the taker is the other one.
                side: Some(match wire.side {
                    MakerSide::Buy => Side::Sell,
                    MakerSide::Sell => Side::Buy,
                }),
            });
        }
        Ok(ends.map_or(Next::ByTime, |(_, newest)| Next::FromId(newest)))
    }

    fn parse_book(&self, answer: &Answer<'_>, levels: u32, out: &mut Batch) -> Result<Next, ParseError> {
        let wire: WireBook<'_> = read(self, answer.body)?;
        out.reserve((wire.bids.len() + wire.asks.len()).min(2 * levels as usize));
        let mut book = out.book_mut();
        for (side, rows) in [(Side::Bid, &wire.bids), (Side::Ask, &wire.asks)] {
            for (row, WireLevel(price, size, orders)) in rows.iter().take(levels as usize).enumerate() {
                let row = Row(row);
                book.push(BookLevel {
                    ord: 0,
                    ts: answer.received,
                    ts_recv: answer.received,
                    seq: Some(wire.sequence),
                    is_snapshot: true,
                    side,
                    price: row.amount(price)?,
                    amount: row.amount(size)?,
                    count: Some(*orders),
                });
            }
        }
        Ok(Next::ByTime)
    }
}

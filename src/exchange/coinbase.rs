//! Coinbase Exchange over REST: candles, trades and book snapshots of its spot markets.
//!
//! Source: Coinbase Exchange REST reference, "Products" and "Pagination". Answers are newest first; candles
//! come as numbers, prices of trades and books as strings. Buckets without a trade are left out.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read};
use crate::exchange::entries::{Entries, Member, YesNo};
use crate::exchange::page::in_url;
use crate::exchange::record::{Record, TradeId, TradeRow};
use crate::exchange::rows::{Bare, Order, Refused, Source, Taken, WireRow};
use crate::exchange::wire::{Columns, Int, Members, Num, Text};
use crate::exchange::{
    Answer, Ask, Bounds, Direction, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, Kind, Market, Micros, Pair};

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

/// `[time, low, high, open, close, volume]`: low and high come before open.
#[derive(Deserialize)]
struct WireCandle(Int, Num, Num, Num, Num, Num);

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTrade<'a> {
    trade_id: Int,
    /// The side of the order that was in the book.
    #[serde(borrow)]
    side: Text<'a>,
    size: Num,
    price: Num,
    #[serde(borrow)]
    time: Text<'a>,
}

/// `[price, size, number of orders]`.
type WireLevel = Columns<(Num, Num, Int)>;

#[derive(Deserialize)]
struct WireBook {
    sequence: Int,
    bids: Vec<WireLevel>,
    asks: Vec<WireLevel>,
}

#[derive(Deserialize)]
struct WireClock<'a> {
    iso: &'a str,
}

#[derive(Deserialize)]
struct WireProduct {
    id: String,
    #[serde(default)]
    base_currency: Member,
    #[serde(default)]
    quote_currency: Member,
    #[serde(default)]
    status: Member,
    #[serde(default)]
    trading_disabled: YesNo,
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
            Kind::OrderBook => self.parse_book(answer, page.rows, out),
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

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        // One product is answered as an object, all of them as a list.
        let is_list = body.trim_ascii_start().starts_with(b"[");
        let mut odd = Vec::new();
        let products: Vec<WireProduct> = if is_list {
            Entries::named("id", &mut odd).read(&read::<Vec<&RawValue>>(self, body)?)
        } else {
            vec![read(self, body)?]
        };
        let instruments = products.into_iter().map(|product| product.instrument(&mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }
}

impl WireProduct {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.id, why));
        let pair = Pair::listed(self.base_currency.text(), self.quote_currency.text(), Market::Spot);
        let pair = pair.map_err(|error| tell(error.to_string())).ok();
        let is_online = match self.status.text() {
            "online" => true,
            "offline" | "internal" | "delisted" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let is_open = is_online && self.trading_disabled.0 != Some(true);
        Instrument { pair, is_open, ..Instrument::named(self.id) }
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

impl WireRow<'_> for WireCandle {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_secs(self.0)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let WireCandle(_, low, high, open, close, volume) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            // It tells neither; they stay unknown.
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.time)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.trade_id)?),
            price: row.positive(self.price)?,
            amount: row.positive(self.size)?,
            // It names the side of the maker; the taker is the other one.
            side: Some(row.side(&self.side, "sell", "buy")?),
        }))
    }
}

/// Ids grow with time.
fn parse_trades(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let rows = source.read::<Members<WireTrade<'_>>>(&mut Bare)?;
    let ends = rows.kept.first().and_then(Record::number).zip(rows.kept.last().and_then(Record::number));
    // A page cut short lacks its oldest rows, after which the walk would not look; rows set aside are not lacking.
    if let (Ask::FromId(id), Some((oldest, _))) = (source.page.ask, ends)
        && oldest.saturating_sub(id.max(1)) > rows.odd().len() as u64
    {
        let reason = format!("it begins with trade {oldest}, trade {id} was asked for");
        return Err(malformed(source.body, reason));
    }
    Ok(rows.append(ends.map_or(Next::ByTime, |(_, newest)| Next::FromId(newest)), out))
}

impl Coinbase {
    fn parse_book(&self, answer: &Answer<'_>, levels: u32, out: &mut Batch) -> Result<Parsed, ParseError> {
        let Members(wire) = read::<Members<WireBook>>(self, answer.body)?;
        let side = |levels: Vec<WireLevel>| {
            let level = |(row, Columns((price, size, orders)))| {
                Level::read(Row(row), price, size)?.with_count(Row(row), orders)
            };
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, RowFault>>()
        };
        let seq = Row(0).count_if_any(wire.sequence)?;
        let snapshot = Snapshot { ts: answer.received, received: answer.received, seq, depth: levels };
        snapshot.append(side(wire.bids)?, side(wire.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

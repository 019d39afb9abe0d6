//! Bitfinex v2 over REST: candles, trades and book snapshots of spot markets.
//!
//! Source: Bitfinex API v2, "REST public endpoints". Rows are bare arrays of JSON numbers, times are in
//! milliseconds, bounds are inclusive, `sort=1` turns answers oldest first. There is no clock to ask: the
//! `Date` of any answer is the only time the exchange tells.

use std::time::Duration;

use jiff::fmt::rfc2822;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read, unreadable};
use crate::exchange::entries::Entries;
use crate::exchange::record::{TradeId, TradeRow};
use crate::exchange::rows::{Bare, Order, Refused, Source, Taken, WireRow};
use crate::exchange::wire::{Columns, Int, Num};
use crate::exchange::{
    Answer, AssetNames, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry, OddFault, Offer,
    Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, Kind, Market, Micros, Pair, Side};

/// Bitfinex, spot markets.
pub(crate) struct Bitfinex;

/// On which day weeks and fortnights open is documented nowhere.
const SPANS: [SpanOffer; 12] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(10_800, "3h"),
    SpanOffer::usual(21_600, "6h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1D"),
    SpanOffer::adrift(604_800, "1W"),
    SpanOffer::adrift(1_209_600, "14D"),
    SpanOffer::usual(2_592_000, "1M"),
];

/// Each endpoint has its own limit a minute.
const QUOTAS: [Quota; 4] = [per_minute(30), per_minute(15), per_minute(240), per_minute(90)];
const CANDLES: usize = 0;
const TRADES: usize = 1;
const BOOKS: usize = 2;
const CONFIGS: usize = 3;

const fn per_minute(weight: u32) -> Quota {
    Quota { weight, per: Duration::from_secs(60) }
}

const OFFERS: [Offer; 3] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        page_rows: 10_000,
        probe: Probe::ByTime,
        budget: CANDLES,
        grace: Duration::from_secs(10),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        page_rows: 10_000,
        probe: Probe::ByTime,
        // Requests are scarce and pages large.
        walk: Duration::from_secs(7 * 86_400),
        budget: TRADES,
        grace: Duration::from_secs(10),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        page_rows: 100,
        history: History::Now,
        depths: &[(1, 1), (25, 1), (100, 1)],
        budget: BOOKS,
        recorded: true,
        ..Offer::USUAL
    },
];

/// `[time, open, close, high, low, volume]`: close comes before high and low.
#[derive(Deserialize)]
struct Bar(Int, Num, Num, Num, Num, Num);

/// `[id, time, amount, price]`: what was sold is negative.
#[derive(Deserialize)]
struct Fill(Int, Int, Num, Num);

/// `[price, orders, amount]`: asks are negative.
type WireLevel = Columns<(Num, Int, Num)>;

/// `["error", code, message]`.
#[derive(Deserialize)]
struct ErrorBody(String, Option<i64>, String);

/// `{"error": "ERR_RATE_LIMIT"}`, which stands before any of its endpoints.
#[derive(Deserialize)]
struct OwnErrorBody {
    error: String,
}

const PROFILE: Profile = Profile {
    name: "bitfinex",
    rest_url: "https://api-pub.bitfinex.com",
    recordings: &["bitfinex"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

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
                HttpRequest::new("ohlc", path, 1).like(pattern).paid_from(CANDLES)
            }
            Kind::OrderBook => {
                // Other lengths are refused.
                let depths = OFFERS[2].depths;
                let len = depths.iter().find(|(depth, _)| rows <= *depth).map_or(100, |(depth, _)| *depth);
                let path = format!("/v2/book/{symbol}/P0?len={len}");
                HttpRequest::new("book_snapshot", path, 1).like("/v2/book/{symbol}/P0").paid_from(BOOKS)
            }
            _ => {
                let path = format!("/v2/trades/{symbol}/hist?{query}");
                HttpRequest::new("trades", path, 1).like("/v2/trades/{symbol}/hist").paid_from(TRADES)
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
            Kind::OrderBook => self.parse_book(page, answer, out),
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
        HttpRequest::new("time", "/v2/platform/status".to_owned(), 1).paid_from(CONFIGS)
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
        HttpRequest::new("instruments", "/v2/conf/pub:list:pair:exchange".to_owned(), 1).paid_from(CONFIGS)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let (raw,): (Vec<&RawValue>,) = read(self, body)?;
        let mut odd = Vec::new();
        let names: Vec<String> = Entries::named("", &mut odd).read(&raw);
        let instruments = names.into_iter().filter_map(|name| instrument(&name, &mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }

    fn names_request(&self) -> Option<HttpRequest> {
        let request = HttpRequest::new("instruments", "/v2/conf/pub:map:currency:sym".to_owned(), 1);
        Some(request.paid_from(CONFIGS))
    }

    fn parse_names(&self, body: &[u8]) -> Result<AssetNames, ParseError> {
        let (raw,): (Vec<&RawValue>,) = read(self, body)?;
        // What is no pair of names is no name of anything that is collected.
        let names = raw.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok());
        Ok(AssetNames::new(names))
    }
}

/// A listed market: `BTCUSD` or `DOGE:USD`.
fn instrument(name: &str, odd: &mut Vec<OddEntry>) -> Option<Instrument> {
    let parts = name.split_once(':').or_else(|| name.split_at_checked(3));
    let pair = parts.and_then(|(base, quote)| Pair::listed(base, quote, Market::Spot).ok());
    if pair.is_none() {
        odd.push(OddEntry::new(name, "it is no pair"));
        return None;
    }
    Some(Instrument { pair, ..Instrument::named(format!("t{name}")) })
}

impl Bitfinex {
    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let rows: Vec<WireLevel> = read(self, answer.body)?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for (row, Columns((price, orders, amount))) in rows.into_iter().enumerate() {
            let (row, is_ask) = (Row(row), amount.get().is_some_and(|amount| amount < 0.0));
            let side = if is_ask { &mut asks } else { &mut bids };
            side.push(Level::read(row, price, amount.size())?.with_count(row, orders)?);
        }
        // The answer carries no time of its own.
        let (ts, received) = (answer.received, answer.received);
        let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
        snapshot.append(bids, asks, out)?;
        Ok(Next::ByTime.into())
    }
}

impl WireRow<'_> for Bar {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let Bar(_, open, close, high, low, volume) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.1)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let Fill(id, _, amount, price) = self;
        let side = match row.num(amount)? {
            amount if amount < 0.0 => Side::Sell,
            amount if amount > 0.0 => Side::Buy,
            _ => return Err(row.fault(OddFault::Value, "its amount is zero, which has no side").into()),
        };
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(id)?),
            price: row.positive(price)?,
            amount: row.positive(amount.size())?,
            side: Some(side),
        }))
    }
}

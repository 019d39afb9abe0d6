//! BitMEX over REST: spot, perpetual and dated contracts; candles, trades, book snapshots and funding.
//!
//! Source: BitMEX REST API v1 documentation, "Trade", "OrderBook", "Funding", "Instrument". Answers are asked
//! for oldest first; times are RFC 3339 with milliseconds, bounds inclusive. Bitcoin is called XBT.

use std::fmt::Display;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::decode::{Row, each_row, malformed, read, told, unreadable};
use crate::exchange::entries::{Entries, Member, YesNo};
use crate::exchange::page::in_url;
use crate::exchange::quarter;
use crate::exchange::{
    Answer, Ask, Contract, Decimal, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, Pair, Side, Trade};

/// BitMEX, all markets.
pub(crate) struct Bitmex;

const SPANS: [SpanOffer; 4] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(86_400, "1d"),
];

/// Thirty requests a minute without a key, until a header says another number.
const QUOTAS: [Quota; 1] = [Quota { weight: 30, per: MINUTE }];

const MINUTE: Duration = Duration::from_secs(60);

const ALL: [Market; 4] = [Market::Spot, Market::Perp, Market::Quarter, Market::NextQuarter];
const NOT_RECORDED: [Market; 3] = [Market::Spot, Market::Quarter, Market::NextQuarter];

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    probe: Probe::ByTime,
    grace: Duration::from_secs(10),
    ..Offer::USUAL
};

const TRADES: Offer = Offer {
    kind: Kind::Trades,
    probe: Probe::ByTime,
    walk: Duration::from_secs(86_400),
    grace: Duration::from_secs(10),
    ..Offer::USUAL
};

const OFFERS: [Offer; 6] = [
    Offer { markets: &[Market::Perp], recorded: true, ..CANDLES },
    Offer { markets: &NOT_RECORDED, ..CANDLES },
    Offer { markets: &[Market::Perp], recorded: true, ..TRADES },
    Offer { markets: &NOT_RECORDED, ..TRADES },
    Offer {
        kind: Kind::OrderBook,
        markets: &ALL,
        history: History::Now,
        depths: &[(1_000, 1)],
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        page_rows: 500,
        probe: Probe::ByTime,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
];

/// A trade is hardly shorter than this, so a body says how many rows it may hold.
const TRADE_BYTES: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket<'a> {
    /// When it ends.
    timestamp: &'a str,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    trades: i64,
    /// What was traded, in the base and in the quote asset; its `volume` counts contracts.
    home_notional: f64,
    foreign_notional: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTrade<'a> {
    timestamp: &'a str,
    side: TakerSide,
    /// Contracts.
    size: f64,
    price: f64,
    #[serde(rename = "trdMatchID")]
    id: &'a str,
    /// The base amount, where it is told.
    #[serde(default, deserialize_with = "told")]
    home_notional: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
enum TakerSide {
    Buy,
    Sell,
    /// Nobody took: a settlement.
    #[serde(rename = "")]
    Nobody,
}

#[derive(Deserialize)]
struct WireLevel {
    side: TakerSide,
    size: f64,
    price: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFunding<'a> {
    timestamp: &'a str,
    funding_rate: f64,
}

#[derive(Deserialize)]
struct WireClock {
    timestamp: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInstrument {
    symbol: String,
    #[serde(default)]
    state: Member,
    #[serde(default)]
    typ: Member,
    #[serde(default)]
    listing: Member,
    #[serde(default)]
    expiry: Member,
    #[serde(default)]
    underlying: Member,
    #[serde(default)]
    quote_currency: Member,
    #[serde(default)]
    multiplier: Member,
    #[serde(default)]
    underlying_to_position_multiplier: Member,
    #[serde(default)]
    underlying_to_settle_multiplier: Member,
    #[serde(default)]
    is_quanto: YesNo,
    #[serde(default)]
    is_inverse: YesNo,
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

const PROFILE: Profile = Profile {
    name: "bitmex",
    rest_url: "https://www.bitmex.com",
    recordings: &["bitmex"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

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
        let next = match page.series.kind() {
            Kind::Ohlc => self.parse_buckets(page, answer.body, out),
            Kind::Trades => self.parse_trades(page, answer.body, out),
            Kind::OrderBook => self.parse_book(page, answer, out),
            Kind::Funding => self.parse_funding(answer.body, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }?;
        Ok(next.into())
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
        Ok(Row(0).millis(clock.timestamp)?)
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

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let raw: Vec<&RawValue> = read(self, body)?;
        let mut odd = Vec::new();
        let listed: Vec<WireInstrument> = Entries::named("symbol", &mut odd).read(&raw);
        let instruments = listed.iter().map(|wire| wire.instrument(&listed, &mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }

    fn used_weight(&self, _: usize, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        let number = |name| header(name)?.parse::<u32>().ok();
        let [limit, left] = ["x-ratelimit-limit", "x-ratelimit-remaining"].map(number);
        limit?.checked_sub(left?)
    }

    fn limit_ends(&self, header: &dyn Fn(&str) -> Option<String>) -> Option<Micros> {
        header("x-ratelimit-reset")?.parse().ok().map(Micros::from_secs)
    }

    fn announced_quota(&self, _: usize, header: &dyn Fn(&str) -> Option<String>) -> Option<Quota> {
        let weight = header("x-ratelimit-limit")?.parse().ok()?;
        (weight > 0).then_some(Quota { weight, per: MINUTE })
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

impl WireInstrument {
    /// A listed market; of dated contracts only those of a quarter's end have a name of ours.
    fn instrument(&self, all: &[WireInstrument], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let (listed, ends) = (told(self.listing.rfc3339("listing")), told(self.expiry.rfc3339("expiry")));
        if self.typ.text() == "FFCCSX" && self.expiry.text().is_empty() {
            tell("it is dated and does not say when it ends".to_owned());
        }
        let market = match self.typ.text() {
            "IFXXXP" => Some(Market::Spot),
            "FFWCSX" => Some(Market::Perp),
            "FFCCSX" => ends.and_then(|ends| self.dated(ends, all)),
            // Contracts on other things than coins, options and indices.
            "FFWCSF" | "FFICSX" | "FFSCSX" | "OCECCS" | "OPECCS" => None,
            index if index.starts_with("MR") => None,
            other => {
                tell(format!("its typ `{other}` is not known"));
                None
            }
        };
        let is_open = match self.state.text() {
            "Open" => true,
            "Closed" | "Unlisted" | "Settled" | "Cleared" | "Delisted" | "Expired" => false,
            other => {
                tell(format!("its state `{other}` is not known"));
                false
            }
        };
        let is_known = matches!(self.typ.text(), "IFXXXP" | "FFWCSX" | "FFCCSX");
        let contract = if is_known { self.contract().map_err(&mut tell).ok().flatten() } else { None };
        let assets = (self.underlying.text(), self.quote_currency.text());
        let pair = market.and_then(|market| Pair::listed(assets.0, assets.1, market).ok());
        Instrument { pair, is_open, listed, ends, contract, ..Instrument::named(self.symbol.clone()) }
    }

    fn dated(&self, ends: Micros, all: &[WireInstrument]) -> Option<Market> {
        let alike = all.iter().filter(|own| {
            (&own.underlying, &own.quote_currency, &own.typ, own.state.text())
                == (&self.underlying, &self.quote_currency, &self.typ, "Open")
        });
        quarter::market(ends, alike.filter_map(|own| own.expiry.rfc3339("expiry").ok().flatten()))
    }

    /// What one contract is: inverse ones are some of the quote asset, linear ones and spot lots some of the base
    /// asset. What a quanto contract is of its base asset depends on a third price, so it is not known.
    fn contract(&self) -> Result<Option<Contract>, String> {
        let (Some(is_quanto), Some(is_inverse)) = (self.is_quanto.0, self.is_inverse.0) else {
            return Err("it does not say which asset a contract counts".to_owned());
        };
        if is_quanto {
            return Ok(None);
        }
        let size = if is_inverse {
            let by = unsigned(&self.underlying_to_settle_multiplier).size("underlyingToSettleMultiplier")?;
            let times = unsigned(&self.multiplier).size("multiplier")?;
            times.zip(by).and_then(|(times, by)| times.over(by))
        } else {
            let by = self.underlying_to_position_multiplier.size("underlyingToPositionMultiplier")?;
            by.and_then(|by| Decimal::ONE.over(by))
        };
        let size = size.ok_or("it does not say what a contract is")?;
        Ok(Some(if is_inverse { Contract::Quote(size) } else { Contract::Base(size) }))
    }
}

/// Inverse contracts have both of their multipliers negative.
fn unsigned(member: &Member) -> Member {
    Member::from(member.text().trim_start_matches('-'))
}

impl Bitmex {
    fn parse_buckets(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let span = Duration::from_secs(page.series.span().map_or(0, |span| u64::from(span.secs())));
        let mut candles = out.candles_mut();
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, wire: Bucket<'_>| {
            let row = Row(row);
            let candle = Candle {
                // It is stamped with its end.
                ts: row.rfc3339(wire.timestamp)? - span,
                open: row.not_negative(wire.open)?,
                high: wire.high,
                low: wire.low,
                close: wire.close,
                volume: wire.home_notional,
                quote_volume: Some(wire.foreign_notional),
                trades: Some(wire.trades),
            };
            // It opens at the last close, which may lie outside of its own low and high.
            row.candle(Candle { open: wire.close, ..candle })?;
            candles.push(candle);
            Ok(())
        })?;
        Ok(Next::ByTime)
    }

    fn parse_trades(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let mut rows = Vec::with_capacity((body.len() / TRADE_BYTES).min(page.rows as usize));
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, wire: WireTrade<'_>| {
            rows.push((Row(row).rfc3339(wire.timestamp)?, Row(row), wire));
            Ok(())
        })?;
        // An answer in the other order is turned, so that trades of one instant stay as they happened.
        if rows.first().zip(rows.last()).is_some_and(|(first, last)| first.0 > last.0) {
            rows.reverse();
        }
        out.reserve(rows.len());
        let mut trades = out.trades_mut();
        for (ts, row, wire) in &rows {
            let (price, size) = (row.not_negative(wire.price)?, row.not_negative(wire.size)?);
            let amount = match wire.home_notional {
                Some(told) => row.not_negative(told)?,
                None => page.instrument.base_amount(row.0, size, price)?,
            };
            let side = taker(wire.side);
            trades.push(Trade { ts: *ts, ts_recv: None, id: Some(wire.id), price, amount, side });
        }
        Ok(next(page, &rows))
    }

    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Next, ParseError> {
        let mut levels: Vec<(usize, WireLevel)> = Vec::new();
        let unreadable = |error: &dyn Display| unreadable(self, answer.body, error);
        each_row(answer.body, unreadable, |row, wire: WireLevel| {
            levels.push((row, wire));
            Ok(())
        })?;
        levels.sort_by(|a, b| a.1.price.total_cmp(&b.1.price));
        let bids = levels.iter().rev().filter(|(_, wire)| matches!(wire.side, TakerSide::Buy));
        let asks = levels.iter().filter(|(_, wire)| matches!(wire.side, TakerSide::Sell));
        let most = page.rows as usize;
        out.reserve(levels.len().min(2 * most));
        let sides =
            bids.take(most).map(|own| (Side::Bid, own)).chain(asks.take(most).map(|own| (Side::Ask, own)));
        let mut book = out.book_mut();
        for (side, (row, wire)) in sides {
            let row = Row(*row);
            let price = row.not_negative(wire.price)?;
            book.push(BookLevel {
                ord: 0,
                // The times of its levels say when each last changed.
                ts: answer.received,
                ts_recv: answer.received,
                seq: None,
                is_snapshot: true,
                side,
                price,
                amount: page.instrument.base_amount(row.0, row.not_negative(wire.size)?, price)?,
                count: None,
            });
        }
        Ok(Next::ByTime)
    }

    fn parse_funding(&self, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let mut rates = out.funding_mut();
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, wire: WireFunding<'_>| {
            let ts = Row(row).rfc3339(wire.timestamp)?;
            rates.push(FundingRate { ts, rate: wire.funding_rate, mark_price: None });
            Ok(())
        })?;
        Ok(Next::ByTime)
    }
}

fn taker(side: TakerSide) -> Option<Side> {
    match side {
        TakerSide::Buy => Some(Side::Buy),
        TakerSide::Sell => Some(Side::Sell),
        TakerSide::Nobody => None,
    }
}

/// A full page of one instant is followed by the rows after it of the same bounds. A row that came twice is one.
fn next(page: &Page, rows: &[(Micros, Row, WireTrade<'_>)]) -> Next {
    let is_full = rows.len() >= page.rows as usize;
    if !is_full || rows.iter().any(|row| row.0 != rows[0].0) {
        return Next::ByTime;
    }
    let mut ids: Vec<&str> = rows.iter().map(|(.., wire)| wire.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let skipped = match page.ask {
        Ask::Skip(rows) => rows,
        _ => 0,
    };
    Next::Skip(skipped.saturating_add(u32::try_from(ids.len()).unwrap_or(page.rows)))
}

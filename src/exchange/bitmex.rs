//! BitMEX over REST: spot, perpetual and dated contracts; candles, trades, book snapshots and funding.
//!
//! Source: BitMEX REST API v1 documentation, "Trade", "OrderBook", "Funding", "Instrument". Answers are asked
//! for oldest first; times are RFC 3339 with milliseconds, bounds inclusive. Bitcoin is called XBT.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read};
use crate::exchange::entries::{Entries, Member, YesNo};
use crate::exchange::page::in_url;
use crate::exchange::quarter;
use crate::exchange::record::{Key, Record, TradeRow};
use crate::exchange::rows::{Bare, Order, Refused, Rows, Source, Taken, WireRow};
use crate::exchange::wire::{Contracts, Int, Members, Num, Text};
use crate::exchange::{
    Answer, Ask, Contract, Decimal, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, FundingRate, Kind, Market, Micros, Pair, Side};

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

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Bucket<'a> {
    /// When it ends.
    #[serde(borrow)]
    timestamp: Text<'a>,
    open: Num,
    high: Num,
    low: Num,
    close: Num,
    trades: Int,
    /// What was traded, in the base and in the quote asset; its `volume` counts contracts.
    home_notional: Num,
    foreign_notional: Num,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireTrade<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    /// An empty text where nobody took: a settlement.
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Contracts<'a>,
    price: Num,
    #[serde(borrow, rename = "trdMatchID")]
    id: Text<'a>,
    /// The base amount, where it is told.
    home_notional: Num,
}

#[derive(Deserialize)]
struct WireLevel<'a> {
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(default, borrow)]
    size: Contracts<'a>,
    #[serde(default)]
    price: Num,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireFunding<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    funding_rate: Num,
}

#[derive(Deserialize)]
struct WireClock {
    timestamp: Int,
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
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Members<Bucket<'_>>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => {
                let rows = source.read::<Members<WireTrade<'_>>>(&mut Bare)?;
                let next = next(page, &rows);
                Ok(rows.append(next, out))
            }
            Kind::OrderBook => self.parse_book(page, answer, out),
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
    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let levels: Vec<WireLevel<'_>> = read(self, answer.body)?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for (row, wire) in levels.into_iter().enumerate() {
            let row = Row(row);
            let level = Level::read(row, wire.price, wire.size.num())?;
            let amount = page.base_amount(row, &wire.size, level.price)?;
            let side = match row.side(&wire.side, "Buy", "Sell")? {
                Side::Sell => &mut asks,
                _ => &mut bids,
            };
            side.push(Level { amount, ..level });
        }
        // The times of its levels say when each last changed.
        let (ts, received) = (answer.received, answer.received);
        let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
        snapshot.append(bids, asks, out)?;
        Ok(Next::ByTime.into())
    }
}

impl Bucket<'_> {
    /// Whether nothing was traded in it, so that it has no prices.
    fn is_empty(&self) -> bool {
        let has_prices = [self.open, self.high, self.low, self.close].iter().any(|price| !price.is_absent());
        let is_none = |amount: Num| amount.get().map_or(amount.is_absent(), |amount| amount == 0.0);
        let has_trades = !matches!(self.trades, Int::Absent | Int::Is(0));
        !has_prices && !has_trades && is_none(self.home_notional) && is_none(self.foreign_notional)
    }
}

impl<'a> WireRow<'a> for Bucket<'a> {
    type Record = Candle;

    /// It is stamped with its end.
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        let span = page.series.span().map_or(0, |span| u64::from(span.secs()));
        Ok(row.rfc3339(&self.timestamp)? - Duration::from_secs(span))
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        if self.is_empty() {
            return Ok(Taken::Nothing);
        }
        let close = row.num(self.close)?;
        let candle = Candle {
            ts,
            open: row.positive(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close,
            volume: row.positive(self.home_notional)?,
            quote_volume: row.positive_if_any(self.foreign_notional)?,
            trades: row.count_if_any(self.trades)?,
        };
        // It opens at the last close, which may lie outside of its own low and high.
        row.candle(Candle { open: close, ..candle })?;
        Ok(Taken::Row(candle))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let price = row.positive(self.price)?;
        row.positive(self.size.num())?;
        let amount = match row.positive_if_any(self.home_notional)? {
            Some(told) => told,
            None => page.base_amount(row, &self.size, price)?,
        };
        let side = match self.side.map_or("", RawValue::get) {
            "\"\"" => None,
            side => Some(row.side(side, "\"Buy\"", "\"Sell\"")?),
        };
        Ok(Taken::Row(TradeRow { ts, id: row.word_id(self.id)?, price, amount, side }))
    }
}

impl<'a> WireRow<'a> for WireFunding<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.funding_rate)?, mark_price: None }))
    }
}

/// A full page of one instant is followed by the rows after it of the same bounds. A row that came twice is one.
fn next(page: &Page, rows: &Rows<TradeRow<'_>>) -> Next {
    let is_full = rows.came >= page.rows as usize;
    let Some(first) = rows.kept.first().filter(|_| is_full) else { return Next::ByTime };
    if rows.kept.iter().any(|row| row.ts != first.ts) {
        return Next::ByTime;
    }
    let mut keys: Vec<Key<'_>> = rows.kept.iter().map(Record::key).collect();
    keys.sort_unstable();
    keys.dedup();
    let skipped = match page.ask {
        Ask::Skip(rows) => rows,
        _ => 0,
    };
    let came = keys.len() + rows.odd().len();
    Next::Skip(skipped.saturating_add(u32::try_from(came).unwrap_or(page.rows)))
}

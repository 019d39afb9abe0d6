//! Kraken Futures over REST: candles, the trades of a week, book snapshots and funding rates of linear contracts.
//!
//! Source: Kraken Futures API documentation, "Market Data" (derivatives v3), "Historical funding rates" (v4) and
//! "Charts" (v1). Candles are oldest first and name their bounds in seconds, trades newest first before an
//! instant; funding is a whole year at once. Sizes count contracts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read, unreadable};
use crate::exchange::entries::{Entries, Member, YesNo};
use crate::exchange::record::TradeRow;
use crate::exchange::rows::{Envelope, Order, Refused, Source, Taken, WireRow, each};
use crate::exchange::wire::{Columns, Contracts, Int, Members, Num, Text};
use crate::exchange::{
    Answer, Bounds, Contract, Direction, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, FundingRate, Kind, Market, Micros, Pair};

/// Kraken's derivatives.
pub(crate) struct KrakenFutures;

const SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1d"),
    SpanOffer::usual(604_800, "1w"),
];

const MARKETS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

/// 500 points in 10 seconds. What public calls cost is not documented; each is taken for an ordinary call.
const QUOTAS: [Quota; 1] = [Quota { weight: 500, per: Duration::from_secs(10) }];
const CALL: u32 = 10;

/// The levels of each side kept at most: a book is answered whole.
const LEVELS: u32 = 1_000;

const OFFERS: [Offer; 4] = [
    Offer {
        kind: Kind::Ohlc,
        markets: MARKETS,
        spans: &SPANS,
        page_rows: 2_000,
        // Which end of a longer window it answers is not documented.
        bounds: Bounds::Page,
        probe: Probe::Longest,
        weight: CALL,
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        markets: MARKETS,
        page_rows: 100,
        direction: Direction::NewestFirst,
        bounds: Bounds::Near,
        // Seven days, less what passes between a plan and its last page; fewer after a restart of its engine.
        history: History::For(Duration::from_secs(7 * 86_400 - 3_600)),
        is_forgetful: true,
        walk: Duration::from_secs(6 * 3_600),
        weight: CALL,
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        markets: MARKETS,
        page_rows: LEVELS,
        history: History::Now,
        depths: &[(LEVELS, CALL)],
        weight: CALL,
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        // A year of hours and some; it is never full.
        page_rows: 10_000,
        bounds: Bounds::Unbounded,
        history: History::For(Duration::from_secs(364 * 86_400)),
        weight: CALL,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
];

#[derive(Deserialize)]
struct ErrorBody {
    result: String,
    error: String,
}

/// Charts do not say that they succeeded.
#[derive(Deserialize)]
struct Candles<T> {
    candles: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ohlc<'a> {
    time: Int,
    open: Num,
    high: Num,
    low: Num,
    close: Num,
    #[serde(borrow)]
    volume: Contracts<'a>,
}

#[derive(Deserialize)]
struct Fills<'a, T> {
    #[serde(borrow)]
    result: Text<'a>,
    history: Vec<T>,
}

/// Its `trade_id` only numbers the rows of one answer; `uid` is the trade's own.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fill<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    price: Num,
    #[serde(borrow)]
    size: Contracts<'a>,
    /// The taker's.
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow, rename = "orderBook")]
    book: Sides<'a>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

#[derive(Deserialize)]
struct Sides<'a> {
    #[serde(borrow)]
    asks: Vec<WireLevel<'a>>,
    #[serde(borrow)]
    bids: Vec<WireLevel<'a>>,
}

/// `[price, contracts]`.
type WireLevel<'a> = Columns<(Num, Contracts<'a>)>;

#[derive(Deserialize)]
struct Rates<'a, T> {
    #[serde(borrow)]
    result: Text<'a>,
    rates: Vec<T>,
}

/// `fundingRate` is in the quote asset for a contract; the relative one is a fraction.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rate<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(rename = "relativeFundingRate")]
    relative: Num,
}

/// Where each kind of rows stands.
enum Within {
    Charts,
    History,
    Rates,
}

#[derive(Deserialize)]
struct ServerTime<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow)]
    instruments: Vec<&'a RawValue>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    symbol: String,
    #[serde(default)]
    tradeable: YesNo,
    #[serde(default)]
    contract_size: Member,
    #[serde(default)]
    opening_date: Member,
    /// Perpetual contracts have none.
    #[serde(default)]
    last_trading_time: Member,
}

/// What an instrument's symbol says.
struct Name<'a> {
    base: &'a str,
    quote: &'a str,
    is_dated: bool,
}

const PROFILE: Profile = Profile {
    name: "krakenfutures",
    rest_url: "https://futures.kraken.com",
    recordings: &["kraken_futures"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

impl Exchange for KrakenFutures {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// Perpetual contracts are `PF_XBTUSD`; the date of a dated one is in the listing.
    fn symbol(&self, pair: &Pair) -> String {
        let prefix = if pair.market() == Market::Perp { "PF" } else { "FF" };
        let own = |asset: &str| match asset {
            "BTC" => "XBT".to_owned(),
            "DOGE" => "XDG".to_owned(),
            other => other.to_owned(),
        };
        format!("{prefix}_{}{}", own(pair.base()), own(pair.quote()))
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let symbol = page.symbol();
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                // Opens are whole seconds, so it does not matter whether the last one is taken in.
                let (from, to) = (secs_ceil(page.window.from), secs_ceil(page.window.until) - 1);
                let path = format!("/api/charts/v1/trade/{symbol}/{word}?from={from}&to={to}");
                HttpRequest::new("ohlc", path, CALL).like("/api/charts/v1/trade/{symbol}/{span}")
            }
            Kind::OrderBook => HttpRequest::new(
                "book_snapshot",
                format!("/derivatives/api/v3/orderbook?symbol={symbol}"),
                CALL,
            ),
            Kind::Funding => HttpRequest::new(
                "funding",
                format!("/derivatives/api/v4/historicalfundingrates?symbol={symbol}"),
                CALL,
            ),
            _ => {
                let until = iso_millis(page.window.until);
                let path = format!("/derivatives/api/v3/history?symbol={symbol}&lastTime={until}");
                HttpRequest::new("trades", path, CALL)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        let next = Next::ByTime;
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Members<Ohlc<'_>>>(&mut Within::Charts)?.append(next, out)),
            Kind::Trades => {
                let source = Source { order: Order::NewestFirst, ..source };
                Ok(source.read::<Members<Fill<'_>>>(&mut Within::History)?.append(next, out))
            }
            Kind::OrderBook => self.parse_depth(page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Rate<'_>>>(&mut Within::Rates)?.append(next, out)),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let told: ErrorBody = serde_json::from_slice(body).ok()?;
        if told.result != "error" {
            return None;
        }
        let kind = match told.error.as_str() {
            "contractNotFound" => RefusalKind::UnknownSymbol,
            "apiLimitExceeded" => RefusalKind::RateLimit,
            "marketUnavailable" | "unavailable" | "Unavailable" | "Server Error" | "unknownError" => {
                RefusalKind::Temporary
            }
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: "error".to_owned(), message: told.error })
    }

    /// Every answer of the derivatives tells the time; the ticker of one contract is the shortest.
    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/derivatives/api/v3/tickers/PF_XBTUSD".to_owned(), CALL)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime<'_> = self.read(answer.body, |time: &ServerTime<'_>| &*time.result)?;
        Ok(Row(0).rfc3339(&time.server_time)?)
    }

    /// There is no listing of one pair.
    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/derivatives/api/v3/instruments".to_owned(), CALL)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let listed: Listed<'_> = self.read(body, |listed: &Listed<'_>| &*listed.result)?;
        let now = Row(0).rfc3339(&listed.server_time)?;
        let mut odd = Vec::new();
        let wires: Vec<Wire> = Entries::named("symbol", &mut odd).read(&listed.instruments);
        let mut instruments: Vec<Instrument> =
            wires.into_iter().map(|wire| wire.instrument(&mut odd)).collect();
        name_quarters(&mut instruments, now);
        Ok(Listing { instruments, odd, ..Listing::default() })
    }
}

impl KrakenFutures {
    /// Reads a body of the documented shape that calls itself a success; an error body is the refusal it says.
    fn read<'a, T: Deserialize<'a>>(
        &self,
        body: &'a [u8],
        result: impl Fn(&T) -> &str,
    ) -> Result<T, ParseError> {
        let read: T = read(self, body)?;
        match result(&read) {
            "success" => Ok(read),
            other => Err(unreadable(self, body, &format!("its result is {other}"))),
        }
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let depth: Depth<'_> = self.read(answer.body, |depth: &Depth<'_>| &*depth.result)?;
        let side = |levels: Vec<WireLevel<'_>>| {
            let level = |(row, Columns((price, contracts))): (usize, WireLevel<'_>)| {
                let level = Level::read(Row(row), price, contracts.num())?;
                let amount = page.base_amount(Row(row), &contracts, level.price)?;
                Ok::<_, ParseError>(Level { amount, ..level })
            };
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
        };
        let ts = Row(0).rfc3339(&depth.server_time)?;
        let snapshot = Snapshot { ts, received: answer.received, seq: None, depth: page.rows };
        snapshot.append(side(depth.book.bids)?, side(depth.book.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

impl Envelope for Within {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        _: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let rows = match self {
            Within::Charts => KrakenFutures.read(body, |_: &Candles<T>| "success")?.candles,
            Within::History => KrakenFutures.read(body, |fills: &Fills<'a, T>| &*fills.result)?.history,
            Within::Rates => KrakenFutures.read(body, |rates: &Rates<'a, T>| &*rates.result)?.rates,
        };
        each(rows, take);
        Ok(())
    }
}

impl<'a> WireRow<'a> for Ohlc<'a> {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let close = row.num(self.close)?;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close,
            volume: page.base_amount(row, &self.volume, close)?,
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.time)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let price = row.positive(self.price)?;
        Ok(Taken::Row(TradeRow {
            ts,
            id: row.word_id(self.uid)?,
            price,
            amount: page.base_amount(row, &self.size, price)?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        }))
    }
}

impl<'a> WireRow<'a> for Rate<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.relative)?, mark_price: None }))
    }
}

impl Wire {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let symbol = spelt(&self.symbol);
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.opening_date.rfc3339("openingDate"));
        let ends = told(self.last_trading_time.rfc3339("lastTradingTime"));
        let is_perpetual = self.last_trading_time.text().is_empty();
        let name = Name::of(&symbol).filter(|name| name.is_dated != is_perpetual);
        let size = self.contract_size.size("contractSize").map_err(&mut tell).ok().flatten();
        let is_open = self.tradeable.0.unwrap_or_else(|| {
            tell("it does not say whether it is tradeable".to_owned());
            false
        });
        let perpetual = name.as_ref().filter(|_| is_perpetual);
        let pair = perpetual.and_then(|name| Pair::listed(name.base, name.quote, Market::Perp).ok());
        let contract = size.filter(|_| name.is_some()).map(Contract::Base);
        Instrument { pair, is_open, listed, ends, contract, ..Instrument::named(symbol) }
    }
}

/// The two nearest contracts of a pair that end with a quarter have its names.
fn name_quarters(instruments: &mut [Instrument], now: Micros) {
    let mut quarters: BTreeMap<(String, String), Vec<(Micros, usize)>> = BTreeMap::new();
    for (place, instrument) in instruments.iter().enumerate() {
        let name = Name::of(&instrument.symbol).filter(|name| name.is_dated);
        let ends = instrument.ends.filter(|ends| now < *ends && ends_a_quarter(*ends));
        if let (Some(name), Some(ends)) = (name, ends) {
            let assets = (name.base.to_owned(), name.quote.to_owned());
            quarters.entry(assets).or_default().push((ends, place));
        }
    }
    for ((base, quote), mut ends) in quarters {
        ends.sort_unstable();
        for ((_, place), market) in ends.into_iter().zip([Market::Quarter, Market::NextQuarter]) {
            instruments[place].pair = Pair::listed(&base, &quote, market).ok();
        }
    }
}

/// A symbol as it is asked for: in capitals where it has none.
fn spelt(symbol: &str) -> String {
    if symbol.chars().any(char::is_uppercase) { symbol.to_owned() } else { symbol.to_ascii_uppercase() }
}

impl<'a> Name<'a> {
    /// Reads `PF_XBTUSD` and `FF_XBTUSD_240628`: linear contracts, which count in the base asset. Any other, such
    /// as the inverse `PI_XBTUSD`, which counts dollars, has no pair of ours.
    fn of(symbol: &'a str) -> Option<Self> {
        let (prefix, rest) = symbol.split_once('_')?;
        let (assets, is_dated) = match (prefix, rest.split_once('_')) {
            ("PF", None) => (rest, false),
            ("FF", Some((assets, _))) => (assets, true),
            _ => return None,
        };
        let base = assets.strip_suffix("USD").filter(|base| !base.is_empty())?;
        let base = match base {
            "XBT" => "BTC",
            "XDG" => "DOGE",
            other => other,
        };
        Some(Name { base, quote: "USD", is_dated })
    }
}

fn ends_a_quarter(ends: Micros) -> bool {
    ends.utc().month() % 3 == 0
}

/// The first millisecond at or after an instant, as it writes one.
fn iso_millis(at: Micros) -> String {
    let at = Micros::from_millis(at.millis_ceil());
    format!("{:.3}", at.timestamp())
}

fn secs_ceil(at: Micros) -> i64 {
    at.secs() + i64::from(at.0 % 1_000_000 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_with_its_millisecond_rounded_up() {
        assert_eq!(iso_millis(Micros(1_573_456_460_093_000)), "2019-11-11T07:14:20.093Z");
        assert_eq!(iso_millis(Micros(1_573_456_460_093_001)), "2019-11-11T07:14:20.094Z");
        assert_eq!(iso_millis(Micros(1_573_456_460_000_000)), "2019-11-11T07:14:20.000Z");
    }

    #[test]
    fn linear_contracts_have_our_names_and_inverse_ones_none() {
        let name = |symbol| Name::of(symbol).map(|name| (name.base.to_owned(), name.is_dated));
        assert_eq!(name("PF_XBTUSD"), Some(("BTC".to_owned(), false)));
        assert_eq!(name("FF_XDGUSD_240628"), Some(("DOGE".to_owned(), true)));
        for other in ["PI_XBTUSD", "FI_XBTUSD_240628", "IN_XBTUSD", "PF_USD", "PF_XBTEUR", "FF_XBTUSD", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}

//! Kraken Futures over REST: candles, the trades of a week, book snapshots and funding rates of linear contracts.
//!
//! Source: Kraken Futures API documentation, "Market Data" (derivatives v3), "Historical funding rates" (v4) and
//! "Charts" (v1). Candles are oldest first and name their bounds in seconds, trades newest first before an
//! instant; funding is a whole year at once. Sizes count contracts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::decode::{Row, malformed, read, unreadable};
use crate::exchange::entries::{Entries, Member, YesNo};
use crate::exchange::{
    Answer, Bounds, Contract, Direction, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, Pair, Side, Trade};

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

#[derive(Deserialize)]
struct Candles<'a> {
    #[serde(borrow)]
    candles: Vec<Ohlc<'a>>,
}

#[derive(Deserialize)]
struct Ohlc<'a> {
    time: i64,
    open: &'a str,
    high: &'a str,
    low: &'a str,
    close: &'a str,
    volume: &'a str,
}

#[derive(Deserialize)]
struct Fills<'a> {
    result: &'a str,
    #[serde(borrow)]
    history: Vec<Fill<'a>>,
}

/// Its `trade_id` only numbers the rows of one answer; `uid` is the trade's own.
#[derive(Deserialize)]
struct Fill<'a> {
    time: &'a str,
    price: f64,
    size: f64,
    /// The taker's.
    side: &'a str,
    uid: &'a str,
}

#[derive(Deserialize)]
struct Depth<'a> {
    result: &'a str,
    #[serde(rename = "orderBook")]
    book: Sides,
    #[serde(rename = "serverTime")]
    server_time: &'a str,
}

#[derive(Deserialize)]
struct Sides {
    asks: Vec<(f64, f64)>,
    bids: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Rates<'a> {
    result: &'a str,
    #[serde(borrow)]
    rates: Vec<Rate<'a>>,
}

/// `fundingRate` is in the quote asset for a contract; the relative one is a fraction.
#[derive(Deserialize)]
struct Rate<'a> {
    timestamp: &'a str,
    #[serde(rename = "relativeFundingRate")]
    relative: f64,
}

#[derive(Deserialize)]
struct ServerTime<'a> {
    result: &'a str,
    #[serde(rename = "serverTime")]
    server_time: &'a str,
}

#[derive(Deserialize)]
struct Listed<'a> {
    result: &'a str,
    #[serde(borrow)]
    instruments: Vec<&'a RawValue>,
    #[serde(rename = "serverTime")]
    server_time: &'a str,
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
        let next = match page.series.kind() {
            Kind::Ohlc => self.parse_candles(page, answer.body, out),
            Kind::Trades => self.parse_trades(page, answer.body, out),
            Kind::OrderBook => self.parse_depth(page, answer, out),
            Kind::Funding => self.parse_rates(answer.body, out),
            kind => Err(malformed(answer.body, format!("{kind} is not asked of this exchange"))),
        }?;
        Ok(next.into())
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
        let time: ServerTime<'_> = self.read(answer.body, |time: &ServerTime<'_>| time.result)?;
        Ok(Row(0).rfc3339(time.server_time)?)
    }

    /// There is no listing of one pair.
    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/derivatives/api/v3/instruments".to_owned(), CALL)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let listed: Listed<'_> = self.read(body, |listed: &Listed<'_>| listed.result)?;
        let now = Row(0).rfc3339(listed.server_time)?;
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

    fn parse_candles(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        // The charts do not say that they succeeded.
        let wire: Candles<'_> = self.read(body, |_| "success")?;
        out.reserve(wire.candles.len());
        let mut candles = out.candles_mut();
        for (row, wire) in wire.candles.into_iter().enumerate() {
            let row = Row(row);
            let (volume, close) = (row.amount(wire.volume)?, row.number(wire.close)?);
            candles.push(row.candle(Candle {
                ts: row.millis(wire.time)?,
                open: row.number(wire.open)?,
                high: row.number(wire.high)?,
                low: row.number(wire.low)?,
                close,
                volume: page.instrument.base_amount(row.0, volume, close)?,
                quote_volume: None,
                trades: None,
            })?);
        }
        Ok(Next::ByTime)
    }

    fn parse_trades(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let fills: Fills<'_> = self.read(body, |fills: &Fills<'_>| fills.result)?;
        out.reserve(fills.history.len());
        let mut trades = out.trades_mut();
        // Newest first on the wire.
        for (row, fill) in fills.history.iter().enumerate().rev() {
            let row = Row(row);
            let side = match fill.side {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                _ => return Err(row.impossible("its side is neither buy nor sell").into()),
            };
            let (price, contracts) = (row.not_negative(fill.price)?, row.not_negative(fill.size)?);
            trades.push(Trade {
                ts: row.rfc3339(fill.time)?,
                ts_recv: None,
                id: Some(fill.uid),
                price,
                amount: page.instrument.base_amount(row.0, contracts, price)?,
                side: Some(side),
            });
        }
        Ok(Next::ByTime)
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Next, ParseError> {
        let depth: Depth<'_> = self.read(answer.body, |depth: &Depth<'_>| depth.result)?;
        let ts = Row(0).rfc3339(depth.server_time)?;
        out.reserve((depth.book.bids.len() + depth.book.asks.len()).min(2 * page.rows as usize));
        let mut book = out.book_mut();
        for (side, rows) in [(Side::Bid, &depth.book.bids), (Side::Ask, &depth.book.asks)] {
            for (row, (price, contracts)) in rows.iter().take(page.rows as usize).enumerate() {
                let row = Row(row);
                let (price, contracts) = (row.not_negative(*price)?, row.not_negative(*contracts)?);
                book.push(BookLevel {
                    ord: 0,
                    ts,
                    ts_recv: answer.received,
                    seq: None,
                    is_snapshot: true,
                    side,
                    price,
                    amount: page.instrument.base_amount(row.0, contracts, price)?,
                    count: None,
                });
            }
        }
        Ok(Next::ByTime)
    }

    fn parse_rates(&self, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let rates: Rates<'_> = self.read(body, |rates: &Rates<'_>| rates.result)?;
        out.reserve(rates.rates.len());
        let mut funding = out.funding_mut();
        for (row, wire) in rates.rates.iter().enumerate() {
            let ts = Row(row).rfc3339(wire.timestamp)?;
            funding.push(FundingRate { ts, rate: wire.relative, mark_price: None });
        }
        Ok(Next::ByTime)
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

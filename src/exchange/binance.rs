//! Binance over REST: candles, aggregate trades and book snapshots of spot markets and, where
//! [`binance_usdm`](super::binance_usdm) says how, of USD-margined contracts with funding and open interest.
//!
//! Source: Binance spot API documentation, "Market Data endpoints" (REST v3). Times are in milliseconds,
//! numbers are strings, answers are oldest first, bounds are inclusive.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::binance_usdm::{self as usdm, Funded, Interest};
use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, read};
use crate::exchange::entries::{Entries, Member};
use crate::exchange::page::in_url;
use crate::exchange::record::{Record, TradeId, TradeRow};
use crate::exchange::rows::{Bare, Order, Refused, Source, Taken, WireRow};
use crate::exchange::wire::{Columns, Int, Members, Num};
use crate::exchange::{
    Answer, Ask, Contract, Exchange, History, HttpRequest, Instrument, Listing, Next, OddEntry, OddFault,
    Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, Kind, Market, Micros, Pair};

/// Binance, spot markets and USD-margined contracts.
pub(crate) struct Binance;

/// Spans and Binance's words for them; upper-case M is the month. Weeks open on Monday. Where a 3-day candle
/// opens is not documented, so the walk does not hold 3-day rows to a grid.
pub(super) const SPANS: [SpanOffer; 15] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(180, "3m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(7_200, "2h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(21_600, "6h"),
    SpanOffer::usual(28_800, "8h"),
    SpanOffer::usual(43_200, "12h"),
    SpanOffer::usual(86_400, "1d"),
    SpanOffer::adrift(259_200, "3d"),
    SpanOffer::usual(604_800, "1w"),
    SpanOffer::usual(2_592_000, "1M"),
];

const QUOTAS: [Quota; 4] = {
    let [requests, funding, statistics] = usdm::QUOTAS;
    [Quota { weight: 6_000, per: Duration::from_secs(60) }, requests, funding, statistics]
};

const OFFERS: [Offer; 8] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        probe: Probe::ByTime,
        weight: 2,
        grace: Duration::from_secs(2),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::Trades,
        ids_are_contiguous: true,
        probe: Probe::ById,
        walk: Duration::from_secs(6 * 3_600),
        weight: 4,
        grace: Duration::from_secs(5),
        recorded: true,
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OrderBook,
        page_rows: 5_000,
        history: History::Now,
        depths: &[(100, 5), (500, 25), (1_000, 50), (5_000, 250)],
        weight: 5,
        recorded: true,
        ..Offer::USUAL
    },
    usdm::candles(&SPANS),
    usdm::TRADES,
    usdm::BOOK,
    usdm::FUNDING_RATES,
    usdm::OPEN_INTEREST,
];

/// `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, …]`.
#[derive(Deserialize)]
pub(super) struct Kline {
    pub(super) opened: Int,
    pub(super) open: Num,
    pub(super) high: Num,
    pub(super) low: Num,
    pub(super) close: Num,
    pub(super) volume: Num,
    pub(super) closed: Int,
    pub(super) quote_volume: Num,
    pub(super) trades: Int,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AggTrade {
    pub(super) a: Int,
    pub(super) p: Num,
    pub(super) q: Num,
    #[serde(rename = "T")]
    pub(super) time: Int,
    /// Whether the buyer was the maker, that is, whether the taker sold.
    pub(super) m: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Depth {
    #[serde(rename = "lastUpdateId")]
    pub(super) last_update_id: Int,
    /// When it was so, in milliseconds; only contracts say it.
    #[serde(default, rename = "T")]
    pub(super) time: Int,
    pub(super) bids: Vec<Columns<(Num, Num)>>,
    pub(super) asks: Vec<Columns<(Num, Num)>>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    msg: String,
}

#[derive(Deserialize)]
struct ServerTime {
    #[serde(rename = "serverTime")]
    server_time: Int,
}

#[derive(Deserialize)]
struct ExchangeInfo<'a> {
    #[serde(default, borrow, rename = "rateLimits")]
    rate_limits: Vec<&'a RawValue>,
    #[serde(borrow)]
    symbols: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    symbol: String,
    #[serde(default, alias = "contractStatus")]
    status: Member,
    #[serde(default)]
    base_asset: Member,
    #[serde(default)]
    quote_asset: Member,
    /// Empty for spot markets.
    #[serde(default)]
    contract_type: Member,
    #[serde(default)]
    onboard_date: Member,
    #[serde(default)]
    delivery_date: Member,
    /// In the quote asset; only coin-margined contracts are counted.
    #[serde(default)]
    contract_size: Member,
}

const PROFILE: Profile = Profile {
    name: "binance",
    rest_url: "https://api.binance.com",
    recordings: &["binance"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: Some(
        "set `exchanges.binance.rest_url` to https://data-api.binance.vision, its market-data host without an account",
    ),
};

impl Exchange for Binance {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        format!("{}{}", pair.base(), pair.quote())
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let symbol = page.symbol();
        if page.series.pair().market() != Market::Spot {
            let spans = self.offer_for(&page.series).map_or(&[][..], |offer| offer.spans);
            let pair = self.symbol(page.series.pair());
            return usdm::request(page, &in_url(&pair), &page.word(spans));
        }
        // Bounds are inclusive milliseconds: the last one inside a half-open window is the one before its end.
        let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let word = page.word(&SPANS);
                let path = format!(
                    "/api/v3/klines?symbol={symbol}&interval={word}&startTime={first}&endTime={last}&limit={rows}"
                );
                HttpRequest::new("ohlc", path, OFFERS[0].weight)
            }
            Kind::OrderBook => HttpRequest::new(
                "book_snapshot",
                format!("/api/v3/depth?symbol={symbol}&limit={rows}"),
                depth_weight(rows),
            ),
            _ => {
                let bounds = match page.ask {
                    Ask::FromId(id) => format!("fromId={id}"),
                    _ => format!("startTime={first}&endTime={last}"),
                };
                let path = format!("/api/v3/aggTrades?symbol={symbol}&{bounds}&limit={rows}");
                HttpRequest::new("trades", path, OFFERS[1].weight)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Kline>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => self.parse_trades(source, out),
            Kind::OrderBook => self.parse_depth(page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Funded>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::OpenInterest => Ok(source.read::<Members<Interest>>(&mut Bare)?.append(Next::ByTime, out)),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let error: ErrorBody = serde_json::from_slice(body).ok()?;
        let kind = match error.code {
            -1121 => RefusalKind::UnknownSymbol,
            // Such as small letters.
            -1100 if error.msg.contains("symbol") => RefusalKind::UnknownSymbol,
            -1003 | -1015 => RefusalKind::RateLimit,
            // Disconnected, unexpected answer, time-out, overloaded, shutting down.
            -1000 | -1001 | -1006 | -1007 | -1008 | -1016 => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: error.code.to_string(), message: error.msg })
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v3/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime = read(self, answer.body)?;
        Ok(Row(0).instant_millis(time.server_time)?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        if pair.is_some_and(|pair| pair.market() != Market::Spot) {
            let all = HttpRequest::new("instruments", "/fapi/v1/exchangeInfo".to_owned(), 1);
            return all.paid_from(usdm::REQUESTS).to(usdm::HOST);
        }
        let query = pair.map(|pair| format!("?symbol={}", in_url(&self.symbol(pair)))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/api/v3/exchangeInfo{query}"), 20)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing(self, body, |is_usdm| if is_usdm { usdm::REQUESTS } else { 0 })
    }

    fn used_weight(&self, budget: usize, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        // The others are not counted in weights.
        if budget > usdm::REQUESTS {
            return None;
        }
        header("x-mbx-used-weight-1m")?.parse().ok()
    }
}

impl WireRow<'_> for Kline {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.opened)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        self.candle(row, ts, row.positive(self.volume)?, row.positive_if_any(self.quote_volume)?)
    }
}

impl Kline {
    /// The candle, with its amounts of the base and the quote asset.
    pub(super) fn candle(
        &self,
        row: Row,
        ts: Micros,
        volume: f64,
        quote_volume: Option<f64>,
    ) -> Result<Taken<Candle>, Refused> {
        if self.closed.get().is_some_and(|closed| closed < ts.millis_floor()) {
            return Err(row.fault(OddFault::Contradiction, "it closes before it opens").into());
        }
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close: row.num(self.close)?,
            volume,
            quote_volume,
            trades: row.count_if_any(self.trades)?,
        })?))
    }
}

impl<'a> WireRow<'a> for AggTrade {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(self.trade(row, ts)?))
    }
}

impl AggTrade {
    /// The trade, with its amount as it is counted.
    pub(super) fn trade(&self, row: Row, ts: Micros) -> Result<TradeRow<'static>, RowFault> {
        Ok(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.a)?),
            price: row.positive(self.p)?,
            amount: row.positive(self.q)?,
            side: Some(row.taker_by_maker(self.m)?),
        })
    }
}

impl Binance {
    fn parse_trades(&self, source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let rows = source.read::<Members<AggTrade>>(&mut Bare)?;
        let newest = rows.kept.iter().filter_map(Record::number).max();
        Ok(rows.append(newest.map_or(Next::ByTime, Next::FromId), out))
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let Members(depth) = read::<Members<Depth>>(self, answer.body)?;
        let ts = match page.series.pair().market() {
            Market::Spot => answer.received,
            _ => Row(0).instant_millis(depth.time)?,
        };
        depth.append(page, ts, answer.received, |_, level| Ok(level), out)
    }
}

impl Depth {
    /// Appends its levels. Contracts are counted by the amounts of some markets.
    pub(super) fn append(
        self,
        page: &Page,
        ts: Micros,
        received: Micros,
        amount: impl Fn(Row, Level) -> Result<Level, ParseError>,
        out: &mut Batch,
    ) -> Result<Parsed, ParseError> {
        let seq = Row(0).count_if_any(self.last_update_id)?;
        let side = |levels: Vec<Columns<(Num, Num)>>| {
            let level = |(row, Columns((price, size)))| amount(Row(row), Level::read(Row(row), price, size)?);
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
        };
        let snapshot = Snapshot { ts, received, seq, depth: page.rows };
        snapshot.append(side(self.bids)?, side(self.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

/// A listing with the weight it announces for the budget that pays, which depends on whether it lists contracts.
pub(super) fn listing(
    exchange: &dyn Exchange,
    body: &[u8],
    budget: impl Fn(bool) -> usize,
) -> Result<Listing, ParseError> {
    let info: ExchangeInfo<'_> = read(exchange, body)?;
    let mut odd = Vec::new();
    let limits: Vec<RateLimit> = Entries::named("rateLimitType", &mut odd).read(&info.rate_limits);
    let symbols: Vec<Symbol> = Entries::named("symbol", &mut odd).read(&info.symbols);
    let weight = |limit: &&RateLimit| limit.rate_limit_type == "REQUEST_WEIGHT";
    let quota = limits.iter().find(weight).and_then(|limit| {
        let unit = match limit.interval.as_str() {
            "SECOND" => 1,
            "MINUTE" => 60,
            "HOUR" => 3_600,
            "DAY" => 86_400,
            _ => return None,
        };
        let per = Duration::from_secs(unit * u64::from(limit.interval_num));
        (limit.limit > 0 && !per.is_zero()).then_some(Quota { weight: limit.limit, per })
    });
    let budget = budget(symbols.iter().any(|listed| !listed.contract_type.text().is_empty()));
    let instruments = symbols.into_iter().map(|symbol| symbol.instrument(&mut odd)).collect();
    Ok(Listing { instruments, quotas: quota.into_iter().map(|quota| (budget, quota)).collect(), odd })
}

impl Symbol {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let market = match self.contract_type.text() {
            "" => Some(Market::Spot),
            // The other ones are on shares and metals.
            "PERPETUAL" | "TRADIFI_PERPETUAL" => Some(Market::Perp),
            "CURRENT_QUARTER" => Some(Market::Quarter),
            "NEXT_QUARTER" => Some(Market::NextQuarter),
            known if NAMELESS.contains(&known) => None,
            other => {
                tell(format!("its contractType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.status.text() {
            "TRADING" => true,
            known if CLOSED.contains(&known) => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.onboard_date.millis("onboardDate"));
        // A perpetual contract "ends" in the year 2100.
        let is_dated = self.contract_type.text().ends_with("QUARTER");
        let ends = if is_dated { told(self.delivery_date.millis("deliveryDate")) } else { None };
        let size = self.contract_size.size("contractSize").map_err(&mut tell).ok().flatten();
        let pair = market.map(|market| {
            Pair::listed(self.base_asset.text(), self.quote_asset.text(), market)
                .map_err(|error| tell(error.to_string()))
        });
        Instrument {
            pair: pair.and_then(Result::ok),
            is_open,
            listed,
            ends,
            contract: size.map(Contract::Quote),
            ..Instrument::named(self.symbol)
        }
    }
}

/// Kinds of contracts that are known and have no name of ours.
const NAMELESS: [&str; 5] = [
    "CURRENT_MONTH",
    "NEXT_MONTH",
    "PERPETUAL DELIVERING",
    "CURRENT_QUARTER DELIVERING",
    "NEXT_QUARTER DELIVERING",
];

/// States in which nothing is traded.
const CLOSED: [&str; 14] = [
    "PRE_TRADING",
    "POST_TRADING",
    "END_OF_DAY",
    "HALT",
    "AUCTION_MATCH",
    "BREAK",
    "CANCEL_ONLY",
    "PENDING_TRADING",
    "PRE_DELIVERING",
    "DELIVERING",
    "DELIVERED",
    "PRE_SETTLE",
    "SETTLING",
    "CLOSE",
];

/// What a snapshot of so many levels weighs.
fn depth_weight(levels: u32) -> u32 {
    let depths = OFFERS[2].depths;
    depths.iter().find(|(most, _)| levels <= *most).or(depths.last()).map_or(250, |(_, weight)| *weight)
}

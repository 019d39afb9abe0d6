//! Bybit over REST (v5): spot, and linear and inverse perpetual and dated contracts.
//!
//! Source: Bybit v5 API documentation, "Market". Every answer is an envelope with a `retCode`, errors too and
//! with status 200; lists are newest first; numbers and times are strings; bounds are inclusive milliseconds.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, read, unreadable};
use crate::exchange::entries::{Entries, Member};
use crate::exchange::page::in_url;
use crate::exchange::quarter;
use crate::exchange::record::TradeRow;
use crate::exchange::rows::{Envelope, Order, Refused, Source, Taken, WireRow, each};
use crate::exchange::wire::{Columns, Int, Members, Num, Text};
use crate::exchange::{
    Answer, Bounds, Contract, Decimal, Direction, Exchange, History, HttpRequest, Instrument, Listing, Next,
    OddEntry, Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{Batch, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Pair};

/// Bybit, all markets.
pub(crate) struct Bybit;

/// Minutes as numbers, then letters. Weeks open on Monday.
const SPANS: [SpanOffer; 13] = [
    SpanOffer::usual(60, "1"),
    SpanOffer::usual(180, "3"),
    SpanOffer::usual(300, "5"),
    SpanOffer::usual(900, "15"),
    SpanOffer::usual(1_800, "30"),
    SpanOffer::usual(3_600, "60"),
    SpanOffer::usual(7_200, "120"),
    SpanOffer::usual(14_400, "240"),
    SpanOffer::usual(21_600, "360"),
    SpanOffer::usual(43_200, "720"),
    SpanOffer::usual(86_400, "D"),
    SpanOffer::usual(604_800, "W"),
    SpanOffer::usual(2_592_000, "M"),
];

const INTEREST_SPANS: [SpanOffer; 6] = [
    SpanOffer::usual(300, "5min"),
    SpanOffer::usual(900, "15min"),
    SpanOffer::usual(1_800, "30min"),
    SpanOffer::usual(3_600, "1h"),
    SpanOffer::usual(14_400, "4h"),
    SpanOffer::usual(86_400, "1d"),
];

/// Six hundred requests in five seconds and address.
const QUOTAS: [Quota; 1] = [Quota { weight: 600, per: Duration::from_secs(5) }];

const DERIVED: [Market; 3] = [Market::Perp, Market::Quarter, Market::NextQuarter];

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &SPANS,
    direction: Direction::NewestFirst,
    probe: Probe::Longest,
    grace: Duration::from_secs(2),
    ..Offer::USUAL
};

/// Only the newest trades are there over REST: sixty of spot, a thousand of others.
const TRADES: Offer = Offer {
    kind: Kind::Trades,
    direction: Direction::NewestFirst,
    bounds: Bounds::Unbounded,
    ..Offer::USUAL
};

const BOOK: Offer = Offer { kind: Kind::OrderBook, history: History::Now, ..Offer::USUAL };

const OFFERS: [Offer; 8] = [
    Offer { recorded: true, ..CANDLES },
    Offer { markets: &DERIVED, ..CANDLES },
    Offer { page_rows: 60, history: History::Rows(60), ..TRADES },
    Offer { markets: &DERIVED, history: History::Rows(1_000), ..TRADES },
    Offer { page_rows: 200, depths: &[(200, 1)], ..BOOK },
    Offer { markets: &DERIVED, page_rows: 500, depths: &[(500, 1)], ..BOOK },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        page_rows: 200,
        direction: Direction::NewestFirst,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
    Offer {
        kind: Kind::OpenInterest,
        markets: &DERIVED,
        spans: &INTEREST_SPANS,
        page_rows: 200,
        direction: Direction::NewestFirst,
        probe: Probe::Longest,
        grace: Duration::from_secs(60),
        ..Offer::USUAL
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered<T> {
    ret_code: Int,
    result: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    ret_code: Int,
    ret_msg: String,
}

/// What holds rows, newest first.
#[derive(Deserialize)]
struct List<T> {
    list: Vec<T>,
}

/// Rows stand in the list of a good answer.
struct Listed;

/// `[start, open, high, low, close, volume, turnover]`.
#[derive(Deserialize)]
struct Kline(Int, Num, Num, Num, Num, Num, Num);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireTrade<'a> {
    #[serde(borrow)]
    exec_id: Text<'a>,
    price: Num,
    size: Num,
    #[serde(borrow)]
    side: Text<'a>,
    time: Int,
}

#[derive(Deserialize)]
struct WireBook {
    b: Vec<Columns<(Num, Num)>>,
    a: Vec<Columns<(Num, Num)>>,
    ts: Int,
    u: Int,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireFunding {
    funding_rate: Num,
    funding_rate_timestamp: Int,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireInterest {
    open_interest: Num,
    timestamp: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireClock {
    time_nano: Int,
}

#[derive(Deserialize)]
struct WireListing<'a> {
    category: &'a str,
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

/// Spot has neither a kind of contract nor times.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInstrument {
    symbol: String,
    #[serde(default)]
    contract_type: Member,
    #[serde(default)]
    status: Member,
    #[serde(default)]
    base_coin: Member,
    #[serde(default)]
    quote_coin: Member,
    #[serde(default)]
    launch_time: Member,
    #[serde(default)]
    delivery_time: Member,
}

const PROFILE: Profile = Profile {
    name: "bybit",
    rest_url: "https://api.bybit.com",
    recordings: &["bybit"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: Some(
        "set `exchanges.bybit.rest_url` to https://api.bytick.com, its other main host, or to its host for your country",
    ),
};

impl Exchange for Bybit {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        match (pair.market(), pair.quote()) {
            (Market::Perp, "USDC") => format!("{}PERP", pair.base()),
            (Market::Spot | Market::Perp, quote) => format!("{}{quote}", pair.base()),
            // Dated contracts change their name every quarter; their listing is asked by the base asset.
            (Market::Quarter | Market::NextQuarter, _) => pair.base().to_owned(),
        }
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let what = format!("category={}&symbol={}", category(page.series.pair()), page.symbol());
        let rows = page.rows;
        match page.series.kind() {
            Kind::Ohlc => {
                let (word, bounds) = (page.word(&SPANS), bounds(page, ["start", "end"]));
                let path = format!("/v5/market/kline?{what}&interval={word}{bounds}&limit={rows}");
                HttpRequest::new("ohlc", path, 1)
            }
            Kind::Trades => {
                HttpRequest::new("trades", format!("/v5/market/recent-trade?{what}&limit={rows}"), 1)
            }
            Kind::OrderBook => {
                HttpRequest::new("book_snapshot", format!("/v5/market/orderbook?{what}&limit={rows}"), 1)
            }
            Kind::Funding => {
                let bounds = bounds(page, ["startTime", "endTime"]);
                HttpRequest::new(
                    "funding",
                    format!("/v5/market/funding/history?{what}{bounds}&limit={rows}"),
                    1,
                )
            }
            Kind::OpenInterest => {
                let (word, bounds) = (page.word(&INTEREST_SPANS), bounds(page, ["startTime", "endTime"]));
                let path =
                    format!("/v5/market/open-interest?{what}&intervalTime={word}{bounds}&limit={rows}");
                HttpRequest::new("open_interest", path, 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::NewestFirst };
        let next = Next::ByTime;
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Kline>>(&mut Listed)?.append(next, out)),
            Kind::Trades => Ok(source.read::<Members<WireTrade<'_>>>(&mut Listed)?.append(next, out)),
            Kind::OrderBook => self.parse_book(page, answer, out),
            Kind::Funding => Ok(source.read::<Members<WireFunding>>(&mut Listed)?.append(next, out)),
            Kind::OpenInterest => parse_interest(source, out),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Option<Refusal> {
        if status == 403 && body.windows(TOO_FREQUENT.len()).any(|part| part == TOO_FREQUENT) {
            let message = "403, access too frequent".to_owned();
            return Some(Refusal { kind: RefusalKind::RateLimit, code: "403".to_owned(), message });
        }
        let error: ErrorBody = serde_json::from_slice(body).ok()?;
        let names_a_symbol = error.ret_msg.to_ascii_lowercase().contains("symbol");
        let code = error.ret_code.get()?;
        let kind = match code {
            0 => return None,
            // A wrong symbol is one of the wrong parameters; the words alone tell which.
            10_001 if names_a_symbol => RefusalKind::UnknownSymbol,
            170_121 => RefusalKind::UnknownSymbol,
            10_006 | 10_018 | 10_429 => RefusalKind::RateLimit,
            10_000 | 10_016 | 10_019 => RefusalKind::Temporary,
            _ => RefusalKind::Permanent,
        };
        Some(Refusal { kind, code: code.to_string(), message: error.ret_msg })
    }

    fn limit_ends(&self, header: &dyn Fn(&str) -> Option<String>) -> Option<Micros> {
        header("x-bapi-limit-reset-timestamp")?.parse().ok().map(Micros::from_millis)
    }

    /// An address that is refused before any envelope is let in again after ten minutes.
    fn lockout(&self, refusal: &Refusal) -> Option<Duration> {
        (refusal.code == "403").then_some(Duration::from_secs(600))
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/v5/market/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let clock: WireClock = self.read(answer.body)?;
        let nanos = clock.time_nano.get().ok_or_else(|| Row(0).impossible("its time is no number"))?;
        Ok(Row(0).time(Micros(nanos / 1_000))?)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        let query = match pair {
            None => "category=spot".to_owned(),
            Some(pair) => {
                let by = if is_dated(pair) { "baseCoin" } else { "symbol" };
                format!("category={}&{by}={}&limit=1000", category(pair), in_url(&self.symbol(pair)))
            }
        };
        HttpRequest::new("instruments", format!("/v5/market/instruments-info?{query}"), 1)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let listed: WireListing<'_> = self.read(body)?;
        let mut odd = Vec::new();
        let wires: Vec<WireInstrument> = Entries::named("symbol", &mut odd).read(&listed.list);
        let instruments =
            wires.iter().map(|wire| wire.instrument(listed.category, &wires, &mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }
}

/// The words of the refusal that comes before any envelope.
const TOO_FREQUENT: &[u8] = b"access too frequent";

/// Contracts paid in dollars are inverse: settled in the base asset.
fn category(pair: &Pair) -> &'static str {
    match (pair.market(), pair.quote()) {
        (Market::Spot, _) => "spot",
        (_, "USD") => "inverse",
        _ => "linear",
    }
}

fn is_inverse(page: &Page) -> bool {
    category(page.series.pair()) == "inverse"
}

fn is_dated(pair: &Pair) -> bool {
    matches!(pair.market(), Market::Quarter | Market::NextQuarter)
}

/// Both bounds as inclusive milliseconds; a window that is open downwards has an end alone.
fn bounds(page: &Page, [first, last]: [&str; 2]) -> String {
    let until = page.window.until.millis_ceil() - 1;
    match page.window.from {
        from if from <= Micros(0) => format!("&{last}={until}"),
        from => format!("&{first}={}&{last}={until}", from.millis_ceil()),
    }
}

impl WireInstrument {
    /// A listed market; of dated contracts only those of a quarter's end have a name of ours.
    fn instrument(&self, category: &str, all: &[WireInstrument], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let market = match self.contract_type.text() {
            "" => Some(Market::Spot),
            "LinearPerpetual" | "InversePerpetual" => Some(Market::Perp),
            "LinearFutures" | "InverseFutures" => self.dated(all),
            other => {
                tell(format!("its contractType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.status.text() {
            "Trading" => true,
            "PreLaunch" | "Settling" | "Delivering" | "Closed" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.launch_time.millis("launchTime"));
        let ends = told(self.delivery_time.millis("deliveryTime"));
        let pair = market.map(|market| {
            Pair::listed(self.base_coin.text(), self.quote_coin.text(), market)
                .map_err(|error| tell(error.to_string()))
        });
        Instrument {
            pair: pair.and_then(Result::ok),
            is_open,
            listed,
            ends,
            // An inverse contract is one dollar; a linear one counts the base asset itself.
            contract: match category {
                "inverse" => Some(Contract::Quote(Decimal::ONE)),
                "linear" => Some(Contract::Base(Decimal::ONE)),
                _ => None,
            },
            ..Instrument::named(self.symbol.clone())
        }
    }

    /// The market of a dated contract, where it has a name of ours.
    fn dated(&self, all: &[WireInstrument]) -> Option<Market> {
        let ends = |own: &WireInstrument| own.delivery_time.millis("deliveryTime").ok().flatten();
        let alike = all.iter().filter(|own| {
            (&own.base_coin, &own.quote_coin, &own.contract_type, own.status.text())
                == (&self.base_coin, &self.quote_coin, &self.contract_type, "Trading")
        });
        quarter::market(ends(self)?, alike.filter_map(ends))
    }
}

impl Bybit {
    /// Reads the result out of a good answer; any other is the refusal it says.
    fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, ParseError> {
        let answered: Answered<T> = read(self, body)?;
        match answered.ret_code.get() {
            Some(0) => Ok(answered.result),
            _ => Err(unreadable(self, body, &"its code is no success")),
        }
    }

    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let Members(wire) = self.read::<Members<WireBook>>(answer.body)?;
        let side = |levels: Vec<Columns<(Num, Num)>>| {
            let level = |(row, Columns((price, size)))| {
                let level = Level::read(Row(row), price, size)?;
                if is_inverse(page) { level.of_contracts(Row(row), page) } else { Ok(level) }
            };
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, ParseError>>()
        };
        let (ts, seq) = (Row(0).instant_millis(wire.ts)?, Row(0).count_if_any(wire.u)?);
        let snapshot = Snapshot { ts, received: answer.received, seq, depth: page.rows };
        snapshot.append(side(wire.b)?, side(wire.a)?, out)?;
        Ok(Next::ByTime.into())
    }
}

impl Envelope for Listed {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        _: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        let listed: List<T> = Bybit.read(body)?;
        each(listed.list, take);
        Ok(())
    }
}

impl WireRow<'_> for Kline {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let Kline(_, open, high, low, close, volume, turnover) = self;
        // Of inverse contracts the volume counts dollars and the turnover the base asset.
        let (base, quote) = if is_inverse(page) { (turnover, volume) } else { (volume, turnover) };
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(base)?,
            quote_volume: row.positive_if_any(quote)?,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    /// What is sent counts the base asset, but of inverse contracts, which count dollars.
    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let (price, size) = (row.positive(self.price)?, row.positive(self.size)?);
        let amount = if is_inverse(page) { page.instrument.base_amount(row.0, size, price)? } else { size };
        let side = Some(row.side(&self.side, "Buy", "Sell")?);
        Ok(Taken::Row(TradeRow { ts, id: row.word_id(self.exec_id)?, price, amount, side }))
    }
}

impl WireRow<'_> for WireFunding {
    type Record = FundingRate;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.funding_rate_timestamp)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.funding_rate)?, mark_price: None }))
    }
}

impl WireRow<'_> for WireInterest {
    type Record = OpenInterest;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.timestamp)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let open_interest = row.positive(self.open_interest)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value: None }))
    }
}

fn parse_interest(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let rows = source.read::<Members<WireInterest>>(&mut Listed)?;
    if is_inverse(source.page) {
        return Err(ParseError::Refused(Refusal {
            kind: RefusalKind::Permanent,
            code: "unit".to_owned(),
            message: "the open interest of inverse contracts is told in dollars, not in the base asset"
                .to_owned(),
        }));
    }
    Ok(rows.append(Next::ByTime, out))
}

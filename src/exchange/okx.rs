//! OKX v5 over REST: candles, trades, book snapshots, funding rates and open interest of spot, perpetual and
//! quarterly contracts.
//!
//! Source: OKX API v5, "Order Book Trading", "Public Data" and "Trading Statistics". Everything is text, also
//! the code of the envelope, which is an error wherever it is not "0". Answers come newest first; `after` and
//! `before` are exclusive and mean older and newer than.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::exchange::book_rows::{Level, Snapshot};
use crate::exchange::decode::{Row, RowFault, malformed, read};
use crate::exchange::entries::{Entries, Member};
use crate::exchange::page::in_url;
use crate::exchange::quarter;
use crate::exchange::record::{Record, TradeId, TradeRow};
use crate::exchange::rows::{Envelope, Order, Refused, Source, Taken, WireRow, each};
use crate::exchange::wire::{Columns, Contracts, Int, Members, Num, Text};
use crate::exchange::{
    Answer, Ask, Bounds, Contract, Decimal, Direction, Exchange, History, HttpRequest, Instrument, Listing,
    Next, OddEntry, OddFault, Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind,
    SpanOffer,
};
use crate::model::{Batch, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Pair};

/// OKX.
pub(crate) struct Okx;

/// Spans from six hours on open at midnight of UTC+8 unless their word ends in `utc`.
const SPANS: [SpanOffer; 14] = [
    SpanOffer::usual(60, "1m"),
    SpanOffer::usual(180, "3m"),
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1H"),
    SpanOffer::usual(7_200, "2H"),
    SpanOffer::usual(14_400, "4H"),
    SpanOffer::usual(21_600, "6Hutc"),
    SpanOffer::usual(43_200, "12Hutc"),
    SpanOffer::usual(86_400, "1Dutc"),
    SpanOffer::usual(259_200, "3Dutc"),
    SpanOffer::usual(604_800, "1Wutc"),
    SpanOffer::usual(2_592_000, "1Mutc"),
];

const INTEREST_SPANS: [SpanOffer; 9] = [
    SpanOffer::usual(300, "5m"),
    SpanOffer::usual(900, "15m"),
    SpanOffer::usual(1_800, "30m"),
    SpanOffer::usual(3_600, "1H"),
    SpanOffer::usual(7_200, "2H"),
    SpanOffer::usual(14_400, "4H"),
    SpanOffer::usual(21_600, "6Hutc"),
    SpanOffer::usual(43_200, "12Hutc"),
    SpanOffer::usual(86_400, "1Dutc"),
];

const ALL_MARKETS: &[Market] = &[Market::Spot, Market::Perp, Market::Quarter, Market::NextQuarter];
const CONTRACTS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

/// Each endpoint has its own limit in two seconds.
const QUOTAS: [Quota; 7] = [
    per_two_seconds(20),
    per_two_seconds(20),
    per_two_seconds(40),
    per_two_seconds(10),
    per_two_seconds(10),
    per_two_seconds(20),
    per_two_seconds(10),
];
const CANDLES: usize = 0;
const TRADES: usize = 1;
const BOOKS: usize = 2;
const FUNDING: usize = 3;
const INTEREST: usize = 4;
const INSTRUMENTS: usize = 5;
const TIME: usize = 6;

const fn per_two_seconds(weight: u32) -> Quota {
    Quota { weight, per: Duration::from_secs(2) }
}

const DAY: Duration = Duration::from_secs(86_400);

/// Up to 300 candles are documented, but old ones are known to come by 100: a page that asked for more could
/// not be told from one cut short.
const DOWN: Offer =
    Offer { markets: ALL_MARKETS, page_rows: 100, direction: Direction::NewestFirst, ..Offer::USUAL };

const OFFERS: [Offer; 5] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        probe: Probe::Longest,
        budget: CANDLES,
        // A finished candle takes a moment to reach the history.
        grace: Duration::from_secs(10),
        recorded: true,
        ..DOWN
    },
    Offer {
        kind: Kind::Trades,
        // Only ids can be bounded from below.
        bounds: Bounds::Near,
        history: History::For(Duration::from_secs(90 * 86_400)),
        walk: Duration::from_secs(6 * 3_600),
        budget: TRADES,
        grace: Duration::from_secs(5),
        recorded: true,
        ..DOWN
    },
    Offer {
        kind: Kind::OrderBook,
        page_rows: 400,
        history: History::Now,
        depths: &[(400, 1)],
        budget: BOOKS,
        recorded: true,
        ..DOWN
    },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        history: History::For(Duration::from_secs(90 * 86_400)),
        budget: FUNDING,
        walk: DAY.saturating_mul(30),
        grace: Duration::from_secs(60),
        ..DOWN
    },
    Offer {
        kind: Kind::OpenInterest,
        markets: CONTRACTS,
        spans: &INTEREST_SPANS,
        history: History::Rows(1_440),
        budget: INTEREST,
        grace: Duration::from_secs(60),
        ..DOWN
    },
];

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Answered<'a, T> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    msg: Text<'a>,
    data: Vec<T>,
}

/// The same without what is in it.
#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    msg: Text<'a>,
}

/// Rows stand in the data of a good answer, newest first.
struct Data;

/// `[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`.
#[derive(Deserialize)]
struct Bar<'a>(Int, Num, Num, Num, Num, Num, Num, Num, #[serde(default, borrow)] Confirm<'a>);

/// `1` once a candle is closed; rows did not always have it.
#[derive(Default)]
enum Confirm<'a> {
    #[default]
    Unsaid,
    Said(Text<'a>),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fill<'a> {
    trade_id: Int,
    px: Num,
    #[serde(borrow)]
    sz: Contracts<'a>,
    #[serde(borrow)]
    side: Text<'a>,
    ts: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Book<'a> {
    #[serde(borrow)]
    asks: Vec<WireLevel<'a>>,
    #[serde(borrow)]
    bids: Vec<WireLevel<'a>>,
    ts: Int,
    /// -1 where it has none.
    #[serde(default)]
    seq_id: Int,
}

/// `[price, size, "0", orders]`.
type WireLevel<'a> = Columns<(Num, Contracts<'a>, IgnoredAny, Int)>;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Funded<'a> {
    funding_time: Int,
    /// The rate that was predicted; `realized_rate` is the one that was paid.
    funding_rate: Num,
    realized_rate: Num,
    /// `current_period` where the rate was not fixed before its period ended.
    #[serde(borrow)]
    method: Text<'a>,
}

/// `[ts, contracts, base asset, US dollars]`.
#[derive(Deserialize)]
struct Interest(Int, IgnoredAny, Num, Num);

#[derive(Deserialize)]
struct Time {
    ts: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    inst_id: String,
    #[serde(default)]
    inst_type: Member,
    #[serde(default)]
    state: Member,
    #[serde(default)]
    inst_family: Member,
    #[serde(default)]
    base_ccy: Member,
    #[serde(default)]
    quote_ccy: Member,
    #[serde(default)]
    ct_val: Member,
    #[serde(default)]
    ct_mult: Member,
    #[serde(default)]
    ct_type: Member,
    #[serde(default)]
    list_time: Member,
    #[serde(default)]
    exp_time: Member,
}

const PROFILE: Profile = Profile {
    name: "okx",
    rest_url: "https://www.okx.com",
    recordings: &["okx"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

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
                HttpRequest::new("ohlc", path, 1).paid_from(CANDLES)
            }
            Kind::OrderBook => {
                let path = format!("/api/v5/market/books?instId={symbol}&sz={rows}");
                HttpRequest::new("book_snapshot", path, 1).paid_from(BOOKS)
            }
            Kind::Funding => {
                let bounds = exclusive(page, "before", "after");
                let path =
                    format!("/api/v5/public/funding-rate-history?instId={symbol}{bounds}&limit={rows}");
                HttpRequest::new("funding", path, 1).paid_from(FUNDING)
            }
            Kind::OpenInterest => {
                let bounds = exclusive(page, "begin", "end");
                let path = format!(
                    "/api/v5/rubik/stat/contracts/open-interest-history?instId={symbol}&period={word}{bounds}&limit={rows}"
                );
                HttpRequest::new("open_interest", path, 1).paid_from(INTEREST)
            }
            Kind::Trades => {
                let bounds = match page.ask {
                    // Older than the one after it: the row itself and those before it.
                    Ask::FromId(id) => format!("type=1&after={}", id.saturating_add(1)),
                    _ => format!("type=2&after={}", page.window.until.millis_ceil()),
                };
                let path = format!("/api/v5/market/history-trades?instId={symbol}&{bounds}&limit={rows}");
                HttpRequest::new("trades", path, 1).paid_from(TRADES)
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
            Kind::OrderBook => self.parse_book(page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Funded<'_>>>(&mut Data)?.append(next, out)),
            Kind::OpenInterest => Ok(source.read::<Columns<Interest>>(&mut Data)?.append(next, out)),
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let outcome: Outcome<'_> = serde_json::from_slice(body).ok()?;
        (&*outcome.code != "0").then(|| refusal(&outcome.code, &outcome.msg))
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v5/public/time".to_owned(), 1).paid_from(TIME)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let times: Vec<Time> = self.read(answer.body)?;
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
        HttpRequest::new("instruments", path, 1).paid_from(INSTRUMENTS)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        let raw: Vec<&RawValue> = self.read(body)?;
        let mut odd = Vec::new();
        let listed: Vec<Listed> = Entries::named("instId", &mut odd).read(&raw);
        let instruments = listed.iter().map(|own| own.instrument(&listed, &mut odd)).collect();
        Ok(Listing { instruments, odd, ..Listing::default() })
    }
}

/// The bounds of a window: both exclusive, the lower one left out where there is none.
fn exclusive(page: &Page, newer_than: &str, older_than: &str) -> String {
    let (from, until) = (page.window.from.millis_ceil(), page.window.until.millis_ceil());
    let lower = if from > 0 { format!("&{newer_than}={}", from - 1) } else { String::new() };
    format!("&{older_than}={until}{lower}")
}

fn refusal(code: &str, msg: &str) -> Refusal {
    let kind = match code {
        "51001" => RefusalKind::UnknownSymbol,
        "50011" | "50040" | "50061" => RefusalKind::RateLimit,
        // Unavailable, timed out, busy, failed inside.
        "50001" | "50004" | "50013" | "50026" => RefusalKind::Temporary,
        _ => RefusalKind::Permanent,
    };
    Refusal { kind, code: code.to_owned(), message: msg.to_owned() }
}

impl Okx {
    /// Reads what is in a good answer; any other is the refusal it says.
    fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<Vec<T>, ParseError> {
        let answered: Answered<'a, T> = read(self, body)?;
        match &*answered.code {
            "0" => Ok(answered.data),
            code => Err(ParseError::Refused(refusal(code, &answered.msg))),
        }
    }

    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let books: Vec<Book<'_>> = self.read(answer.body)?;
        let book = books.into_iter().next().ok_or_else(|| malformed(answer.body, "it has no book"))?;
        let side = |levels: Vec<WireLevel<'_>>| {
            let level = |(row, Columns((price, size, _, orders))): (usize, WireLevel<'_>)| {
                let row = Row(row);
                let level = Level::read(row, price, size.num())?.with_count(row, orders)?;
                let amount = base_amount(page, row, &size, level.price)?;
                Ok::<_, ParseError>(Level { amount, ..level })
            };
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
        };
        let ts = Row(0).instant_millis(book.ts)?;
        let seq = match book.seq_id {
            Int::Is(-1) => None,
            id => Row(0).count_if_any(id)?,
        };
        let snapshot = Snapshot { ts, received: answer.received, seq, depth: page.rows };
        snapshot.append(side(book.bids)?, side(book.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

/// A size in the base asset: contracts are counted, spot is not.
fn base_amount(page: &Page, row: Row, size: &Contracts<'_>, price: f64) -> Result<f64, ParseError> {
    match page.series.pair().market() {
        Market::Spot => Ok(row.positive(size.num())?),
        _ => page.base_amount(row, size, price),
    }
}

impl Envelope for Data {
    fn rows<'a, T: Deserialize<'a>>(
        &mut self,
        _: &dyn Exchange,
        body: &'a [u8],
        take: impl FnMut(T) -> bool,
    ) -> Result<(), ParseError> {
        each(Okx.read(body)?, take);
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Confirm<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Text::deserialize(from).map(Confirm::Said)
    }
}

impl<'a> WireRow<'a> for Bar<'a> {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    /// The volume of spot markets is in the base asset; of contracts it counts contracts, and the base asset has a
    /// column of its own.
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let Bar(_, open, high, low, close, volume, of_contracts, quote, confirmed) = self;
        match &confirmed {
            Confirm::Said(word) if &**word == "0" => return Ok(Taken::Unfinished),
            Confirm::Said(word) if &**word != "1" => {
                return Err(row.fault(OddFault::Value, "its confirm is neither 0 nor 1").into());
            }
            Confirm::Said(_) | Confirm::Unsaid => {}
        }
        let is_spot = page.series.pair().market() == Market::Spot;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(if is_spot { volume } else { of_contracts })?,
            quote_volume: row.positive_if_any(quote)?,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.ts)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let price = row.positive(self.px)?;
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.trade_id)?),
            price,
            amount: base_amount(page, row, &self.sz, price)?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        }))
    }
}

impl<'a> WireRow<'a> for Funded<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.funding_time)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        let rate = match self.realized_rate {
            paid if !paid.is_absent() => paid,
            _ if &*self.method == "current_period" => {
                return Err(row.fault(OddFault::Value, "it does not say which rate was paid").into());
            }
            _ => self.funding_rate,
        };
        Ok(Taken::Row(FundingRate { ts, rate: row.num(rate)?, mark_price: None }))
    }
}

impl WireRow<'_> for Interest {
    type Record = OpenInterest;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let Interest(_, _, base, dollars) = self;
        let open_interest = row.positive(base)?;
        let open_interest_value = row.positive_if_any(dollars)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value }))
    }
}

impl Listed {
    fn instrument(&self, all: &[Listed], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.inst_id, why));
        let market = match self.inst_type.text() {
            "SPOT" => Some(Market::Spot),
            "SWAP" => Some(Market::Perp),
            "FUTURES" => self.dated(all),
            "MARGIN" | "OPTION" | "EVENTS" => None,
            other => {
                tell(format!("its instType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.state.text() {
            "live" => true,
            "suspend" | "preopen" | "test" | "rebase" | "post_only" | "settlement" | "expired" => false,
            other => {
                tell(format!("its state `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.list_time.millis("listTime"));
        let ends = told(self.exp_time.millis("expTime"));
        let contract = self.contract().map_err(&mut tell).ok().flatten();
        Instrument {
            symbol: self.inst_id.clone(),
            pair: market.and_then(|market| self.pair(market)),
            is_open,
            listed,
            ends: ends.filter(|_| self.inst_type.text() == "FUTURES"),
            contract,
        }
    }

    fn pair(&self, market: Market) -> Option<Pair> {
        let (base, quote) = match market {
            Market::Spot => (self.base_ccy.text(), self.quote_ccy.text()),
            _ => self.inst_family.text().split_once('-')?,
        };
        Pair::listed(base, quote, market).ok()
    }

    /// What one contract is: its value times its multiplier.
    fn contract(&self) -> Result<Option<Contract>, String> {
        let Some(value) = self.ct_val.size("ctVal")? else { return Ok(None) };
        let multiplier = self.ct_mult.size("ctMult")?.unwrap_or(Decimal::ONE);
        let size = value.times(multiplier).ok_or("its contract has too many digits")?;
        match self.ct_type.text() {
            "linear" => Ok(Some(Contract::Base(size))),
            "inverse" => Ok(Some(Contract::Quote(size))),
            other => Err(format!("its ctType `{other}` is not known")),
        }
    }

    /// The market of a dated contract by when it ends: its `alias` changes weeks before, and is not to be relied on.
    fn dated(&self, all: &[Listed]) -> Option<Market> {
        let ends = |own: &Listed| own.exp_time.millis("expTime").ok().flatten();
        let alike = |own: &&Listed| {
            (&own.inst_type, &own.inst_family, own.state.text())
                == (&self.inst_type, &self.inst_family, "live")
        };
        quarter::market(ends(self)?, all.iter().filter(alike).filter_map(ends))
    }
}

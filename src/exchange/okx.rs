//! OKX v5 over REST: candles, trades, book snapshots, funding rates and open interest of spot, perpetual and
//! quarterly contracts.
//!
//! Source: OKX API v5, "Order Book Trading", "Public Data" and "Trading Statistics". Everything is text, also
//! the code of the envelope, which is an error wherever it is not "0". Answers come newest first; `after` and
//! `before` are exclusive and mean older and newer than.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::exchange::decode::{Row, malformed, unreadable};
use crate::exchange::entries::{Entries, Member};
use crate::exchange::page::in_url;
use crate::exchange::quarter;
use crate::exchange::{
    Answer, Ask, Bounds, Contract, Decimal, Direction, Exchange, History, HttpRequest, Instrument, Listing,
    Next, OddEntry, Offer, Page, ParseError, Parsed, Probe, Profile, Quota, Refusal, RefusalKind, SpanOffer,
};
use crate::model::{
    Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Pair, Side, Trade,
};

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
struct Envelope<'a, T> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
    data: Vec<T>,
}

/// An envelope without what is in it.
#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
}

/// `[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`; by time we know better whether it is complete.
#[derive(Deserialize)]
struct Bar<'a>(&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, IgnoredAny);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fill<'a> {
    trade_id: &'a str,
    px: &'a str,
    sz: &'a str,
    side: &'a str,
    ts: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Book<'a> {
    /// `[price, size, "0", orders]`.
    #[serde(borrow)]
    asks: Vec<(&'a str, &'a str, &'a str, &'a str)>,
    #[serde(borrow)]
    bids: Vec<(&'a str, &'a str, &'a str, &'a str)>,
    ts: &'a str,
    #[serde(default = "no_sequence")]
    seq_id: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Funded<'a> {
    funding_time: &'a str,
    /// The rate that was predicted; `realized_rate` is the one that was paid.
    funding_rate: &'a str,
    #[serde(default)]
    realized_rate: &'a str,
}

/// `[ts, contracts, base asset, US dollars]`.
#[derive(Deserialize)]
struct Interest<'a>(&'a str, IgnoredAny, &'a str, &'a str);

#[derive(Deserialize)]
struct Time<'a> {
    ts: &'a str,
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
        let next = match page.series.kind() {
            Kind::Ohlc => self.parse_bars(page, answer.body, out),
            Kind::Trades => self.parse_fills(page, answer.body, out),
            Kind::OrderBook => self.parse_book(page, answer, out),
            Kind::Funding => self.parse_funding(answer.body, out),
            Kind::OpenInterest => self.parse_interest(answer.body, out),
        }?;
        Ok(next.into())
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        let outcome: Outcome<'_> = serde_json::from_slice(body).ok()?;
        (outcome.code != "0").then(|| refusal(&outcome.code, &outcome.msg))
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v5/public/time".to_owned(), 1).paid_from(TIME)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let times: Vec<Time<'_>> = self.read(answer.body)?;
        let time = times.first().ok_or_else(|| malformed(answer.body, "it says no time"))?;
        Ok(Row(0).millis_text(time.ts)?)
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

/// What stands for the sequence of a book without one: real ones are not negative.
fn no_sequence() -> i64 {
    -1
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
    /// Reads an envelope; one with an error is the refusal it says.
    fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<Vec<T>, ParseError> {
        match serde_json::from_slice::<Envelope<'a, T>>(body) {
            Ok(envelope) if envelope.code == "0" => Ok(envelope.data),
            Ok(envelope) => Err(ParseError::Refused(refusal(&envelope.code, &envelope.msg))),
            Err(error) => Err(unreadable(self, body, &error)),
        }
    }

    /// The volume of spot markets is in the base asset; of contracts it counts contracts, and the base asset
    /// has a field of its own.
    fn parse_bars(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let is_spot = page.series.pair().market() == Market::Spot;
        let newest_first: Vec<Bar<'_>> = self.read(body)?;
        out.reserve(newest_first.len());
        let mut candles = out.candles_mut();
        for (row, Bar(ts, open, high, low, close, vol, base, quote, _)) in
            newest_first.into_iter().enumerate().rev()
        {
            let row = Row(row);
            candles.push(row.candle(Candle {
                ts: row.millis_text(ts)?,
                open: row.number(open)?,
                high: row.number(high)?,
                low: row.number(low)?,
                close: row.number(close)?,
                volume: row.number(if is_spot { vol } else { base })?,
                quote_volume: Some(row.number(quote)?),
                trades: None,
            })?);
        }
        Ok(Next::ByTime)
    }

    fn parse_fills(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let newest_first: Vec<Fill<'_>> = self.read(body)?;
        let mut oldest: Option<u64> = None;
        out.reserve(newest_first.len());
        let mut trades = out.trades_mut();
        for (row, fill) in newest_first.into_iter().enumerate().rev() {
            let row = Row(row);
            let id: u64 = fill.trade_id.parse().map_err(|_| row.impossible("its id is no number"))?;
            oldest = Some(oldest.map_or(id, |oldest| oldest.min(id)));
            let price = row.amount(fill.px)?;
            trades.push(Trade {
                ts: row.millis_text(fill.ts)?,
                ts_recv: None,
                id: Some(fill.trade_id),
                price,
                amount: base_amount(page, row, row.amount(fill.sz)?, price)?,
                side: Some(match fill.side {
                    "buy" => Side::Buy,
                    "sell" => Side::Sell,
                    _ => return Err(row.impossible("its side is neither buy nor sell").into()),
                }),
            });
        }
        Ok(oldest.map_or(Next::ByTime, Next::FromId))
    }

    fn parse_book(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Next, ParseError> {
        let books: Vec<Book<'_>> = self.read(answer.body)?;
        let book = books.first().ok_or_else(|| malformed(answer.body, "it has no book"))?;
        let ts = Row(0).millis_text(book.ts)?;
        out.reserve((book.bids.len() + book.asks.len()).min(2 * page.rows as usize));
        let mut levels = out.book_mut();
        for (side, rows) in [(Side::Bid, &book.bids), (Side::Ask, &book.asks)] {
            for (row, (price, size, _, orders)) in rows.iter().take(page.rows as usize).enumerate() {
                let row = Row(row);
                let price = row.amount(price)?;
                levels.push(BookLevel {
                    ord: 0,
                    ts,
                    ts_recv: answer.received,
                    seq: Some(book.seq_id).filter(|id| *id >= 0),
                    is_snapshot: true,
                    side,
                    price,
                    amount: base_amount(page, row, row.amount(size)?, price)?,
                    count: Some(orders.parse().map_err(|_| row.impossible("its orders are no number"))?),
                });
            }
        }
        Ok(Next::ByTime)
    }

    fn parse_funding(&self, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let newest_first: Vec<Funded<'_>> = self.read(body)?;
        let mut rates = out.funding_mut();
        for (row, paid) in newest_first.into_iter().enumerate().rev() {
            let row = Row(row);
            let rate = if paid.realized_rate.is_empty() { paid.funding_rate } else { paid.realized_rate };
            let (ts, rate) = (row.millis_text(paid.funding_time)?, row.number(rate)?);
            rates.push(FundingRate { ts, rate, mark_price: None });
        }
        Ok(Next::ByTime)
    }

    fn parse_interest(&self, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let newest_first: Vec<Interest<'_>> = self.read(body)?;
        let mut samples = out.open_interest_mut();
        for (row, Interest(ts, _, base, dollars)) in newest_first.into_iter().enumerate().rev() {
            let row = Row(row);
            samples.push(OpenInterest {
                ts: row.millis_text(ts)?,
                open_interest: row.amount(base)?,
                open_interest_value: Some(row.amount(dollars)?),
            });
        }
        Ok(Next::ByTime)
    }
}

/// A size in the base asset: contracts are counted, spot is not.
fn base_amount(page: &Page, row: Row, size: f64, price: f64) -> Result<f64, ParseError> {
    match page.series.pair().market() {
        Market::Spot => Ok(size),
        _ => page.instrument.base_amount(row.0, size, price),
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

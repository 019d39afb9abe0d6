//! Binance's coin-margined contracts over REST: candles, aggregate trades, books, funding and open interest.
//!
//! Source: Binance COIN-M futures documentation, "Market Data". They are an exchange of their own here, since their
//! host, limits and pages are: a window of candles is 200 days at most, and of one with more than a page the newest
//! come. Amounts count contracts of a fixed size in dollars. No answer of it is recorded.

use std::fmt::Display;
use std::time::Duration;

use serde::Deserialize;

use crate::exchange::binance::{self, AggTrade, Depth, Kline};
use crate::exchange::binance_usdm::Millis;
use crate::exchange::decode::{Row, RowFault, each_row, read, unreadable};
use crate::exchange::record::{Record, TradeRow};
use crate::exchange::rows::{Bare, Order, Refused, Source, Taken, WireRow};
use crate::exchange::wire::Columns;
use crate::exchange::{
    Answer, Ask, Bounds, Exchange, History, HttpRequest, Listing, Next, Offer, Page, ParseError, Parsed,
    Probe, Profile, Quota, Refusal, SpanOffer,
};
use crate::model::{Batch, BookLevel, Candle, FundingRate, Kind, Market, Micros, OpenInterest, Pair, Side};

/// Binance, coin-margined contracts.
pub(crate) struct BinanceCoinM;

const MARKETS: &[Market] = &[Market::Perp, Market::Quarter, Market::NextQuarter];

/// What is announced comes with the listing, before any page.
const QUOTAS: [Quota; 1] = [Quota { weight: 2_400, per: Duration::from_secs(60) }];

/// Pages of longer candles would hold more days than one window may.
const SPANS: [SpanOffer; 12] = {
    let [m1, m3, m5, m15, m30, h1, h2, h4, h6, h8, h12, d1, ..] = binance::SPANS;
    [m1, m3, m5, m15, m30, h1, h2, h4, h6, h8, h12, d1]
};

const CONTRACTS: Offer = Offer { markets: MARKETS, ..Offer::USUAL };

const OFFERS: [Offer; 5] = [
    Offer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        // So many of the longest are 200 days.
        page_rows: 200,
        // They stand in order, so that an answer cut short lacks its newest: each window is one page, never more.
        bounds: Bounds::Page,
        is_continuous: true,
        weight: 2,
        grace: Duration::from_secs(2),
        ..CONTRACTS
    },
    Offer {
        kind: Kind::Trades,
        // An end less than an hour after the start is taken, a later one refused; none serves both.
        bounds: Bounds::Near,
        ids_are_contiguous: true,
        // A year is documented, and that older trades may be gone much sooner.
        history: History::For(Duration::from_secs(365 * 86_400)),
        is_forgetful: true,
        walk: Duration::from_secs(6 * 3_600),
        weight: 20,
        grace: Duration::from_secs(5),
        ..CONTRACTS
    },
    Offer {
        kind: Kind::OrderBook,
        history: History::Now,
        depths: &[(50, 2), (100, 5), (500, 10), (1_000, 20)],
        weight: 2,
        ..CONTRACTS
    },
    Offer {
        kind: Kind::Funding,
        markets: &[Market::Perp],
        probe: Probe::ByTime,
        grace: Duration::from_secs(60),
        ..CONTRACTS
    },
    Offer {
        kind: Kind::OpenInterest,
        markets: &[Market::Perp],
        spans: &crate::exchange::binance_usdm::INTEREST_SPANS,
        page_rows: 500,
        // A window wider than a page is answered with its newest samples, as of the other contracts.
        bounds: Bounds::Page,
        history: History::For(Duration::from_secs(30 * 86_400 - 3_600)),
        grace: Duration::from_secs(60),
        ..CONTRACTS
    },
];

/// A candle: where others say the quote amount stands the base amount, and contracts where they say that.
#[derive(Deserialize)]
#[serde(transparent)]
struct CoinKline(Kline);

/// A trade whose amount counts contracts.
#[derive(Deserialize)]
#[serde(transparent)]
struct CoinTrade(AggTrade);

/// `[{"symbol", "fundingTime", "fundingRate"}]`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Funded<'a> {
    funding_time: i64,
    funding_rate: &'a str,
}

/// `[{"timestamp", "sumOpenInterest", "sumOpenInterestValue"}]`: contracts, and what they are worth in the base asset.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interest<'a> {
    sum_open_interest: &'a str,
    sum_open_interest_value: &'a str,
    #[serde(borrow)]
    timestamp: Millis<'a>,
}

#[derive(Deserialize)]
struct ServerTime {
    #[serde(rename = "serverTime")]
    server_time: i64,
}

const PROFILE: Profile = Profile {
    name: "binancecoinm",
    rest_url: "https://dapi.binance.com",
    recordings: &[],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &QUOTAS,
    geo_block_advice: None,
};

impl Exchange for BinanceCoinM {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// `BTCUSD_PERP`; the date of a dated one is in the listing.
    fn symbol(&self, pair: &Pair) -> String {
        let suffix = if pair.market() == Market::Perp { "_PERP" } else { "" };
        format!("{}{}{suffix}", pair.base(), pair.quote())
    }

    fn request(&self, page: &Page) -> HttpRequest {
        let (symbol, rows) = (&page.instrument.symbol, page.rows);
        let underlying = page.series.pair();
        let pair = format!("{}{}", underlying.base(), underlying.quote());
        // Bounds are inclusive milliseconds.
        let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
        match page.series.kind() {
            Kind::Ohlc => {
                // Candles of a dated contract go on over the ones before it.
                let (contract, word) = (contract_type(underlying.market()), page.word(&SPANS));
                let path = format!(
                    "/dapi/v1/continuousKlines?pair={pair}&contractType={contract}&interval={word}&startTime={first}&endTime={last}&limit={rows}"
                );
                HttpRequest::new("ohlc", path, OFFERS[0].weight)
            }
            Kind::Trades => {
                let from = match page.ask {
                    Ask::FromId(id) => format!("fromId={id}"),
                    _ => format!("startTime={first}"),
                };
                let path = format!("/dapi/v1/aggTrades?symbol={symbol}&{from}&limit={rows}");
                HttpRequest::new("trades", path, OFFERS[1].weight)
            }
            Kind::OrderBook => {
                // Other depths are refused.
                let depths = OFFERS[2].depths;
                let own = depths.iter().find(|(depth, _)| rows <= *depth).copied();
                let (depth, weight) = own.unwrap_or((1_000, 20));
                HttpRequest::new(
                    "book_snapshot",
                    format!("/dapi/v1/depth?symbol={symbol}&limit={depth}"),
                    weight,
                )
            }
            Kind::Funding => {
                let path = format!(
                    "/dapi/v1/fundingRate?symbol={symbol}&startTime={first}&endTime={last}&limit={rows}"
                );
                HttpRequest::new("funding", path, 1)
            }
            Kind::OpenInterest => {
                let word = page.word(OFFERS[4].spans);
                let contract = contract_type(underlying.market());
                let path = format!(
                    "/futures/data/openInterestHist?pair={pair}&contractType={contract}&period={word}&startTime={first}&endTime={last}&limit={rows}"
                );
                HttpRequest::new("open_interest", path, 1)
            }
        }
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => self.parse_klines(source, out),
            Kind::Trades => self.parse_trades(source, out),
            Kind::OrderBook => self.parse_depth(page, answer, out).map(Into::into),
            Kind::Funding => self.parse_funding(answer.body, out).map(Into::into),
            Kind::OpenInterest => self.parse_interest(page, answer.body, out).map(Into::into),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Option<Refusal> {
        binance::Binance.refusal(status, body)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/dapi/v1/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        let time: ServerTime = read(self, answer.body)?;
        Ok(Row(0).millis(time.server_time)?)
    }

    /// There is no listing of one pair.
    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/dapi/v1/exchangeInfo".to_owned(), 1)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        binance::listing(self, body, |_| 0)
    }

    fn used_weight(&self, _: usize, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        header("x-mbx-used-weight-1m")?.parse().ok()
    }
}

impl WireRow<'_> for Columns<CoinKline> {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0.0.opened)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let Columns(CoinKline(kline)) = self;
        let dollars = page.instrument.quote_amount(row.0, row.positive(kline.volume)?)?;
        kline.candle(row, ts, row.positive(kline.quote_volume)?, dollars)
    }
}

impl<'a> WireRow<'a> for CoinTrade {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        self.0.ts(row, page)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let mut trade = self.0.trade(row, ts)?;
        trade.amount = page.instrument.base_amount(row.0, trade.amount, trade.price)?;
        Ok(Taken::Row(trade))
    }
}

impl BinanceCoinM {
    fn parse_klines(&self, source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        Ok(source.read::<Columns<CoinKline>>(&mut Bare)?.append(Next::ByTime, out))
    }

    fn parse_trades(&self, source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let rows = source.read::<CoinTrade>(&mut Bare)?;
        let newest = rows.kept.iter().filter_map(Record::number).max();
        Ok(rows.append(newest.map_or(Next::ByTime, Next::FromId), out))
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Next, ParseError> {
        let depth: Depth<'_> = read(self, answer.body)?;
        let (ts, levels) = (Row(0).millis(depth.time)?, page.rows as usize);
        out.reserve((depth.bids.len() + depth.asks.len()).min(2 * levels));
        let mut book = out.book_mut();
        for (side, rows) in [(Side::Bid, &depth.bids), (Side::Ask, &depth.asks)] {
            for (row, (price, contracts)) in rows.iter().take(levels).enumerate() {
                let row = Row(row);
                let price = row.amount(price)?;
                book.push(BookLevel {
                    ord: 0,
                    ts,
                    ts_recv: answer.received,
                    seq: Some(depth.last_update_id),
                    is_snapshot: true,
                    side,
                    price,
                    amount: page.instrument.base_amount(row.0, row.amount(contracts)?, price)?,
                    count: None,
                });
            }
        }
        Ok(Next::ByTime)
    }

    fn parse_funding(&self, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let mut rates = out.funding_mut();
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, paid: Funded<'_>| {
            let row = Row(row);
            let (ts, rate) = (row.millis(paid.funding_time)?, row.number(paid.funding_rate)?);
            rates.push(FundingRate { ts, rate, mark_price: None });
            Ok(())
        })?;
        Ok(Next::ByTime)
    }

    fn parse_interest(&self, page: &Page, body: &[u8], out: &mut Batch) -> Result<Next, ParseError> {
        let mut samples = out.open_interest_mut();
        let unreadable = |error: &dyn Display| unreadable(self, body, error);
        each_row(body, unreadable, |row, sample: Interest<'_>| {
            let row = Row(row);
            let millis = sample.timestamp.get().ok_or_else(|| row.impossible("its time is no number"))?;
            let contracts = row.amount(sample.sum_open_interest)?;
            samples.push(OpenInterest {
                ts: row.millis(millis)?,
                open_interest: row.amount(sample.sum_open_interest_value)?,
                open_interest_value: Some(page.instrument.quote_amount(row.0, contracts)?),
            });
            Ok(())
        })?;
        Ok(Next::ByTime)
    }
}

fn contract_type(market: Market) -> &'static str {
    match market {
        Market::Quarter => "CURRENT_QUARTER",
        Market::NextQuarter => "NEXT_QUARTER",
        Market::Spot | Market::Perp => "PERPETUAL",
    }
}

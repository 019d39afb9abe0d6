//! Binance's coin-margined contracts over REST: candles, aggregate trades, books, funding and open interest.
//!
//! Source: Binance COIN-M futures documentation, "Market Data". They are an exchange of their own here, since their
//! host, limits and pages are: a window of candles is 200 days at most, and of one with more than a page the newest
//! come. Amounts count contracts of a fixed size in dollars. No answer of it is recorded.

use std::time::Duration;

use serde::Deserialize;

use super::listing::listing;
use super::rows::{AggTrade, Depth, Funded, Interest, Kline};
use super::{answers, live, spot, usdm};
use crate::exchange::live::Live;
use crate::exchange::reading::decode::read;
use crate::exchange::reading::record::{Record, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Bare, Order, Refused, Source, Taken, WireRow};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Ask, Bounds, Budget, Exchange, History, HttpRequest, Listing, Next, Offer, Page, ParseError,
    Parsed, Probe, Profile, Quota, Refusal,
};
use crate::model::{Batch, Candle, Kind, Market, Micros, OpenInterest, Pair};

/// Binance, coin-margined contracts.
pub(crate) struct BinanceCoinM;

/// The announced quota comes with the listing, before any page.
const QUOTA: Quota = Quota::per_secs(2_400, 60);

const CONTRACTS: Offer = Offer { markets: usdm::MARKETS, ..Offer::USUAL };

const CANDLES: Offer = Offer {
    kind: Kind::Ohlc,
    spans: &spot::SPANS_TO_A_DAY,
    // So many of the longest are 200 days.
    page_rows: 200,
    // They stand in order, so that an answer cut short lacks its newest: each window is one page, never more.
    bounds: Bounds::Page,
    is_continuous: true,
    weight: 2,
    grace: Duration::from_secs(2),
    ..CONTRACTS
};

const TRADES: Offer = Offer {
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
};

const BOOK: Offer = Offer {
    kind: Kind::OrderBook,
    history: History::Now,
    depths: &[(50, 2), (100, 5), (500, 10), (1_000, 20)],
    weight: 2,
    ..CONTRACTS
};

const FUNDING_RATES: Offer = Offer {
    kind: Kind::Funding,
    markets: &[Market::Perp],
    probe: Probe::ByTime,
    grace: Duration::from_secs(60),
    ..CONTRACTS
};

const OPEN_INTEREST: Offer = Offer {
    kind: Kind::OpenInterest,
    markets: &[Market::Perp],
    spans: &usdm::INTEREST_SPANS,
    page_rows: 500,
    // A window wider than a page is answered with its newest samples, as of the other contracts.
    bounds: Bounds::Page,
    history: History::For(Duration::from_secs(30 * 86_400 - 3_600)),
    grace: Duration::from_secs(60),
    ..CONTRACTS
};

/// A candle: where others say the quote amount stands the base amount, and contracts where they say that.
#[derive(Deserialize)]
#[serde(transparent)]
struct CoinKline(Kline);

/// A trade whose amount counts contracts.
#[derive(Deserialize)]
#[serde(transparent)]
struct CoinTrade(AggTrade);

/// Contracts, and what they are worth in the base asset.
#[derive(Deserialize)]
#[serde(transparent)]
struct CoinInterest<'a>(#[serde(borrow)] Interest<'a>);

const PROFILE: Profile = Profile {
    name: "binancecoinm",
    rest_url: "https://dapi.binance.com",
    recordings: &[],
    offers: &[CANDLES, TRADES, BOOK, FUNDING_RATES, OPEN_INTEREST],
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &[(Budget::REQUESTS, QUOTA)],
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
        let (symbol, rows) = (page.symbol(), page.rows);
        let underlying = page.series.pair();
        let pair = format!("{}{}", in_url(underlying.base()), in_url(underlying.quote()));
        // Bounds are inclusive milliseconds.
        let (first, last) = (page.window.from.millis_ceil(), page.window.until.millis_ceil() - 1);
        match page.series.kind() {
            Kind::Ohlc => {
                // Candles of a dated contract go on over the ones before it.
                let (contract, word) = (contract_type(underlying.market()), page.word(CANDLES.spans));
                let path = format!(
                    "/dapi/v1/continuousKlines?pair={pair}&contractType={contract}&interval={word}&startTime={first}&endTime={last}&limit={rows}"
                );
                HttpRequest::new("ohlc", path, CANDLES.weight)
            }
            Kind::Trades => {
                let from = match page.ask {
                    Ask::FromId(id) => format!("fromId={id}"),
                    _ => format!("startTime={first}"),
                };
                let path = format!("/dapi/v1/aggTrades?symbol={symbol}&{from}&limit={rows}");
                HttpRequest::new("trades", path, TRADES.weight)
            }
            Kind::OrderBook => {
                // Other depths are refused.
                let depths = BOOK.depths;
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
                let word = page.word(OPEN_INTEREST.spans);
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
            Kind::Ohlc => Ok(source.read::<Columns<CoinKline>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => self.parse_trades(source, out),
            Kind::OrderBook => self.parse_depth(page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Funded<'_>>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::OpenInterest => {
                Ok(source.read::<Members<CoinInterest<'_>>>(&mut Bare)?.append(Next::ByTime, out))
            }
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        answers::refusal(body)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/dapi/v1/time".to_owned(), 1)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        answers::clock(self, answer)
    }

    /// There is no listing of one pair.
    fn listing_request(&self, _: Option<&Pair>) -> HttpRequest {
        HttpRequest::new("instruments", "/dapi/v1/exchangeInfo".to_owned(), 1)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing(self, body, |_| Budget::REQUESTS)
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(&live::COIN_STREAMS)
    }

    fn used_weight(&self, _: Budget, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        answers::used_weight(header)
    }
}

impl WireRow<'_> for CoinKline {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0.opened)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        self.0.coin_candle(row, ts, &page.instrument)
    }
}

impl<'a> WireRow<'a> for CoinTrade {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        self.0.ts(row, page)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(self.0.coin_trade(row, ts, &page.instrument)?))
    }
}

impl<'a> WireRow<'a> for CoinInterest<'a> {
    type Record = OpenInterest;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0.timestamp)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let contracts = row.positive_if_any(self.0.sum_open_interest)?;
        let dollars =
            contracts.map(|contracts| page.instrument.quote_amount(row.0, contracts)).transpose()?;
        let open_interest = row.positive(self.0.sum_open_interest_value)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value: dollars }))
    }
}

impl BinanceCoinM {
    fn parse_trades(&self, source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let rows = source.read::<Members<CoinTrade>>(&mut Bare)?;
        let newest = rows.kept.iter().filter_map(Record::number).max();
        Ok(rows.append(newest.map_or(Next::ByTime, Next::FromId), out))
    }

    fn parse_depth(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let Members(depth) = read::<Members<Depth<'_>>>(self, answer.body)?;
        let ts = Row(0).instant_millis(depth.time)?;
        depth.append(page, ts, answer.received, |row, level| level.of_contracts(row, page), out)
    }
}

fn contract_type(market: Market) -> &'static str {
    match market {
        Market::Quarter => "CURRENT_QUARTER",
        Market::NextQuarter => "NEXT_QUARTER",
        Market::Spot | Market::Perp => "PERPETUAL",
    }
}

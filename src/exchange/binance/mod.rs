//! Binance over REST: candles, aggregate trades and book snapshots of spot markets and, where
//! [`usdm`] says how, of USD-margined contracts with funding and open interest.
//!
//! Source: Binance spot API documentation, "Market Data endpoints" (REST v3). Times are in milliseconds,
//! numbers are strings, answers are oldest first, bounds are inclusive.

mod answers;
mod budget;
mod coinm;
mod listing;
mod live;
mod live_book;
mod live_frames;
mod rows;
mod spot;
mod usdm;

pub(crate) use coinm::BinanceCoinM;
pub(in crate::exchange) use live_book::Books;

use self::listing::listing;
use self::rows::{Funded, Interest, Kline, parse_depth, parse_trades};
use crate::exchange::live::Live;
use crate::exchange::reading::rows::{Bare, Order, Source};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::request::in_url;
use crate::exchange::{
    Answer, Budget, Exchange, HttpRequest, Listing, Next, Offer, Page, ParseError, Parsed, Profile, Refusal,
};
use crate::model::{Batch, Kind, Market, Micros, Pair};

/// Binance, spot markets and USD-margined contracts.
pub(crate) struct Binance;

const OFFERS: [Offer; 8] = [
    spot::CANDLES,
    spot::TRADES,
    spot::BOOK,
    usdm::candles(&spot::SPANS),
    usdm::TRADES,
    usdm::BOOK,
    usdm::FUNDING_RATES,
    usdm::OPEN_INTEREST,
];

const PROFILE: Profile = Profile {
    name: "binance",
    rest_url: "https://api.binance.com",
    recordings: &["binance"],
    offers: &OFFERS,
    endpoints: &["ohlc", "trades", "book_snapshot", "funding", "open_interest", "time", "instruments"],
    quotas: &budget::QUOTAS,
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
        if page.series.pair().market() != Market::Spot {
            let spans = self.offer_for(&page.series).map_or(&[][..], |offer| offer.spans);
            let pair = self.symbol(page.series.pair());
            return usdm::request(page, &in_url(&pair), &page.word(spans));
        }
        spot::request(page)
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        let source = Source { exchange: self, page, body: answer.body, order: Order::OldestFirst };
        match page.series.kind() {
            Kind::Ohlc => Ok(source.read::<Columns<Kline>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::Trades => parse_trades(source, out),
            Kind::OrderBook => parse_depth(self, page, answer, out),
            Kind::Funding => Ok(source.read::<Members<Funded<'_>>>(&mut Bare)?.append(Next::ByTime, out)),
            Kind::OpenInterest => {
                Ok(source.read::<Members<Interest<'_>>>(&mut Bare)?.append(Next::ByTime, out))
            }
        }
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Option<Refusal> {
        answers::refusal(body)
    }

    fn clock_request(&self) -> HttpRequest {
        HttpRequest::new("time", "/api/v3/time".to_owned(), 1).paid_from(budget::SPOT)
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        answers::clock(self, answer)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        if pair.is_some_and(|pair| pair.market() != Market::Spot) {
            let all = HttpRequest::new("instruments", "/fapi/v1/exchangeInfo".to_owned(), 1);
            return all.paid_from(budget::USDM).to(usdm::HOST);
        }
        let query = pair.map(|pair| format!("?symbol={}", in_url(&self.symbol(pair)))).unwrap_or_default();
        HttpRequest::new("instruments", format!("/api/v3/exchangeInfo{query}"), 20).paid_from(budget::SPOT)
    }

    fn market_listing(&self, market: Market) -> Vec<HttpRequest> {
        if market == Market::Spot {
            return vec![self.listing_request(None)];
        }
        let all = HttpRequest::new("instruments", "/fapi/v1/exchangeInfo".to_owned(), 1);
        vec![all.paid_from(budget::USDM).to(usdm::HOST)]
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        listing(self, body, |is_usdm| if is_usdm { budget::USDM } else { budget::SPOT })
    }

    fn live(&self) -> Option<&'static dyn Live> {
        Some(&live::STREAMS)
    }

    fn used_weight(&self, budget: Budget, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        // The others are not counted in weights.
        let is_weighed = budget == budget::SPOT || budget == budget::USDM;
        if is_weighed { answers::used_weight(header) } else { None }
    }
}

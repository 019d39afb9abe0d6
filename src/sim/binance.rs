//! Binance's spot REST interface, server side: what a request weighs and what its right answer is.
//!
//! Source: Binance spot API documentation, "Market Data endpoints" (REST v3).

use std::collections::HashMap;
use std::io::Write as _;

use super::fault::{Endpoint, Fault};
use super::knobs::Knobs;
use super::market::{Market, SimCandle};
use super::query::{BadRequest, Query};
use super::rows;
use crate::model::{Grid, Micros, Span};

/// The most rows of a page of candles or trades.
const PAGE_ROWS: usize = 1_000;
/// The most levels of each side of a book.
const BOOK_LEVELS: usize = 5_000;

/// Binance's words for spans; case matters.
const INTERVALS: [(&str, Span); 16] = [
    ("1s", Span::Fixed(1)),
    ("1m", Span::Fixed(60)),
    ("3m", Span::Fixed(180)),
    ("5m", Span::Fixed(300)),
    ("15m", Span::Fixed(900)),
    ("30m", Span::Fixed(1_800)),
    ("1h", Span::Fixed(3_600)),
    ("2h", Span::Fixed(7_200)),
    ("4h", Span::Fixed(14_400)),
    ("6h", Span::Fixed(21_600)),
    ("8h", Span::Fixed(28_800)),
    ("12h", Span::Fixed(43_200)),
    ("1d", Span::Fixed(86_400)),
    ("3d", Span::Fixed(259_200)),
    ("1w", Span::WEEK),
    ("1M", Span::Month),
];

/// What the exchange is at one moment: its knobs and the markets they make.
#[derive(Debug)]
pub(super) struct World {
    pub(super) knobs: Knobs,
    markets: HashMap<String, Market>,
}

impl World {
    pub(super) fn new(knobs: Knobs) -> Self {
        let markets = knobs.symbols.iter().map(|symbol| (symbol.clone(), knobs.market(symbol))).collect();
        World { knobs, markets }
    }

    pub(super) fn market(&self, symbol: &str) -> Option<&Market> {
        self.markets.get(symbol)
    }
}

/// Which operation a path names.
pub(super) fn endpoint(path: &str) -> Endpoint {
    match path {
        "/api/v3/time" => Endpoint::Time,
        "/api/v3/exchangeInfo" => Endpoint::Instruments,
        "/api/v3/klines" => Endpoint::Ohlc,
        "/api/v3/aggTrades" => Endpoint::Trades,
        "/api/v3/depth" => Endpoint::BookSnapshot,
        _ => Endpoint::Unknown,
    }
}

/// What a request weighs.
pub(super) fn weight(endpoint: Endpoint, query: Query<'_>) -> u32 {
    match endpoint {
        Endpoint::Time | Endpoint::Unknown => 1,
        Endpoint::Instruments => 20,
        Endpoint::Ohlc => 2,
        Endpoint::Trades => 4,
        Endpoint::BookSnapshot => match query.limit(100, BOOK_LEVELS).unwrap_or(0) {
            0..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        },
    }
}

/// One request as it is answered.
pub(super) struct Asked<'a> {
    pub(super) world: &'a World,
    pub(super) query: Query<'a>,
    /// The time at the exchange.
    pub(super) now: Micros,
    /// What is wrong with the answer, where that concerns its rows.
    pub(super) fault: Option<Fault>,
    /// The request's number, from which that is drawn.
    pub(super) number: u64,
}

impl Asked<'_> {
    /// The JSON body of the answer.
    ///
    /// # Errors
    /// As the exchange would refuse it.
    pub(super) fn answer(&self, endpoint: Endpoint) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(format!("{{\"serverTime\":{}}}", self.told_ms()).into_bytes()),
            Endpoint::Instruments => self.instruments(),
            Endpoint::Ohlc => self.klines(),
            Endpoint::Trades => self.agg_trades(),
            Endpoint::BookSnapshot => self.depth(),
            Endpoint::Unknown => Err(BadRequest::new(-1000, "There is nothing at this path.")),
        }
    }

    fn told_ms(&self) -> i64 {
        self.now.millis_floor().saturating_add(self.world.knobs.skew_ms)
    }

    fn market(&self) -> Result<&Market, BadRequest> {
        let symbol = self.query.symbol()?;
        self.world.market(symbol).ok_or_else(|| BadRequest::new(-1121, "Invalid symbol."))
    }

    fn instruments(&self) -> Result<Vec<u8>, BadRequest> {
        let symbols = match self.query.get("symbol") {
            Some(_) => vec![self.market()?.symbol()],
            None => self.world.knobs.symbols.iter().map(String::as_str).collect(),
        };
        let mut out = format!(
            concat!(
                r#"{{"timezone":"UTC","serverTime":{},"rateLimits":["#,
                r#"{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{}}},"#,
                r#"{{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000}}],"#,
                r#""exchangeFilters":[],"symbols":["#
            ),
            self.told_ms(),
            self.world.knobs.weight_limit
        )
        .into_bytes();
        for (place, symbol) in symbols.into_iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let (base, quote) = assets(symbol);
            // Writing to memory does not go wrong.
            let _ = write!(
                out,
                r#"{comma}{{"symbol":"{symbol}","status":"TRADING","baseAsset":"{base}","quoteAsset":"{quote}","isSpotTradingAllowed":true}}"#
            );
        }
        out.extend_from_slice(b"]}");
        Ok(out)
    }

    fn klines(&self) -> Result<Vec<u8>, BadRequest> {
        let market = self.market()?;
        let word = self.query.mandatory("interval")?;
        let interval = INTERVALS.iter().find(|(known, _)| *known == word);
        let grid = interval.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))?.1.grid();
        let (from, last) = self.bounds()?;
        let limit = self.rows_wanted()?;

        let last = last.unwrap_or(self.now).min(self.now);
        let opens = match from {
            Some(from) => oldest_opens(market, grid, (from, last), limit),
            None => newest_opens(market, grid, last, limit),
        };
        Ok(self.page(opens, |out, open, bend| {
            let open = Micros(open);
            let closed_ms = grid.next(open).millis_floor() - 1;
            rows::candle(out, &self.candle(market, grid, open), closed_ms, bend);
        }))
    }

    /// A candle as it looks now.
    fn candle(&self, market: &Market, grid: Grid, open: Micros) -> SimCandle {
        let spans = 1 + i64::from(self.world.knobs.revise_spans);
        if self.now < grid.step(open, spans) {
            market.provisional(grid, open)
        } else {
            market.candle(grid, open)
        }
    }

    fn agg_trades(&self) -> Result<Vec<u8>, BadRequest> {
        let market = self.market()?;
        let from_id = self.query.number("fromId")?.filter(|_| !self.is_stuck());
        let (from, last) = self.bounds()?;
        let limit = self.rows_wanted()? as u64;
        if from_id.is_some() && (from.is_some() || last.is_some()) {
            return Err(BadRequest::new(-1128, "Combination of optional parameters invalid."));
        }
        // The end is inclusive, and what has not happened yet cannot be seen.
        let last = last.unwrap_or(self.now).min(self.now);
        let until = market.first_trade_at_or_after(Micros(last.0 + 1));
        let first = match (from_id, from) {
            (Some(id), _) => id,
            (None, Some(from)) => market.first_trade_at_or_after(from),
            (None, None) => until.saturating_sub(limit),
        };
        let ids = first..until.min(first.saturating_add(limit));
        Ok(self.page(ids.filter_map(|id| i64::try_from(id).ok()).collect(), |out, id, bend| {
            rows::trade(out, &market.trade(id.unsigned_abs()), bend);
        }))
    }

    fn depth(&self) -> Result<Vec<u8>, BadRequest> {
        let book = self.market()?.book(self.now);
        let limit = self.query.limit(100, BOOK_LEVELS)?;
        let mut out = Vec::with_capacity(64 + limit * 64);
        let _ = write!(out, "{{\"lastUpdateId\":{},\"bids\":", book.update_id);
        rows::levels(&mut out, book.bids().take(limit));
        out.extend_from_slice(b",\"asks\":");
        rows::levels(&mut out, book.asks().take(limit));
        out.push(b'}');
        Ok(out)
    }

    /// `startTime` and `endTime`, both inclusive. A stuck exchange begins with its first row whatever is asked.
    fn bounds(&self) -> Result<(Option<Micros>, Option<Micros>), BadRequest> {
        let asked = (self.query.instant("startTime")?, self.query.instant("endTime")?);
        Ok(if self.is_stuck() { (Some(Micros(0)), None) } else { asked })
    }

    fn is_stuck(&self) -> bool {
        self.fault == Some(Fault::Stuck)
    }

    fn rows_wanted(&self) -> Result<usize, BadRequest> {
        self.query.limit(500, PAGE_ROWS.min(self.world.knobs.page_limit.max(1)))
    }

    fn page(&self, mut keys: Vec<i64>, row: impl FnMut(&mut Vec<u8>, i64, Option<rows::Bend>)) -> Vec<u8> {
        rows::disarrange(&mut keys, self.fault, self.number);
        rows::page(&keys, rows::bend_of(self.fault, self.number), row)
    }
}

/// The opens from the first on, at most `limit`.
fn oldest_opens(market: &Market, grid: Grid, (from, last): (Micros, Micros), limit: usize) -> Vec<i64> {
    let mut opens = Vec::with_capacity(limit);
    let mut open = market.next_open(grid, from);
    while open <= last && opens.len() < limit {
        opens.push(open.0);
        open = market.next_open(grid, grid.next(open));
    }
    opens
}

/// The newest opens up to `last`, oldest first, at most `limit`.
fn newest_opens(market: &Market, grid: Grid, last: Micros, limit: usize) -> Vec<i64> {
    let mut opens = Vec::with_capacity(limit);
    let mut open = market.last_open(grid, last);
    while let Some(own) = open.filter(|_| opens.len() < limit) {
        opens.push(own.0);
        open = market.last_open(grid, Micros(own.0 - 1));
    }
    opens.reverse();
    opens
}

/// A symbol taken apart at a quote asset it ends in.
fn assets(symbol: &str) -> (&str, &str) {
    ["USDT", "USDC", "FDUSD", "EUR", "USD", "BTC", "ETH", "BNB"]
        .into_iter()
        .find_map(|quote| {
            symbol.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, quote))
        })
        .unwrap_or((symbol, ""))
}

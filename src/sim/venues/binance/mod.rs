//! Binance's spot REST interface, server side: the weights of requests and the correct answers.
//!
//! Source: Binance spot API documentation, "Market Data endpoints" (REST v3).

mod coinm;
mod contract;
mod frames;
mod live;
mod rows;
mod window;

pub(in crate::sim) use coinm::BinanceCoinM;

use std::io::Write as _;

use crate::model::Micros;
use crate::sim::asked::SimRequest;
use crate::sim::bend::told;
use crate::sim::fault::Endpoint;
use crate::sim::knobs::Knobs;
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::venue::Venue;
use crate::sim::venues::binance::contract::{contract_at, contract_end, market};
use crate::sim::venues::binance::live::{Branch, Live};
use crate::sim::venues::binance::window::{INTERVALS, bounds};
use crate::sim::ws::Protocol;
use crate::sim::{fields, quarter};

/// The most rows per page of candles or trades.
const PAGE_ROWS: usize = 1_000;

/// The most levels per side of a book.
const BOOK_LEVELS: usize = 5_000;

/// Binance, spot markets.
pub(in crate::sim) struct Binance;

impl Venue for Binance {
    fn name(&self) -> &'static str {
        "binance"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/api/v3/time" => Endpoint::Time,
            "/api/v3/exchangeInfo" | "/fapi/v1/exchangeInfo" => Endpoint::Instruments,
            "/api/v3/klines" | "/fapi/v1/klines" | "/fapi/v1/continuousKlines" => Endpoint::Ohlc,
            "/api/v3/aggTrades" | "/fapi/v1/aggTrades" => Endpoint::Trades,
            "/api/v3/depth" | "/fapi/v1/depth" => Endpoint::BookSnapshot,
            "/fapi/v1/fundingRate" => Endpoint::Funding,
            "/futures/data/openInterestHist" => Endpoint::OpenInterest,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, endpoint: Endpoint, query: Query<'_>) -> u32 {
        match endpoint {
            Endpoint::Instruments => 20,
            Endpoint::Ohlc => 2,
            Endpoint::Trades => 4,
            Endpoint::BookSnapshot => match query.limit("limit", 100, BOOK_LEVELS).unwrap_or(0) {
                0..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
            _ => 1,
        }
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(format!("{{\"serverTime\":{}}}", asked.told_ms()).into_bytes()),
            Endpoint::Instruments if asked.path.starts_with("/fapi") => Ok(contracts(asked)),
            Endpoint::Instruments => instruments(asked),
            Endpoint::Ohlc => klines(asked),
            Endpoint::Trades => agg_trades(asked),
            Endpoint::BookSnapshot => depth(asked),
            Endpoint::Funding => funding(asked),
            Endpoint::OpenInterest => interest(asked),
            Endpoint::Unknown => Err(BadRequest::new(-1000, "There is nothing at this path.")),
        }
    }

    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        (status, format!("{{\"code\":{},\"msg\":\"{}\"}}", error.code, error.msg))
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, query: Query<'_>) -> Option<Box<dyn Protocol>> {
        match path.strip_prefix("/public").or(path.strip_prefix("/private")) {
            Some(own) => Live::of_address(Branch::Elsewhere, own, query),
            None => match path.strip_prefix("/market") {
                Some(own) => Live::of_address(Branch::UsdM, own, query),
                None => Live::of_address(Branch::Spot, path, query),
            },
        }
    }

    fn usage(&self, used: u32, _: &Knobs) -> Vec<(&'static str, String)> {
        vec![("x-mbx-used-weight", used.to_string()), ("x-mbx-used-weight-1m", used.to_string())]
    }
}

fn contracts(asked: &SimRequest<'_>) -> Vec<u8> {
    let (listed, limit) = (asked.world.knobs.listed_from.millis_floor(), asked.world.knobs.weight_limit);
    let current = quarter::end_after(asked.now);
    let next = quarter::end_after(current);
    let one = |symbol: &String| {
        let (base, quote) = assets(symbol);
        let dated = |end| (format!("_{}", quarter::date(end)), end.millis_floor());
        let kinds = [
            ((String::new(), 4_133_404_800_000), "PERPETUAL"),
            (dated(current), "CURRENT_QUARTER"),
            (dated(next), "NEXT_QUARTER"),
        ];
        let contracts = kinds.map(|((date, end), kind)| {
            format!(
                r#"{{"symbol":"{symbol}{date}","pair":"{symbol}","contractType":"{kind}","deliveryDate":{end},"onboardDate":{listed},"status":"TRADING","baseAsset":"{base}","quoteAsset":"{quote}"}}"#
            )
        });
        contracts.join(",")
    };
    let symbols = asked.world.knobs.symbols.iter().filter(|symbol| !quarter::is_dated(symbol));
    let symbols: Vec<String> = symbols.map(one).collect();
    format!(
        r#"{{"rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{limit}}}],"symbols":[{}]}}"#,
        symbols.join(",")
    )
    .into_bytes()
}

fn funding(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 100, 1_000)?;
    let mut paid = asked.opens(market, Market::funding_grid(), window, side, limit);
    paid.sort_unstable();
    Ok(asked.page(paid, |out, at, bend| {
        let (rate_e8, mark_cents) = market.funding(Micros(at));
        out.extend_from_slice(b"{\"symbol\":\"\",\"fundingTime\":");
        fields::time(out, at / 1_000, bend);
        out.extend_from_slice(b",\"fundingRate\":\"");
        crate::sim::text::e8(out, rate_e8);
        out.extend_from_slice(b"\",\"markPrice\":");
        fields::price_text(out, mark_cents, bend);
        out.push(b'}');
    }))
}

/// A window with more samples than fit on a page yields its newest; nothing older than thirty days may be
/// requested.
fn interest(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let word = asked.query.mandatory("period")?;
    let period = INTERVALS.iter().find(|(known, _)| *known == word);
    let grid = period.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))?.1.grid();
    let (window, _) = bounds(asked)?;
    let oldest = Micros(asked.now.0 - 30 * 86_400_000_000);
    if window.is_some_and(|window| window.from < oldest) {
        return Err(BadRequest::new(-1130, "parameter 'startTime' is invalid."));
    }
    let limit = asked.rows_wanted("limit", 30, 500)?;
    let mut samples = asked.opens(market, grid, window, Side::Newest, limit);
    samples.sort_unstable();
    Ok(asked.page(samples, |out, at, bend| {
        let (base_e8, value_cents) = market.open_interest(Micros(at));
        out.extend_from_slice(b"{\"sumOpenInterest\":\"");
        crate::sim::text::e8(out, base_e8);
        out.extend_from_slice(b"\",\"sumOpenInterestValue\":\"");
        crate::sim::text::cents(out, value_cents);
        out.extend_from_slice(b"\",\"timestamp\":");
        fields::time(out, at / 1_000, bend);
        out.push(b'}');
    }))
}

fn instruments(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let symbols = match asked.query.get("symbol") {
        Some(_) => vec![market(asked)?.symbol()],
        None => asked.world.knobs.symbols.iter().map(String::as_str).collect(),
    };
    let mut out = format!(
        concat!(
            r#"{{"timezone":"UTC","serverTime":{},"rateLimits":["#,
            r#"{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{}}},"#,
            r#"{{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000}}],"#,
            r#""exchangeFilters":[],"symbols":["#
        ),
        asked.told_ms(),
        asked.world.knobs.weight_limit
    )
    .into_bytes();
    for (place, symbol) in symbols.into_iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let (base, quote) = assets(symbol);
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            r#"{comma}{{"symbol":"{symbol}","status":"TRADING","baseAsset":"{base}","quoteAsset":"{quote}","isSpotTradingAllowed":true}}"#
        );
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

fn klines(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let word = asked.query.mandatory("interval")?;
    let interval = INTERVALS.iter().find(|(known, _)| *known == word);
    let grid = interval.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))?.1.grid();
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 500, PAGE_ROWS)?;
    let mut opens = asked.opens(market, grid, window, side, limit);
    opens.sort_unstable();
    Ok(asked.page(opens, |out, open, bend| {
        let open = Micros(open);
        let closed_ms = grid.next(open).millis_floor() - 1;
        // For the continuous contract, each candle is of the contract it named then.
        let then = asked.query.get("contractType").zip(asked.query.get("pair"));
        let own = then.and_then(|(kind, pair)| contract_at(asked, pair, kind, open).ok()).unwrap_or(market);
        rows::candle(out, &asked.candle(own, grid, open), closed_ms, bend);
    }))
}

fn agg_trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let from_id = asked.query.number("fromId")?;
    let has_bounds = asked.query.get("startTime").or(asked.query.get("endTime")).is_some();
    if from_id.is_some() && has_bounds {
        return Err(BadRequest::new(-1128, "Combination of optional parameters invalid."));
    }
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 500, PAGE_ROWS)?;
    let mut ids = match from_id.filter(|_| !asked.is_stuck()) {
        Some(first) => {
            let until = contract_end(asked).map_or(u64::MAX, |end| market.first_trade_at_or_after(end));
            asked.ids_between(market, first, until, Side::Oldest, limit)
        }
        None => asked.ids(market, window, side, limit),
    };
    ids.sort_unstable();
    Ok(asked.page(ids, |out, id, bend| rows::trade(out, &told(market.trade(id.unsigned_abs()), bend), bend)))
}

fn depth(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = market(asked)?.book(asked.now);
    let limit = asked.query.limit("limit", 100, BOOK_LEVELS)?;
    let mut out = Vec::with_capacity(64 + limit * 64);
    let _ = write!(out, "{{\"lastUpdateId\":{},", book.update_id);
    if asked.path.starts_with("/fapi") {
        let now = asked.now.millis_floor();
        let _ = write!(out, "\"E\":{now},\"T\":{now},");
    }
    out.extend_from_slice(b"\"bids\":");
    fields::levels(&mut out, book.bids().take(limit));
    out.extend_from_slice(b",\"asks\":");
    fields::levels(&mut out, book.asks().take(limit));
    out.push(b'}');
    Ok(out)
}

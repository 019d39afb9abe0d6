//! Bitfinex's v2 REST interface, server side: arrays of JSON numbers, inclusive bounds, newest first unless
//! `sort=1`.
//!
//! Source: Bitfinex API v2, "REST public endpoints".

mod live;
mod rows;

use std::io::Write as _;

use crate::model::{Grid, Micros, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::told;
use crate::sim::fault::Endpoint;
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venue::Venue;
use crate::sim::venues::bitfinex::live::Live;
use crate::sim::venues::bitfinex::rows::{NAMES, TIMEFRAMES, candle, known, trade};
use crate::sim::ws::Protocol;

/// Bitfinex.
pub(in crate::sim) struct Bitfinex;

impl Venue for Bitfinex {
    fn name(&self) -> &'static str {
        "bitfinex"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next()) {
            (Some("v2"), Some("platform")) => Endpoint::Time,
            (Some("v2"), Some("conf")) => Endpoint::Instruments,
            (Some("v2"), Some("candles")) => Endpoint::Ohlc,
            (Some("v2"), Some("trades")) => Endpoint::Trades,
            (Some("v2"), Some("book")) => Endpoint::BookSnapshot,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(b"[1]".to_vec()),
            Endpoint::Instruments => settings(asked),
            Endpoint::Ohlc => candles(asked),
            Endpoint::Trades => trades(asked),
            Endpoint::BookSnapshot => book(asked),
            _ => Err(BadRequest::new(-1000, "There is nothing at this path.")),
        }
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        (path == "/ws/2").then(|| Box::new(Live::default()) as Box<dyn Protocol>)
    }

    /// Invalid parameters are answered with status 500.
    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let (code, msg) = match error.code {
            -1121 => (10_020, "symbol: invalid"),
            -1003 => (11_010, "ratelimit: error"),
            -1000 | -1001 => (20_060, "maintenance"),
            _ => (10_020, error.msg.as_str()),
        };
        let status = if status == 400 { 500 } else { status };
        (status, format!("[\"error\",{code},\"{msg}\"]"))
    }
}

/// The market of `tBTCUSD`, `tBTCUST` or `tDOGE:USD`.
fn market<'a>(asked: &'a SimRequest<'_>, symbol: &str) -> Result<&'a Market, BadRequest> {
    asked.market(&known(symbol))
}

/// The parts of a path after `/v2/`.
fn parts<'a>(asked: &'a SimRequest<'_>) -> Vec<&'a str> {
    asked.path.trim_start_matches('/').split('/').skip(2).collect()
}

/// The window from `start` to `end`, both inclusive, and which end comes first.
fn bounds(asked: &SimRequest<'_>) -> Result<(Option<Window>, Side), BadRequest> {
    let (from, last) = (asked.query.instant("start")?, asked.query.instant("end")?);
    let until = last.map_or(asked.now.0 + 1, |last| last.0 + 1_000);
    let side = if asked.query.get("sort") == Some("1") { Side::Oldest } else { Side::Newest };
    Ok((Window::new(from.unwrap_or_default(), Micros(until)), side))
}

/// `/v2/conf/` with comma-separated settings: an array with an answer for each.
fn settings(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let keys = parts(asked).first().copied().unwrap_or_default();
    let answer = |key| match key {
        "pub:list:pair:exchange" => Ok(pairs(asked)),
        "pub:map:currency:sym" => {
            let names: Vec<String> =
                NAMES.iter().map(|(own, usual)| format!("[\"{own}\",\"{usual}\"]")).collect();
            Ok(format!("[{}]", names.join(",")))
        }
        _ => Err(BadRequest::new(-1130, "conf: invalid")),
    };
    let answers: Vec<String> = keys.split(',').map(answer).collect::<Result<_, _>>()?;
    Ok(format!("[{}]", answers.join(",")).into_bytes())
}

fn pairs(asked: &SimRequest<'_>) -> String {
    let name = |symbol: &String| {
        let (base, quote) = assets(symbol);
        let own = |usual: &str| {
            let known = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(usual));
            known.map_or(usual.to_owned(), |(own, _)| (*own).to_owned())
        };
        let (base, quote) = (own(base), own(quote));
        let colon = if base.len() > 3 || quote.len() > 3 { ":" } else { "" };
        format!("\"{base}{colon}{quote}\"")
    };
    let names: Vec<String> = asked.world.knobs.symbols.iter().map(name).collect();
    format!("[{}]", names.join(","))
}

fn candles(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let parts = parts(asked);
    // `trade:1m:tBTCUSD`, where the symbol may contain a colon itself.
    let mut key = parts.first().copied().unwrap_or_default().splitn(3, ':').skip(1);
    let word = key.next().unwrap_or_default();
    let grid: Grid = TIMEFRAMES
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, span)| span.grid())
        .ok_or_else(|| BadRequest::new(-1120, "timeframe: invalid"))?;
    let market = market(asked, key.next().unwrap_or_default())?;
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 100, 10_000)?;
    let opens = asked.opens(market, grid, window, side, limit);
    Ok(asked.page(opens, |out, open, bend| {
        candle(out, &asked.candle(market, grid, Micros(open)), bend);
    }))
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let parts = parts(asked);
    let market = market(asked, parts.first().copied().unwrap_or_default())?;
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 125, 10_000)?;
    let ids = asked.ids(market, window, side, limit);
    Ok(asked.page(ids, |out, id, bend| {
        trade(out, &told(market.trade(id.unsigned_abs()), bend), id, bend);
    }))
}

fn book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let parts = parts(asked);
    let book = market(asked, parts.first().copied().unwrap_or_default())?.book(asked.now);
    let depth = asked.query.limit("len", 25, 100)?;
    if ![1, 25, 100].contains(&depth) {
        return Err(BadRequest::new(-1130, "len: invalid"));
    }
    let mut out = b"[".to_vec();
    let bids = book.bids().take(depth);
    let asks = book.asks().take(depth).map(|(price, amount)| (price, -amount));
    for (place, (price_cents, amount_e8)) in bids.chain(asks).enumerate() {
        let _ = write!(out, "{}[", if place > 0 { "," } else { "" });
        cents(&mut out, price_cents);
        out.extend_from_slice(b",2,");
        e8(&mut out, amount_e8);
        out.push(b']');
    }
    out.push(b']');
    Ok(out)
}

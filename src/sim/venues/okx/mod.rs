//! OKX's v5 REST interface, server side: newest first, exclusive bounds, everything as text.
//!
//! Source: OKX API v5, "Order Book Trading", "Public Data" and "Trading Statistics". A contract here is one
//! unit of the base asset.

mod bars;
mod live;

use std::io::Write as _;

use crate::model::{Grid, Micros, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::fields::{price_text, time_text};
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8, int};
use crate::sim::venue::Venue;
use crate::sim::venues::okx::bars::{BARS, bar};
use crate::sim::venues::okx::live::Live;
use crate::sim::ws::Protocol;

/// OKX.
pub(in crate::sim) struct Okx;

impl Venue for Okx {
    fn name(&self) -> &'static str {
        "okx"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/api/v5/public/time" => Endpoint::Time,
            "/api/v5/public/instruments" => Endpoint::Instruments,
            "/api/v5/market/history-candles" => Endpoint::Ohlc,
            "/api/v5/market/history-trades" => Endpoint::Trades,
            "/api/v5/market/books" => Endpoint::BookSnapshot,
            "/api/v5/public/funding-rate-history" => Endpoint::Funding,
            "/api/v5/rubik/stat/contracts/open-interest-history" => Endpoint::OpenInterest,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(wrapped(format!("[{{\"ts\":\"{}\"}}]", asked.told_ms()).as_bytes())),
            Endpoint::Instruments => instruments(asked),
            Endpoint::Ohlc => candles(asked),
            Endpoint::Trades => trades(asked),
            Endpoint::BookSnapshot => book(asked),
            Endpoint::Funding => funding(asked),
            Endpoint::OpenInterest => interest(asked),
            Endpoint::Unknown => Err(BadRequest::new(-1000, "There is nothing at this path.")),
        }
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        Live::of_path(path)
    }

    /// Most errors have status 200.
    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let (code, msg) = match error.code {
            -1121 => ("51001", "Instrument ID, Instrument ID code or Spread ID doesn't exist."),
            -1003 => {
                ("50011", "Rate limit reached. Please refer to API documentation and throttle requests.")
            }
            -1000 | -1001 => ("50001", "Service temporarily unavailable. Please try again later."),
            _ => ("51000", error.msg.as_str()),
        };
        let status = if status == 400 { 200 } else { status };
        (status, format!("{{\"code\":\"{code}\",\"data\":[],\"msg\":\"{msg}\"}}"))
    }
}

fn wrapped(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 32);
    out.extend_from_slice(b"{\"code\":\"0\",\"msg\":\"\",\"data\":");
    out.extend_from_slice(data);
    out.push(b'}');
    out
}

/// The market of `instId`: `BTC-USDT`, or `BTC-USDT-SWAP` with the same prices.
fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    let id = asked.query.mandatory("instId")?;
    asked.market(&id.strip_suffix("-SWAP").unwrap_or(id).replacen('-', "", 1))
}

fn grid(asked: &SimRequest<'_>, name: &str) -> Result<Grid, BadRequest> {
    let word = asked.query.mandatory(name)?;
    let bar = BARS.iter().find(|(known, _)| *known == word);
    Ok(bar.ok_or_else(|| BadRequest::new(-1120, &format!("Parameter {name} error")))?.1.grid())
}

/// Newer than one bound and older than the other, both exclusive. With only the lower bound, the newest are
/// returned.
fn between(asked: &SimRequest<'_>, newer_than: &str, older_than: &str) -> Result<Option<Window>, BadRequest> {
    let newer = asked.query.instant(newer_than)?.map_or(Micros(0), |at| Micros(at.0 + 1_000));
    let older = asked.query.instant(older_than)?.unwrap_or(Micros(asked.now.0 + 1));
    Ok(Window::new(newer, older))
}

fn instruments(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let kind = asked.query.mandatory("instType")?;
    let listed = asked.world.knobs.listed_from.millis_floor();
    let symbols = match asked.query.get("instId") {
        Some(_) => vec![market(asked)?.symbol()],
        None => asked.world.knobs.symbols.iter().map(String::as_str).collect(),
    };
    let mut out = b"[".to_vec();
    for (place, symbol) in symbols.into_iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let (base, quote) = assets(symbol);
        // Writing to memory cannot fail.
        let _ = match kind {
            "SPOT" => write!(
                out,
                r#"{comma}{{"instType":"SPOT","instId":"{base}-{quote}","baseCcy":"{base}","quoteCcy":"{quote}","instFamily":"","alias":"","ctVal":"","ctMult":"","ctType":"","listTime":"{listed}","expTime":"","state":"live"}}"#
            ),
            _ => write!(
                out,
                r#"{comma}{{"instType":"SWAP","instId":"{base}-{quote}-SWAP","baseCcy":"","quoteCcy":"","instFamily":"{base}-{quote}","alias":"","ctVal":"1","ctMult":"1","ctType":"linear","ctValCcy":"{base}","listTime":"{listed}","expTime":"","state":"live"}}"#
            ),
        };
    }
    out.push(b']');
    Ok(wrapped(&out))
}

fn candles(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let (market, grid) = (market(asked)?, grid(asked, "bar")?);
    // Documented as 300, but 100 are returned.
    let limit = asked.rows_wanted("limit", 100, 100)?;
    let opens = asked.opens(market, grid, between(asked, "before", "after")?, Side::Newest, limit);
    Ok(wrapped(&asked.page(opens, |out, open, bend| {
        let candle = asked.candle(market, grid, Micros(open));
        let is_spot = !asked.query.get("instId").is_some_and(|id| id.ends_with("-SWAP"));
        bar(out, &candle, is_spot, asked.now >= grid.next(candle.open), bend);
    })))
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let limit = asked.rows_wanted("limit", 100, 100)?;
    let ids = if asked.query.get("type") == Some("2") {
        // Timestamps only bound from above.
        let older = asked.query.instant("after")?.unwrap_or(Micros(asked.now.0 + 1));
        asked.ids(market, Window::new(Micros(0), older), Side::Newest, limit)
    } else {
        let after = asked.query.number("after")?.unwrap_or(u64::MAX);
        let until = if asked.is_stuck() { u64::MAX } else { after };
        asked.ids_between(market, 0, until, Side::Newest, limit)
    };
    let id = asked.query.mandatory("instId")?;
    Ok(wrapped(&asked.page(ids, |out, key, bend| {
        let trade = told(market.trade(key.unsigned_abs()), bend);
        let cents = if bend == Some(Bend::Contradiction) { -trade.price_cents } else { trade.price_cents };
        out.extend_from_slice(b"{\"instId\":\"");
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(b"\",\"side\":\"");
        out.extend_from_slice(if trade.sold { b"sell" } else { b"buy" });
        out.extend_from_slice(b"\",\"sz\":\"");
        e8(out, trade.amount_e8);
        out.extend_from_slice(b"\",\"px\":");
        price_text(out, cents, bend);
        out.extend_from_slice(b",\"source\":\"0\",\"tradeId\":\"");
        int(out, key);
        out.extend_from_slice(b"\",\"ts\":");
        time_text(out, trade.ts.millis_floor(), bend);
        out.push(b'}');
    })))
}

fn book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = market(asked)?.book(asked.now);
    let depth = asked.query.limit("sz", 1, 400)?;
    let mut out = b"[{".to_vec();
    let side = |out: &mut Vec<u8>, name: &str, levels: &mut dyn Iterator<Item = (i64, i64)>| {
        out.extend_from_slice(name.as_bytes());
        for (place, (price_cents, amount_e8)) in levels.take(depth).enumerate() {
            out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
            cents(out, price_cents);
            out.extend_from_slice(b"\",\"");
            e8(out, amount_e8);
            out.extend_from_slice(b"\",\"0\",\"3\"]");
        }
    };
    side(&mut out, "\"asks\":[", &mut book.asks());
    side(&mut out, "],\"bids\":[", &mut book.bids());
    let _ = write!(out, "],\"ts\":\"{}\",\"seqId\":{}}}]", asked.told_ms(), book.update_id);
    Ok(wrapped(&out))
}

fn funding(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let limit = asked.rows_wanted("limit", 400, 400)?;
    let window = between(asked, "before", "after")?;
    let paid = asked.opens(market, Market::funding_grid(), window, Side::Newest, limit);
    Ok(wrapped(&asked.page(paid, |out, at, bend| {
        let (rate_e8, _) = market.funding(Micros(at));
        out.extend_from_slice(b"{\"instType\":\"SWAP\",\"fundingRate\":\"");
        // The predicted rate differs from the paid one.
        e8(out, rate_e8 + 1);
        out.extend_from_slice(b"\",\"realizedRate\":\"");
        e8(out, rate_e8);
        out.extend_from_slice(b"\",\"fundingTime\":");
        time_text(out, at / 1_000, bend);
        out.push(b'}');
    })))
}

fn interest(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let (market, grid) = (market(asked)?, grid(asked, "period")?);
    let limit = asked.rows_wanted("limit", 100, 100)?;
    let oldest = grid.step(asked.now, -1_440);
    let window =
        between(asked, "begin", "end")?.and_then(|window| Window::new(window.from.max(oldest), window.until));
    let samples = asked.opens(market, grid, window, Side::Newest, limit);
    Ok(wrapped(&asked.page(samples, |out, at, bend| {
        let (base_e8, value_cents) = market.open_interest(Micros(at));
        out.push(b'[');
        time_text(out, at / 1_000, bend);
        for (value, write) in [(base_e8, e8 as fn(&mut Vec<u8>, i64)), (base_e8, e8), (value_cents, cents)] {
            out.extend_from_slice(b",\"");
            write(out, value);
            out.push(b'"');
        }
        out.push(b']');
    })))
}

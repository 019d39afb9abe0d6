//! Coinbase Exchange's REST interface, server side.
//!
//! Source: Coinbase Exchange REST reference, "Products" and "Pagination".

mod live;

use std::io::Write as _;

use crate::model::{Micros, Span, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::fields::{amount_text, high_cents, price_number, price_text, rfc3339, secs, trade_cents};
use crate::sim::market::{Market, SimCandle, SimTrade};
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{e8, int};
use crate::sim::venue::Venue;
use crate::sim::venues::coinbase::live::Live;
use crate::sim::ws::Protocol;

/// The most candles between two bounds; requests for more are refused.
const CANDLES: usize = 300;

/// The most rows per page of trades.
const PAGE_ROWS: usize = 1_000;

/// The levels per side of a level 2 book.
const BOOK_LEVELS: usize = 2_000;

/// The supported granularities, in seconds.
const GRANULARITIES: [u64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];

/// Coinbase Exchange, spot markets.
pub(in crate::sim) struct Coinbase;

impl Venue for Coinbase {
    fn name(&self) -> &'static str {
        "coinbase"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts[..] {
            ["time"] => Endpoint::Time,
            ["products"] | ["products", _] => Endpoint::Instruments,
            ["products", _, "candles"] => Endpoint::Ohlc,
            ["products", _, "trades"] => Endpoint::Trades,
            ["products", _, "book"] => Endpoint::BookSnapshot,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(time(asked)),
            Endpoint::Instruments => products(asked),
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
        (path == "/").then(|| Box::new(Live) as Box<dyn Protocol>)
    }

    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let (status, message) = match error.code {
            -1121 => (404, "NotFound"),
            -1003 => (status, "Public rate limit exceeded"),
            -1000 | -1001 => (status, "Internal server error"),
            _ => (status, error.msg.as_str()),
        };
        (status, format!("{{\"message\":\"{message}\"}}"))
    }
}

/// `/products/BTC-USD/…`: the product's market.
fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    let product = asked.path.split('/').nth(2).unwrap_or_default();
    let (base, quote) = product.split_once('-').unwrap_or((product, ""));
    asked.market(&format!("{base}{quote}"))
}

fn time(asked: &SimRequest<'_>) -> Vec<u8> {
    let at = Micros::from_millis(asked.told_ms());
    let mut out = b"{\"iso\":".to_vec();
    rfc3339(&mut out, at, None);
    let millis = at.millis_floor();
    let _ = write!(out, ",\"epoch\":{}.{:03}}}", millis / 1_000, millis.rem_euclid(1_000));
    out
}

fn products(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    if asked.path.split('/').nth(2).is_some() {
        return Ok(product(market(asked)?.symbol()).into_bytes());
    }
    let all: Vec<String> = asked.world.knobs.symbols.iter().map(|symbol| product(symbol)).collect();
    Ok(format!("[{}]", all.join(",")).into_bytes())
}

fn product(symbol: &str) -> String {
    let (base, quote) = assets(symbol);
    format!(
        r#"{{"id":"{base}-{quote}","base_currency":"{base}","quote_currency":"{quote}","quote_increment":"0.01","base_increment":"0.00000001","display_name":"{base}/{quote}","status":"online","status_message":"","trading_disabled":false}}"#
    )
}

fn candles(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let secs = asked.query.number("granularity")?.filter(|secs| GRANULARITIES.contains(secs));
    let span = secs.and_then(|secs| Span::of_secs(secs).ok());
    let grid = span.ok_or_else(|| BadRequest::new(-1120, "Unsupported granularity"))?.grid();
    let bounds = [instant(asked, "start")?, instant(asked, "end")?];
    // A single bound is ignored.
    let window = match bounds {
        [Some(first), Some(last)] => {
            let apart = (last.0 - first.0) / 1_000_000 / i64::from(grid.span.secs());
            if apart >= i64::try_from(CANDLES).unwrap_or(i64::MAX) {
                return Err(BadRequest::new(
                    -1130,
                    "granularity too small for the requested time range. Count of aggregations requested exceeds 300",
                ));
            }
            Window::new(first, Micros(last.0 + 1))
        }
        _ => Window::new(Micros(0), Micros(asked.now.0 + 1)),
    };
    let limit = CANDLES.min(asked.world.knobs.page_limit);
    let mut opens = asked.opens(market, grid, window, Side::Newest, limit);
    opens.sort_unstable_by(|a, b| b.cmp(a));
    Ok(asked.page(opens, |out, open, bend| candle(out, &asked.candle(market, grid, Micros(open)), bend)))
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let after = asked.query.number("after")?.unwrap_or(u64::MAX);
    let limit = asked.rows_wanted("limit", PAGE_ROWS, PAGE_ROWS)?;
    let mut ids = match asked.is_stuck() {
        true => asked.ids(market, None, Side::Oldest, limit),
        // The oracle numbers trades from 0, this exchange from 1.
        false => asked.ids_between(market, 0, after.saturating_sub(1), Side::Newest, limit),
    };
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(asked.page(ids, |out, id, bend| trade(out, &told(market.trade(id.unsigned_abs()), bend), bend)))
}

fn book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = market(asked)?.book(asked.now);
    let levels = if asked.query.number("level")? == Some(2) { BOOK_LEVELS } else { 1 };
    let mut out = Vec::with_capacity(64 + levels * 64);
    let _ = write!(out, "{{\"sequence\":{},\"auction_mode\":false,\"bids\":", book.update_id);
    sides(&mut out, book.bids().take(levels));
    out.extend_from_slice(b",\"asks\":");
    sides(&mut out, book.asks().take(levels));
    out.push(b'}');
    Ok(out)
}

/// Seconds, or RFC 3339.
fn instant(asked: &SimRequest<'_>, name: &str) -> Result<Option<Micros>, BadRequest> {
    let Some(text) = asked.query.get(name) else { return Ok(None) };
    let secs = text.parse::<i64>().ok().map(Micros::from_secs);
    let told = || text.parse::<jiff::Timestamp>().ok().map(|at| Micros(at.as_microsecond()));
    let at = secs.or_else(told).ok_or_else(|| BadRequest::new(-1100, &format!("invalid {name}")))?;
    Ok(Some(at))
}

/// `[time, low, high, open, close, volume]`.
fn candle(out: &mut Vec<u8>, candle: &SimCandle, bend: Option<Bend>) {
    out.push(b'[');
    secs(out, candle.open, bend);
    out.push(b',');
    price_number(out, candle.low_cents, None);
    out.push(b',');
    price_number(out, high_cents(candle.high_cents, candle.low_cents, bend), None);
    out.push(b',');
    price_number(out, candle.open_cents, bend);
    out.push(b',');
    price_number(out, candle.close_cents, None);
    out.push(b',');
    e8(out, candle.volume_e8);
    out.push(b']');
}

/// `side` is the maker's.
fn trade(out: &mut Vec<u8>, trade: &SimTrade, bend: Option<Bend>) {
    out.extend_from_slice(b"{\"trade_id\":");
    int(out, i64::try_from(trade.id.saturating_add(1)).unwrap_or(i64::MAX));
    let side: &[u8] =
        if trade.sold { b",\"side\":\"buy\",\"size\":" } else { b",\"side\":\"sell\",\"size\":" };
    out.extend_from_slice(side);
    amount_text(out, trade.amount_e8);
    out.extend_from_slice(b",\"price\":");
    price_text(out, trade_cents(trade.price_cents, bend), bend);
    out.extend_from_slice(b",\"time\":");
    rfc3339(out, trade.ts, bend);
    out.push(b'}');
}

/// `[["price","size",orders],…]`.
fn sides(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>) {
    out.push(b'[');
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",[" } else { b"[" });
        price_text(out, price_cents, None);
        out.push(b',');
        amount_text(out, amount_e8);
        let _ = write!(out, ",{}]", 1 + amount_e8 % 9);
    }
    out.push(b']');
}

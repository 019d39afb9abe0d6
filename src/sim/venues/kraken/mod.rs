//! Kraken's spot REST interface, server side: the correct answers and their envelope.
//!
//! Source: Kraken spot REST documentation, "Market Data".

mod live;
mod live_book;
mod rules;

use std::io::Write as _;

use crate::model::{Grid, Micros, Span, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::fields;
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8, int};
use crate::sim::venue::Venue;
use crate::sim::venues::kraken::live::Live;
use crate::sim::venues::kraken::rules::{INTERVALS, nanos_of};
use crate::sim::ws::Protocol;

/// The most candles in an answer, including the running one.
const CANDLES: usize = 721;

/// The most trades per page, and levels per side of a book.
const TRADES: usize = 1_000;

const LEVELS: usize = 500;

/// Its spans in minutes; all count from the epoch, even the week.
/// Kraken, spot markets.
pub(in crate::sim) struct Kraken;

impl Venue for Kraken {
    fn name(&self) -> &'static str {
        "kraken"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/0/public/Time" => Endpoint::Time,
            "/0/public/AssetPairs" => Endpoint::Instruments,
            "/0/public/OHLC" => Endpoint::Ohlc,
            "/0/public/Trades" => Endpoint::Trades,
            "/0/public/Depth" => Endpoint::BookSnapshot,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        let result = match endpoint {
            Endpoint::Time => {
                format!("{{\"unixtime\":{},\"rfc1123\":\"\"}}", asked.told_ms() / 1_000).into_bytes()
            }
            Endpoint::Instruments => asset_pairs(asked)?,
            Endpoint::Ohlc => candles(asked)?,
            Endpoint::Trades => trades(asked)?,
            Endpoint::BookSnapshot => depth(asked)?,
            _ => return Err(BadRequest::new(-1100, "Unknown method")),
        };
        Ok([&b"{\"error\":[],\"result\":"[..], &result[..], &b"}"[..]].concat())
    }

    /// Its own errors have status 200; errors of what is in front of it keep their status.
    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        (path == "/v2").then(|| Box::new(Live) as Box<dyn Protocol>)
    }

    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let text = match error.code {
            -1121 => "EQuery:Unknown asset pair",
            -1003 if status == 418 => "EGeneral:Temporary lockout",
            -1003 => "EAPI:Rate limit exceeded",
            -1000 | -1001 => "EService:Unavailable",
            _ => "EGeneral:Invalid arguments",
        };
        let status = if status == 451 || status >= 500 { status } else { 200 };
        (status, format!("{{\"error\":[\"{text}\"]}}"))
    }
}

fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    let pair = asked.query.mandatory("pair")?;
    let known = asked.world.knobs.symbols.iter().find(|symbol| {
        let (base, quote) = assets(symbol);
        [alternative(base, quote), key(base, quote)].iter().any(|name| name == pair)
    });
    asked.market(known.map_or(pair, String::as_str))
}

/// `XBTUSD`, the usual name of a pair in requests.
fn alternative(base: &str, quote: &str) -> String {
    format!("{}{}", own(base), own(quote))
}

/// `XXBTZUSD`, its name in answers: assets of the first years have a letter in front.
fn key(base: &str, quote: &str) -> String {
    let first = |asset: &str| match own(asset) {
        coin @ ("XBT" | "ETH" | "XDG" | "LTC" | "XRP") => Some(format!("X{coin}")),
        money @ ("USD" | "EUR") => Some(format!("Z{money}")),
        _ => None,
    };
    match (first(base), first(quote)) {
        (Some(base), Some(quote)) => format!("{base}{quote}"),
        _ => alternative(base, quote),
    }
}

fn own(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

fn asset_pairs(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let symbols = match asked.query.get("pair") {
        Some(_) => vec![market(asked)?.symbol()],
        None => asked.world.knobs.symbols.iter().map(String::as_str).collect(),
    };
    let pairs = symbols.into_iter().map(|symbol| {
        let (base, quote) = assets(symbol);
        let (key, name) = (key(base, quote), alternative(base, quote));
        let (base, quote) = (own(base), own(quote));
        format!(
            r#""{key}":{{"altname":"{name}","wsname":"{base}/{quote}","lot_decimals":8,"status":"online"}}"#
        )
    });
    Ok(format!("{{{}}}", pairs.collect::<Vec<_>>().join(",")).into_bytes())
}

/// `{"KEY":rows,"last":last}`.
fn keyed(market: &Market, rows: &[u8], last: &str) -> Vec<u8> {
    let (base, quote) = assets(market.symbol());
    let mut out = format!("{{\"{}\":", key(base, quote)).into_bytes();
    out.extend_from_slice(rows);
    // Writing to memory cannot fail.
    let _ = write!(out, ",\"last\":{last}}}");
    out
}

/// Always the newest candles, reduced to those that open after `since`.
fn candles(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let minutes = asked.query.number("interval")?.unwrap_or(1);
    let minutes = INTERVALS.into_iter().find(|own| u64::from(*own) == minutes);
    let span = minutes.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))? * 60;
    let grid = Grid { span: Span::Fixed(span), anchor_secs: 0 };
    let since = asked.query.number("since")?.and_then(|secs| i64::try_from(secs).ok()).unwrap_or(-1);
    let most = CANDLES.min(asked.world.knobs.page_limit.max(1));
    let ever = Window::new(Micros(0), Micros(asked.now.0 + 1));
    let mut opens = asked.opens(market, grid, ever, Side::Newest, most);
    opens.retain(|open| asked.is_elsewhere() || *open / 1_000_000 > since);
    opens.sort_unstable();
    let last = opens.iter().rev().nth(1).map_or(since, |open| open / 1_000_000).to_string();
    let rows = asked.page(opens, |out, open, bend| candle(out, asked, market, grid, Micros(open), bend));
    Ok(keyed(market, &rows, &last))
}

/// `[time, "open", "high", "low", "close", "vwap", "volume", count]`.
fn candle(
    out: &mut Vec<u8>,
    asked: &SimRequest<'_>,
    market: &Market,
    grid: Grid,
    open: Micros,
    bend: Option<Bend>,
) {
    let candle = asked.candle(market, grid, open);
    let high = if bend == Some(Bend::Contradiction) { candle.low_cents - 1 } else { candle.high_cents };
    out.push(b'[');
    match bend {
        Some(Bend::TimeAsText) => {
            let _ = write!(out, "\"{}\"", open.secs());
        }
        // Its unit is seconds; milliseconds are the wrong one.
        Some(Bend::TimeInSeconds) => int(out, open.millis_floor()),
        _ => int(out, open.secs()),
    }
    out.push(b',');
    fields::price_text(out, candle.open_cents, bend);
    for price in [high, candle.low_cents, candle.close_cents, candle.close_cents] {
        out.extend_from_slice(b",\"");
        cents(out, price);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b"\",");
    int(out, candle.trades);
    out.push(b']');
}

/// Trades after `since`: the nanosecond of a trade, or a second if it has few enough digits.
fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let since = asked.query.number("since")?;
    let nanos = since.map(|since| if since < 10_000_000_000 { since * 1_000_000_000 } else { since });
    let limit = asked.rows_wanted("count", TRADES, TRADES)?;
    let ids = match nanos.filter(|_| !asked.is_stuck()) {
        Some(nanos) => asked.ids_between(market, first_after(market, nanos), u64::MAX, Side::Oldest, limit),
        None if asked.is_stuck() => asked.ids_between(market, 0, u64::MAX, Side::Oldest, limit),
        None => {
            let mut newest = asked.ids_between(market, 0, u64::MAX, Side::Newest, limit);
            newest.reverse();
            newest
        }
    };
    let mut last = nanos.unwrap_or(0);
    let rows = asked.page(ids, |out, id, bend| {
        last = last.max(nanos_of(market, id.unsigned_abs()));
        trade(out, market, id.unsigned_abs(), bend);
    });
    Ok(keyed(market, &rows, &format!("\"{last}\"")))
}

/// The first trade with a later nanosecond.
fn first_after(market: &Market, nanos: u64) -> u64 {
    let at = Micros::from_millis(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX / 1_000));
    let [first, beyond] =
        [at, Micros(at.0.saturating_add(1_000))].map(|at| market.first_trade_at_or_after(at));
    beyond.min(first + nanos % 1_000_000 + 1)
}

/// `["price", "volume", seconds, "b" or "s", "m" or "l", "", id]`.
fn trade(out: &mut Vec<u8>, market: &Market, id: u64, bend: Option<Bend>) {
    let trade = told(market.trade(id), bend);
    let sign = if bend == Some(Bend::Contradiction) { -1 } else { 1 };
    out.push(b'[');
    fields::price_text(out, trade.price_cents * sign, bend);
    out.extend_from_slice(b",\"");
    e8(out, trade.amount_e8);
    let moved = (trade.ts.0 - market.trade(id).ts.0) * 1_000;
    let nanos = nanos_of(market, id).saturating_add_signed(moved);
    // A float of seconds has seven decimal places.
    let secs = format!("{}.{:07}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 100);
    let time = match bend {
        Some(Bend::TimeAsText) => format!("\"{secs}\""),
        Some(Bend::TimeInSeconds) => (nanos / 1_000_000).to_string(),
        _ => secs,
    };
    let side = if trade.sold { 's' } else { 'b' };
    let _ = write!(out, "\",{time},\"{side}\",\"m\",\"\",{id}]");
}

/// `{"KEY":{"asks":[["price","amount",seconds],…],"bids":[…]}}`.
fn depth(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let limit = asked.query.limit("count", 100, LEVELS)?;
    let book = market.book(asked.now);
    let (base, quote) = assets(market.symbol());
    let mut out = format!("{{\"{}\":{{\"asks\":", key(base, quote)).into_bytes();
    levels(&mut out, book.asks().take(limit), asked.now);
    out.extend_from_slice(b",\"bids\":");
    levels(&mut out, book.bids().take(limit), asked.now);
    out.extend_from_slice(b"}}");
    Ok(out)
}

fn levels(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>, now: Micros) {
    out.push(b'[');
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
        cents(out, price_cents);
        out.extend_from_slice(b"\",\"");
        e8(out, amount_e8);
        out.extend_from_slice(b"\",");
        int(out, now.secs());
        out.push(b']');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_of_the_first_years_have_a_letter_before_their_name_in_answers() {
        assert_eq!((alternative("BTC", "USD"), key("BTC", "USD")), ("XBTUSD".into(), "XXBTZUSD".into()));
        assert_eq!((alternative("BTC", "USDT"), key("BTC", "USDT")), ("XBTUSDT".into(), "XBTUSDT".into()));
    }
}

//! Kraken Futures' REST interface, server side: linear contracts of every symbol, perpetual and quarterly.
//!
//! Source: Kraken Futures API documentation, "Market Data", "Historical funding rates" and "Charts".

mod live;
mod rows;

use std::io::Write as _;
use std::time::Duration;

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
use crate::sim::venues::krakenfutures::live::Live;
use crate::sim::venues::krakenfutures::rows::{LEVELS, TRADES, known, own};
use crate::sim::ws::Protocol;

/// The most candles and trades per page.
const CANDLES: usize = 2_000;

/// More than the hours of a year.
const RATES: usize = 10_000;

/// How long trades and funding rates are kept.
const TRADES_KEPT: Duration = Duration::from_secs(7 * 86_400);

const RATES_KEPT: Duration = Duration::from_secs(365 * 86_400);

/// When the simulated quarterly contracts expire: two quarters around any test's present.
const QUARTERS: [(&str, &str); 2] =
    [("240329", "2024-03-29T16:00:00.000Z"), ("240628", "2024-06-28T16:00:00.000Z")];

const RESOLUTIONS: [(&str, Span); 9] = [
    ("1m", Span::MINUTE),
    ("5m", Span::Fixed(300)),
    ("15m", Span::Fixed(900)),
    ("30m", Span::Fixed(1_800)),
    ("1h", Span::HOUR),
    ("4h", Span::Fixed(14_400)),
    ("12h", Span::Fixed(43_200)),
    ("1d", Span::DAY),
    ("1w", Span::WEEK),
];

/// Kraken's derivatives.
pub(in crate::sim) struct KrakenFutures;

impl Venue for KrakenFutures {
    fn name(&self) -> &'static str {
        "krakenfutures"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/derivatives/api/v3/instruments" => Endpoint::Instruments,
            "/derivatives/api/v3/history" => Endpoint::Trades,
            "/derivatives/api/v3/orderbook" => Endpoint::BookSnapshot,
            "/derivatives/api/v4/historicalfundingrates" => Endpoint::Funding,
            _ if path.starts_with("/derivatives/api/v3/tickers/") => Endpoint::Time,
            _ if path.starts_with("/api/charts/v1/trade/") => Endpoint::Ohlc,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        10
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        let told = Micros::from_millis(asked.told_ms()).timestamp();
        let member = match endpoint {
            Endpoint::Ohlc => return candles(asked),
            Endpoint::Time => b"\"ticker\":{\"symbol\":\"PF_XBTUSD\"}".to_vec(),
            Endpoint::Instruments => instruments(asked),
            Endpoint::Trades => history(asked)?,
            Endpoint::BookSnapshot => order_book(asked)?,
            Endpoint::Funding => rates(asked)?,
            _ => return Err(BadRequest::new(-1100, "notFound")),
        };
        let mut out = b"{\"result\":\"success\",".to_vec();
        out.extend_from_slice(&member);
        // Writing to memory cannot fail.
        let _ = write!(out, ",\"serverTime\":\"{told:.3}\"}}");
        Ok(out)
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        (path == "/ws/v1").then(|| Box::new(Live::default()) as Box<dyn Protocol>)
    }

    /// Its own errors have status 200; errors of what is in front of it keep their status.
    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let text = match error.code {
            -1121 => "contractNotFound",
            -1003 => "apiLimitExceeded",
            -1000 | -1001 => "unavailable",
            _ => "requiredArgumentMissing",
        };
        let status = if status == 451 || status >= 500 { status } else { 200 };
        (status, format!("{{\"result\":\"error\",\"error\":\"{text}\"}}"))
    }
}

/// The market behind `PF_XBTUSD` or `FF_XBTUSD_240628`.
fn market<'a>(asked: &'a SimRequest<'_>, symbol: &str) -> Result<&'a Market, BadRequest> {
    asked.market(known(asked.world, symbol).unwrap_or(symbol))
}

fn instruments(asked: &SimRequest<'_>) -> Vec<u8> {
    let opened = asked.world.knobs.listed_from.timestamp();
    let contracts = asked.world.knobs.symbols.iter().flat_map(|symbol| {
        let (base, quote) = assets(symbol);
        let assets = format!("{}{quote}", own(base));
        let common = format!(r#""tradeable":true,"contractSize":1,"openingDate":"{opened:.3}""#);
        let perpetual = format!(r#"{{"symbol":"PF_{assets}","type":"flexible_futures",{common}}}"#);
        let inverse = format!(r#"{{"symbol":"PI_{assets}","type":"futures_inverse",{common}}}"#);
        let dated = QUARTERS.map(|(name, ends)| {
            format!(
                r#"{{"symbol":"FF_{assets}_{name}","type":"flexible_futures","lastTradingTime":"{ends}",{common}}}"#
            )
        });
        [inverse, perpetual].into_iter().chain(dated)
    });
    format!("\"instruments\":[{}]", contracts.collect::<Vec<_>>().join(",")).into_bytes()
}

/// `/api/charts/v1/trade/SYMBOL/RESOLUTION?from&to`, both inclusive.
fn candles(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let mut parts = asked.path.rsplit('/');
    let (word, symbol) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let market = market(asked, symbol)?;
    let span = RESOLUTIONS.iter().find(|(known, _)| *known == word);
    let grid = span.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))?.1.grid();
    let secs = |name| -> Result<Option<i64>, BadRequest> {
        Ok(asked.query.number(name)?.map(|secs| i64::try_from(secs).unwrap_or(i64::MAX / 1_000_000)))
    };
    let until = secs("to")?.map_or(asked.now, |to| Micros::from_secs(to.min(asked.now.secs()) + 1));
    let window = Window::new(Micros::from_secs(secs("from")?.unwrap_or(0)), until);
    let most = CANDLES.min(asked.world.knobs.page_limit.max(1));
    let opens = asked.opens(market, grid, window, Side::Oldest, most);
    let follows = |last: &i64| market.next_open(grid, grid.next(Micros(*last)));
    let more = opens.iter().max().is_some_and(|last| follows(last) < until);
    let rows = asked.page(opens, |out, open, bend| candle(out, asked, market, grid, Micros(open), bend));
    let mut out = b"{\"candles\":".to_vec();
    out.extend_from_slice(&rows);
    let _ = write!(out, ",\"more_candles\":{more}}}");
    Ok(out)
}

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
    out.extend_from_slice(b"{\"time\":");
    match bend {
        Some(Bend::TimeAsText) => {
            let _ = write!(out, "\"{}\"", open.millis_floor());
        }
        Some(Bend::TimeInSeconds) => int(out, open.secs()),
        _ => int(out, open.millis_floor()),
    }
    out.extend_from_slice(b",\"open\":");
    fields::price_text(out, candle.open_cents, bend);
    for (name, price) in [("high", high), ("low", candle.low_cents), ("close", candle.close_cents)] {
        let _ = write!(out, ",\"{name}\":\"");
        cents(out, price);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"volume\":\"");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b"\"}");
}

/// The newest trades before `lastTime`, newest first.
fn history(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked, asked.query.mandatory("symbol")?)?;
    let before = match asked.query.get("lastTime") {
        Some(text) => {
            let at: jiff::Timestamp =
                text.parse().map_err(|_| BadRequest::new(-1100, "invalidArgument: lastTime"))?;
            Micros(at.as_microsecond())
        }
        None => Micros(asked.now.0 + 1),
    };
    let window = Window::new(asked.now - TRADES_KEPT, before);
    let most = TRADES.min(asked.world.knobs.page_limit.max(1));
    let ids = asked.ids(market, window, Side::Newest, most);
    let mut place = ids.len();
    let rows = asked.page(ids, |out, id, bend| {
        trade(out, market, id.unsigned_abs(), place, bend);
        place = place.saturating_sub(1);
    });
    Ok([&b"\"history\":"[..], &rows[..]].concat())
}

/// `{"time":…,"trade_id":index in this answer,"price":…,"size":…,"side":taker,"type":"fill","uid":…}`.
fn trade(out: &mut Vec<u8>, market: &Market, id: u64, place: usize, bend: Option<Bend>) {
    let trade = told(market.trade(id), bend);
    let time = match bend {
        Some(Bend::TimeAsText) => "\"yesterday\"".to_owned(),
        Some(Bend::TimeInSeconds) => trade.ts.secs().to_string(),
        _ => format!("\"{:.3}\"", trade.ts.timestamp()),
    };
    let _ = write!(out, "{{\"time\":{time},\"trade_id\":{place},\"price\":");
    match bend {
        Some(Bend::Contradiction) => cents(out, -trade.price_cents),
        // It usually sends numbers, so text is the wrong type.
        Some(Bend::PriceAsNumber) => out.extend_from_slice(b"\"1.5\""),
        Some(bend) => fields::price_text(out, trade.price_cents, Some(bend)),
        None => cents(out, trade.price_cents),
    }
    out.extend_from_slice(b",\"size\":");
    e8(out, trade.amount_e8);
    let side = if trade.sold { "sell" } else { "buy" };
    let _ = write!(out, ",\"side\":\"{side}\",\"type\":\"fill\",\"uid\":\"{id}\"}}");
}

fn order_book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = market(asked, asked.query.mandatory("symbol")?)?.book(asked.now);
    let mut out = b"\"orderBook\":{\"bids\":".to_vec();
    levels(&mut out, book.bids().take(LEVELS));
    out.extend_from_slice(b",\"asks\":");
    levels(&mut out, book.asks().take(LEVELS));
    out.push(b'}');
    Ok(out)
}

fn levels(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>) {
    out.push(b'[');
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",[" } else { b"[" });
        cents(out, price_cents);
        out.push(b',');
        e8(out, amount_e8);
        out.push(b']');
    }
    out.push(b']');
}

/// All rates of a year, oldest first, whatever was requested.
fn rates(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked, asked.query.mandatory("symbol")?)?;
    let ever = Window::new(asked.now - RATES_KEPT, Micros(asked.now.0 + 1));
    let mut paid = asked.opens(market, Market::funding_grid(), ever, Side::Oldest, RATES);
    paid.sort_unstable();
    let rows = asked.page(paid, |out, at, bend| rate(out, market, Micros(at), bend));
    Ok([&b"\"rates\":"[..], &rows[..]].concat())
}

fn rate(out: &mut Vec<u8>, market: &Market, at: Micros, bend: Option<Bend>) {
    let (relative_e8, mark_cents) = market.funding(at);
    let time = match bend {
        Some(Bend::TimeAsText) => "\"yesterday\"".to_owned(),
        Some(Bend::TimeInSeconds) => at.secs().to_string(),
        _ => format!("\"{}\"", at.timestamp()),
    };
    let _ = write!(out, "{{\"timestamp\":{time},\"fundingRate\":");
    cents(out, mark_cents);
    out.extend_from_slice(b",\"relativeFundingRate\":");
    match bend {
        Some(Bend::TimeAsText | Bend::TimeInSeconds) | None => e8(out, relative_e8),
        Some(_) => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

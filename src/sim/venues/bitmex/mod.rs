//! BitMEX's REST interface (v1), server side.
//!
//! Source: BitMEX REST API v1 documentation. Buckets are stamped with their end; Bitcoin is called XBT.

mod live;
mod rows;

use std::io::Write as _;

use crate::model::{Grid, Micros, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::fields::rfc3339;
use crate::sim::knobs::Knobs;
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venue::Venue;
use crate::sim::venues::bitmex::live::Live;
use crate::sim::venues::bitmex::rows::{BINS, bucket, known, level_id, lots, quiet, trade};
use crate::sim::ws::Protocol;

/// The most rows per page, and of funding rates.
const PAGE_ROWS: usize = 1_000;

const RATES: usize = 500;

/// In the far future: a market whose next trade is there has ended.
const FAR: Micros = Micros(i64::MAX / 4);

/// BitMEX, all markets.
pub(in crate::sim) struct Bitmex;

impl Venue for Bitmex {
    fn name(&self) -> &'static str {
        "bitmex"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/api/v1" => Endpoint::Time,
            "/api/v1/instrument" | "/api/v1/instrument/active" => Endpoint::Instruments,
            "/api/v1/trade/bucketed" => Endpoint::Ohlc,
            "/api/v1/trade" => Endpoint::Trades,
            "/api/v1/orderBook/L2" => Endpoint::BookSnapshot,
            "/api/v1/funding" => Endpoint::Funding,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => {
                let now = asked.told_ms();
                Ok(format!(r#"{{"name":"BitMEX API","version":"2.0.0","timestamp":{now}}}"#).into_bytes())
            }
            Endpoint::Instruments => Ok(instruments(asked)),
            Endpoint::Ohlc => buckets(asked),
            Endpoint::Trades => trades(asked),
            Endpoint::BookSnapshot => book(asked),
            Endpoint::Funding => funding(asked),
            _ => Err(BadRequest::new(-1000, "There is nothing at this path.")),
        }
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        (path == "/realtime").then(|| Box::new(Live) as Box<dyn Protocol>)
    }

    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let (message, name) = match error.code {
            -1003 => ("Rate limit exceeded, retry in 1 seconds.", "RateLimitError"),
            -1000 | -1001 => ("The system is currently overloaded. Please try again later.", "HTTPError"),
            -1121 => ("Unknown symbol", "HTTPError"),
            _ => (error.msg.as_str(), "HTTPError"),
        };
        (status, format!(r#"{{"error":{{"message":"{message}","name":"{name}"}}}}"#))
    }

    fn usage(&self, used: u32, knobs: &Knobs) -> Vec<(&'static str, String)> {
        let left = knobs.weight_limit.saturating_sub(used);
        vec![
            ("x-ratelimit-limit", knobs.weight_limit.to_string()),
            ("x-ratelimit-remaining", left.to_string()),
        ]
    }
}

/// The market of `XBTUSDT`, `XBT_USDT` or `XBTH24`.
fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    asked.market(&known(asked.query.symbol()?))
}

fn instruments(asked: &SimRequest<'_>) -> Vec<u8> {
    let Knobs { symbols, listed_from, .. } = &asked.world.knobs;
    let wanted = asked.query.get("symbol");
    let root = asked.query.get("filter").and_then(|filter| filter.split("%22").nth(3));
    let mut listed = Vec::new();
    for symbol in symbols {
        let (base, quote) = assets(symbol);
        let base = base.replace("BTC", "XBT");
        let mut names =
            vec![(format!("{base}_{quote}"), "IFXXXP", ""), (format!("{base}{quote}"), "FFWCSX", "")];
        if quote == "USD" {
            names.push((format!("{base}H24"), "FFCCSX", "2024-03-29T12:00:00.000Z"));
            names.push((format!("{base}M24"), "FFCCSX", "2024-06-28T12:00:00.000Z"));
        }
        for (name, typ, expiry) in names {
            let is_wanted =
                wanted.is_none_or(|wanted| wanted == name) && root.is_none_or(|root| root == base);
            if is_wanted {
                listed.push(instrument(&name, [typ, expiry, &base, quote], *listed_from));
            }
        }
    }
    format!("[{}]", listed.join(",")).into_bytes()
}

fn instrument(name: &str, [typ, expiry, base, quote]: [&str; 4], listed: Micros) -> String {
    let expiry = if expiry.is_empty() { "null".to_owned() } else { format!("\"{expiry}\"") };
    let is_inverse = quote == "USD" && typ != "IFXXXP";
    let made_of = match (is_inverse, typ) {
        (true, _) => {
            r#""multiplier":-100000000,"underlyingToPositionMultiplier":null,"underlyingToSettleMultiplier":-100000000"#
        }
        (false, "IFXXXP") => {
            r#""multiplier":1,"underlyingToPositionMultiplier":100000000,"underlyingToSettleMultiplier":null"#
        }
        (false, _) => {
            r#""multiplier":1,"underlyingToPositionMultiplier":1000000,"underlyingToSettleMultiplier":null"#
        }
    };
    format!(
        r#"{{"symbol":"{name}","rootSymbol":"{base}","state":"Open","typ":"{typ}","listing":"{listed:.3}","expiry":{expiry},"underlying":"{base}","quoteCurrency":"{quote}",{made_of},"isQuanto":false,"isInverse":{is_inverse}}}"#,
        listed = listed.timestamp(),
    )
}

fn buckets(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let word = asked.query.mandatory("binSize")?;
    let bin = BINS.iter().find(|(known, _)| *known == word);
    let grid = bin.ok_or_else(|| BadRequest::new(-1120, "binSize must be one of 1m,5m,1h,1d"))?.1.grid();
    // Buckets are selected by their end, and a running one is not returned.
    let running = grid.floor(asked.now);
    let window = within(asked)?.and_then(|ends| {
        let earlier = |end: Micros| grid.step(end, -1);
        Window::new(earlier(grid.ceil(ends.from)), earlier(grid.ceil(ends.until)).min(running))
    });
    let (limit, skip) = (asked.rows_wanted("count", 100, PAGE_ROWS)?, skipped(asked)?);
    let mut opens = match window.filter(|_| !asked.is_elsewhere()) {
        Some(window) => without_holes(market, grid, window, limit + skip),
        None => asked.opens_before(running, market, grid, window, Side::Oldest, limit + skip),
    };
    opens.drain(..skip.min(opens.len()));
    let symbol = asked.query.symbol()?;
    Ok(asked.page(opens, |out, open, bend| {
        let candle =
            quiet(market, grid, Micros(open)).unwrap_or_else(|| asked.candle(market, grid, Micros(open)));
        bucket(out, &candle, grid, symbol, bend);
    }))
}

/// The opens in a window, quiet ones included, from the listing until trading ends.
fn without_holes(market: &Market, grid: Grid, window: Window, limit: usize) -> Vec<i64> {
    let mut open = grid.ceil(window.from.max(grid.floor(market.listing().from)));
    let mut opens = Vec::with_capacity(limit);
    while open < window.until && opens.len() < limit && market.next_open(grid, open) < FAR {
        opens.push(open.0);
        open = grid.next(open);
    }
    opens
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let limit = asked.rows_wanted("count", 100, PAGE_ROWS)?;
    let skip = skipped(asked)?;
    let mut ids = asked.ids(market, within(asked)?, Side::Oldest, limit + skip);
    ids.drain(..skip.min(ids.len()));
    let symbol = asked.query.symbol()?;
    Ok(asked
        .page(ids, |out, id, bend| trade(out, &told(market.trade(id.unsigned_abs()), bend), symbol, bend)))
}

fn funding(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let times = oldest(asked, market, Market::funding_grid(), within(asked)?, RATES)?;
    let symbol = asked.query.symbol()?;
    Ok(asked.page(times, |out, at, bend| {
        out.extend_from_slice(b"{\"timestamp\":");
        rfc3339(out, Micros(at), bend);
        let _ = write!(
            out,
            r#","symbol":"{symbol}","fundingInterval":"2000-01-01T08:00:00.000Z","fundingRate":"#
        );
        match bend {
            Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
            Some(Bend::NotFinite(text)) => out.extend_from_slice(text.as_bytes()),
            _ => e8(out, market.funding(Micros(at)).0),
        }
        out.push(b'}');
    }))
}

fn book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let book = market.book(asked.now);
    let depth = asked.query.limit("depth", 25, 5_000)?;
    let symbol = asked.query.symbol()?;
    // Asks from the highest down, then bids, in the order of its ids.
    let mut asks: Vec<(i64, i64)> = book.asks().take(depth).collect();
    asks.reverse();
    let sides =
        asks.into_iter().map(|own| ("Sell", own)).chain(book.bids().take(depth).map(|own| ("Buy", own)));
    let mut out = vec![b'['];
    for (place, (side, (price_cents, amount_e8))) in sides.enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let (id, size) = (level_id(price_cents), lots(symbol, amount_e8));
        let _ =
            write!(out, r#"{comma}{{"symbol":"{symbol}","id":{id},"side":"{side}","size":{size},"price":"#);
        cents(&mut out, price_cents);
        out.push(b'}');
    }
    out.push(b']');
    Ok(out)
}

/// `startTime` and `endTime`, both inclusive.
fn within(asked: &SimRequest<'_>) -> Result<Option<Window>, BadRequest> {
    if asked.query.get("reverse") == Some("true") {
        return Err(BadRequest::new(-1130, "reverse is not simulated"));
    }
    let instant = |name: &str| match asked.query.get(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<jiff::Timestamp>()
            .map(|at| Some(Micros(at.as_microsecond())))
            .map_err(|_| BadRequest::new(-1100, &format!("Invalid {name}"))),
    };
    let from = instant("startTime")?.unwrap_or_default();
    let until = instant("endTime")?.map_or(i64::MAX / 4, |last| last.0 + 1);
    Ok(Window::new(from, Micros(until)))
}

fn skipped(asked: &SimRequest<'_>) -> Result<usize, BadRequest> {
    Ok(asked.query.number("start")?.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0))
}

fn oldest(
    asked: &SimRequest<'_>,
    market: &Market,
    grid: Grid,
    window: Option<Window>,
    most: usize,
) -> Result<Vec<i64>, BadRequest> {
    let (limit, skip) = (asked.rows_wanted("count", 100, most)?, skipped(asked)?);
    let mut opens = asked.opens(market, grid, window, Side::Oldest, limit + skip);
    opens.drain(..skip.min(opens.len()));
    Ok(opens)
}

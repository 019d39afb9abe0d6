//! Binance's coin-margined contracts, server side: contracts of a hundred dollars, and candle requests that reach
//! back at most 200 days.
//!
//! Source: Binance COIN-M futures documentation, "Market Data".

use std::io::Write as _;
use std::time::Duration;

use crate::model::{Grid, Micros, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::knobs::Knobs;
use crate::sim::market::Market;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venue::Venue;
use crate::sim::venues::binance::contract::{
    CONTRACT_CENTS, contract_at, contract_end, contracts_of, market, of_cents,
};
use crate::sim::venues::binance::live::{Branch, Live};
use crate::sim::venues::binance::window::{INTERVALS, bounds};
use crate::sim::ws::Protocol;
use crate::sim::{fields, quarter};

/// The most rows per page of candles, and of trades.
const CANDLES: usize = 1_500;

const TRADES: usize = 1_000;

/// How far candles reach back from the requested end.
const REACH: Duration = Duration::from_secs(200 * 86_400);

/// Binance, coin-margined contracts.
pub(in crate::sim) struct BinanceCoinM;

impl Venue for BinanceCoinM {
    fn name(&self) -> &'static str {
        "binancecoinm"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/dapi/v1/time" => Endpoint::Time,
            "/dapi/v1/exchangeInfo" => Endpoint::Instruments,
            "/dapi/v1/continuousKlines" => Endpoint::Ohlc,
            "/dapi/v1/aggTrades" => Endpoint::Trades,
            "/dapi/v1/depth" => Endpoint::BookSnapshot,
            "/dapi/v1/fundingRate" => Endpoint::Funding,
            "/futures/data/openInterestHist" => Endpoint::OpenInterest,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, endpoint: Endpoint, query: Query<'_>) -> u32 {
        let limit = query.limit("limit", 500, CANDLES).unwrap_or(0);
        match endpoint {
            Endpoint::Trades => 20,
            Endpoint::Ohlc => match limit {
                0..100 => 1,
                100..500 => 2,
                500..=1_000 => 5,
                _ => 10,
            },
            Endpoint::BookSnapshot => match limit {
                0..=50 => 2,
                51..=100 => 5,
                101..=500 => 10,
                _ => 20,
            },
            _ => 1,
        }
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        match endpoint {
            Endpoint::Time => Ok(format!("{{\"serverTime\":{}}}", asked.told_ms()).into_bytes()),
            Endpoint::Instruments => Ok(contracts(asked)),
            Endpoint::Ohlc => klines(asked),
            Endpoint::Trades => trades(asked),
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
        Live::of_address(Branch::CoinM, path, query)
    }

    fn usage(&self, used: u32, _: &Knobs) -> Vec<(&'static str, String)> {
        vec![("x-mbx-used-weight-1m", used.to_string())]
    }
}

/// The market of `BTCUSD_PERP` or `BTCUSD_240329`.
fn own_market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    match asked.query.get("symbol").and_then(|symbol| symbol.strip_suffix("_PERP")) {
        Some(pair) => asked.market(pair),
        None => market(asked),
    }
}

fn contracts(asked: &SimRequest<'_>) -> Vec<u8> {
    let (listed, limit) = (asked.world.knobs.listed_from.millis_floor(), asked.world.knobs.weight_limit);
    let current = quarter::end_after(asked.now);
    let dated = |end| (quarter::date(end), end.millis_floor());
    let kinds = [
        (("PERP".to_owned(), 4_133_404_800_000), "PERPETUAL"),
        (dated(current), "CURRENT_QUARTER"),
        (dated(quarter::end_after(current)), "NEXT_QUARTER"),
    ];
    let one = |symbol: &String| {
        let (base, quote) = assets(symbol);
        let size = CONTRACT_CENTS / 100;
        let contracts = kinds.clone().map(|((suffix, end), kind)| {
            format!(
                r#"{{"symbol":"{symbol}_{suffix}","pair":"{symbol}","contractType":"{kind}","deliveryDate":{end},"onboardDate":{listed},"contractStatus":"TRADING","contractSize":{size},"quoteAsset":"{quote}","baseAsset":"{base}","marginAsset":"{base}"}}"#
            )
        });
        contracts.join(",")
    };
    let is_own = |symbol: &&String| !quarter::is_dated(symbol) && assets(symbol).1 == "USD";
    let symbols: Vec<String> = asked.world.knobs.symbols.iter().filter(is_own).map(one).collect();
    format!(
        r#"{{"exchangeFilters":[],"rateLimits":[{{"interval":"MINUTE","intervalNum":1,"limit":{limit},"rateLimitType":"REQUEST_WEIGHT"}}],"symbols":[{}]}}"#,
        symbols.join(",")
    )
    .into_bytes()
}

/// The newest candles before `endTime`, going back at most 200 days.
fn klines(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let grid = grid(asked, "interval")?;
    let (from, last) = (asked.query.instant("startTime")?, asked.query.instant("endTime")?);
    let until = Micros(last.unwrap_or(asked.now).0.saturating_add(1));
    if from.is_some_and(|from| from < until - REACH) {
        return Err(BadRequest::new(-1130, "startTime and endTime are more than 200 days apart."));
    }
    let window = Window::new(from.unwrap_or(until - REACH), until);
    let limit = asked.rows_wanted("limit", 500, CANDLES)?;
    let mut opens = asked.opens(market, grid, window, Side::Newest, limit);
    opens.sort_unstable();
    Ok(asked.page(opens, |out, open, bend| {
        let open = Micros(open);
        // For the continuous contract, each candle is of the contract it named then.
        let then = asked.query.get("contractType").zip(asked.query.get("pair"));
        let own = then.and_then(|(kind, pair)| contract_at(asked, pair, kind, open).ok()).unwrap_or(market);
        let candle = asked.candle(own, grid, open);
        out.push(b'[');
        fields::time(out, open.millis_floor(), bend);
        let close = bend.filter(|bend| *bend == Bend::Contradiction).map_or(candle.close_cents, |_| -1);
        for price in [candle.open_cents, candle.high_cents, candle.low_cents, close] {
            out.push(b',');
            fields::price_text(out, price, bend);
        }
        let _ =
            write!(out, r#","{}",{},""#, of_cents(candle.quote_cents), grid.next(open).millis_floor() - 1);
        e8(out, candle.volume_e8);
        let _ = write!(out, r#"",{},"0","0","0"]"#, candle.trades);
    }))
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = own_market(asked)?;
    let from_id = asked.query.number("fromId")?;
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 500, TRADES)?;
    let mut ids = match from_id.filter(|_| !asked.is_stuck()) {
        Some(first) => {
            let until = contract_end(asked).map_or(u64::MAX, |end| market.first_trade_at_or_after(end));
            asked.ids_between(market, first, until, Side::Oldest, limit)
        }
        None => asked.ids(market, window, side, limit),
    };
    ids.sort_unstable();
    Ok(asked.page(ids, |out, id, bend| {
        let trade = told(market.trade(id.unsigned_abs()), bend);
        let price = if bend == Some(Bend::Contradiction) { -1 } else { trade.price_cents };
        let _ = write!(out, r#"{{"a":{id},"p":"#);
        fields::price_text(out, price, bend);
        let amount = contracts_of(trade.amount_e8, trade.price_cents);
        let _ = write!(out, r#","q":"{amount}","f":{id},"l":{id},"T":"#);
        fields::time(out, trade.ts.millis_floor(), bend);
        let _ = write!(out, r#","m":{}}}"#, trade.sold);
    }))
}

fn depth(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = own_market(asked)?.book(asked.now);
    let limit = asked.query.limit("limit", 500, 1_000)?;
    let now = asked.now.millis_floor();
    let mut out = Vec::with_capacity(64 + limit * 64);
    let _ = write!(out, r#"{{"lastUpdateId":{},"E":{now},"T":{now},"bids":["#, book.update_id);
    levels(&mut out, book.bids().take(limit));
    out.extend_from_slice(b"],\"asks\":[");
    levels(&mut out, book.asks().take(limit));
    out.extend_from_slice(b"]}");
    Ok(out)
}

fn levels(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>) {
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
        cents(out, price_cents);
        let _ = write!(out, r#"","{}"]"#, contracts_of(amount_e8, price_cents));
    }
}

fn funding(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = own_market(asked)?;
    let (window, side) = bounds(asked)?;
    let limit = asked.rows_wanted("limit", 100, 1_000)?;
    let mut paid = asked.opens(market, Market::funding_grid(), window, side, limit);
    paid.sort_unstable();
    Ok(asked.page(paid, |out, at, bend| {
        out.extend_from_slice(b"{\"symbol\":\"\",\"fundingTime\":");
        fields::time(out, at / 1_000, bend);
        out.extend_from_slice(b",\"fundingRate\":");
        match bend {
            Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
            Some(Bend::NotFinite(_) | Bend::Contradiction | Bend::PriceAsNumber) => {
                out.extend_from_slice(b"\"NaN\"");
            }
            _ => {
                out.push(b'"');
                e8(out, market.funding(Micros(at)).0);
                out.push(b'"');
            }
        }
        out.push(b'}');
    }))
}

/// A window with more samples than fit on a page yields its newest; nothing older than thirty days may be
/// requested.
fn interest(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let grid = grid(asked, "period")?;
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
        let _ = write!(out, r#"{{"sumOpenInterest":"{}","sumOpenInterestValue":"#, of_cents(value_cents));
        match bend {
            Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
            Some(Bend::NotFinite(_) | Bend::Contradiction | Bend::PriceAsNumber) => {
                out.extend_from_slice(b"\"-1\"");
            }
            _ => {
                out.push(b'"');
                e8(out, base_e8);
                out.push(b'"');
            }
        }
        out.extend_from_slice(b",\"timestamp\":");
        fields::time(out, at / 1_000, bend);
        out.push(b'}');
    }))
}

fn grid(asked: &SimRequest<'_>, name: &str) -> Result<Grid, BadRequest> {
    let word = asked.query.mandatory(name)?;
    let known = INTERVALS.iter().find(|(known, _)| *known == word);
    Ok(known.ok_or_else(|| BadRequest::new(-1120, "Invalid interval."))?.1.grid())
}

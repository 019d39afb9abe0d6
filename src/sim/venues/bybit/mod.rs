//! Bybit's REST interface (v5), server side.
//!
//! Source: Bybit v5 API documentation, "Market". Every answer, errors included, is an envelope with status 200.

mod intervals;
mod live;

use std::io::Write as _;

use crate::model::{Grid, Micros, Span, Window};
use crate::sim::asked::SimRequest;
use crate::sim::bend::{Bend, told};
use crate::sim::fault::Endpoint;
use crate::sim::fields;
use crate::sim::fields::{amount_text, bent_amount_text, high_cents, millis_text, price_text, trade_cents};
use crate::sim::market::{Market, SimCandle, SimTrade};
use crate::sim::quarter;
use crate::sim::query::{BadRequest, Query};
use crate::sim::selection::Side;
use crate::sim::symbol::assets;
use crate::sim::text::int;
use crate::sim::venue::Venue;
use crate::sim::venues::bybit::intervals::INTERVALS;
use crate::sim::venues::bybit::live::Live;
use crate::sim::ws::Protocol;

/// The most rows per page of candles; of funding rates and open interest.
const CANDLES: usize = 1_000;

const SAMPLES: usize = 200;

const INTEREST: [(&str, Span); 6] = [
    ("5min", Span::Fixed(300)),
    ("15min", Span::Fixed(900)),
    ("30min", Span::Fixed(1_800)),
    ("1h", Span::HOUR),
    ("4h", Span::Fixed(14_400)),
    ("1d", Span::DAY),
];

/// Bybit, all markets.
pub(in crate::sim) struct Bybit;

impl Venue for Bybit {
    fn name(&self) -> &'static str {
        "bybit"
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        match path {
            "/v5/market/time" => Endpoint::Time,
            "/v5/market/instruments-info" => Endpoint::Instruments,
            "/v5/market/kline" => Endpoint::Ohlc,
            "/v5/market/recent-trade" => Endpoint::Trades,
            "/v5/market/orderbook" => Endpoint::BookSnapshot,
            "/v5/market/funding/history" => Endpoint::Funding,
            "/v5/market/open-interest" => Endpoint::OpenInterest,
            _ => Endpoint::Unknown,
        }
    }

    fn weight(&self, _: Endpoint, _: Query<'_>) -> u32 {
        1
    }

    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
        let result = match endpoint {
            Endpoint::Time => time(asked),
            Endpoint::Instruments => instruments(asked)?,
            Endpoint::Ohlc => listed(asked, klines(asked)?),
            Endpoint::Trades => listed(asked, trades(asked)?),
            Endpoint::BookSnapshot => book(asked)?,
            Endpoint::Funding => listed(asked, funding(asked)?),
            Endpoint::OpenInterest => listed(asked, interest(asked)?),
            Endpoint::Unknown => return Err(BadRequest::new(-1000, "There is nothing at this path.")),
        };
        let mut out = b"{\"retCode\":0,\"retMsg\":\"OK\",\"result\":".to_vec();
        out.extend_from_slice(&result);
        let _ = write!(out, ",\"retExtInfo\":{{}},\"time\":{}}}", asked.told_ms());
        Ok(out)
    }

    fn has_sockets(&self) -> bool {
        true
    }

    fn socket(&self, path: &str, _: Query<'_>) -> Option<Box<dyn Protocol>> {
        Live::of_path(path)
    }

    fn error(&self, status: u16, error: &BadRequest) -> (u16, String) {
        let (status, code, message) = match (error.code, status) {
            (-1003, 418) => return (403, "403, access too frequent".to_owned()),
            (-1003, _) => (200, 10_006, "Too many visits. Exceeded the API Rate Limit."),
            (-1121, _) => (200, 10_001, "params error: Symbol Is Invalid"),
            (-1000 | -1001, _) => (200, 10_016, "Server error."),
            (_, 451) => (451, 10_024, "the product is not available in your region"),
            _ => (200, 10_001, error.msg.as_str()),
        };
        let body =
            format!(r#"{{"retCode":{code},"retMsg":"{message}","result":{{}},"retExtInfo":{{}},"time":0}}"#);
        (status, body)
    }
}

fn category<'a>(asked: &SimRequest<'a>) -> &'a str {
    asked.query.get("category").unwrap_or("linear")
}

/// The market of a symbol, as the exchange writes it.
fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    let dated = contract(asked).and_then(|(symbol, end)| quarter::market(asked.world, symbol, end));
    dated.map_or_else(|| asked.market(asked.query.symbol()?), Ok)
}

/// The assets of a dated symbol and its expiry: the symbol ends in the month's letter and the year.
fn contract<'a>(asked: &'a SimRequest<'_>) -> Option<(&'a str, Micros)> {
    let symbol = asked.query.symbol().ok()?;
    asked.world.knobs.symbols.iter().find_map(|known| {
        let code = symbol.strip_prefix(known.as_str()).filter(|code| code.len() == 3)?;
        Some((known.as_str(), quarter::end_named(asked.now, |end| quarter::month_code(end) == code)?))
    })
}

fn time(asked: &SimRequest<'_>) -> Vec<u8> {
    let millis = asked.told_ms();
    format!(r#"{{"timeSecond":"{}","timeNano":"{millis}000000"}}"#, millis / 1_000).into_bytes()
}

fn listed(asked: &SimRequest<'_>, rows: Vec<u8>) -> Vec<u8> {
    let symbol = asked.query.get("symbol").unwrap_or_default();
    let mut out = format!(r#"{{"category":"{}","symbol":"{symbol}","list":"#, category(asked)).into_bytes();
    out.extend_from_slice(&rows);
    out.extend_from_slice(b",\"nextPageCursor\":\"\"}");
    out
}

fn instruments(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let category = category(asked);
    let listed: Vec<String> = match (asked.query.get("symbol"), asked.query.get("baseCoin")) {
        (Some(_), _) => vec![instrument(asked, category, market(asked)?.symbol(), None)],
        (None, base) => {
            let symbols = asked.world.knobs.symbols.iter().map(String::as_str);
            let symbols = symbols.filter(|symbol| !quarter::is_dated(symbol));
            let own = symbols.filter(|symbol| base.is_none_or(|base| assets(symbol).0 == base));
            let fits =
                |symbol: &&str| category == "spot" || (assets(symbol).1 == "USD") == (category == "inverse");
            let current = quarter::end_after(asked.now);
            let dated = [None, Some(current), Some(quarter::end_after(current))];
            let dated: &[Option<Micros>] = if category == "spot" { &[None] } else { &dated };
            own.filter(fits)
                .flat_map(|symbol| dated.iter().map(move |end| (symbol, *end)))
                .map(|(symbol, end)| instrument(asked, category, symbol, end))
                .collect()
        }
    };
    Ok(format!(r#"{{"category":"{category}","list":[{}],"nextPageCursor":""}}"#, listed.join(","))
        .into_bytes())
}

fn instrument(asked: &SimRequest<'_>, category: &str, symbol: &str, end: Option<Micros>) -> String {
    let (base, quote) = assets(symbol);
    let suffix = end.map(quarter::month_code).unwrap_or_default();
    let head = format!(
        r#""symbol":"{symbol}{suffix}","status":"Trading","baseCoin":"{base}","quoteCoin":"{quote}""#
    );
    if category == "spot" {
        return format!("{{{head}}}");
    }
    let kind = if category == "inverse" { "Inverse" } else { "Linear" };
    let kind = format!("{kind}{}", if end.is_some() { "Futures" } else { "Perpetual" });
    let ends = end.map_or(0, Micros::millis_floor);
    let listed = asked.world.knobs.listed_from.millis_floor();
    format!(r#"{{{head},"contractType":"{kind}","launchTime":"{listed}","deliveryTime":"{ends}"}}"#)
}

fn klines(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let grid = grid(asked, "interval", &INTERVALS)?;
    let is_inverse = category(asked) == "inverse";
    let limit = asked.rows_wanted("limit", 200, CANDLES)?;
    let opens = newest(asked, market, grid, ["start", "end"], limit)?;
    Ok(asked.page(opens, |out, open, bend| {
        kline(out, &asked.candle(market, grid, Micros(open)), is_inverse, bend);
    }))
}

fn trades(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let (usual, most) = if category(asked) == "spot" { (60, 60) } else { (500, 1_000) };
    let limit = asked.rows_wanted("limit", usual, most)?;
    let mut ids = match asked.is_stuck() {
        true => asked.ids(market, None, Side::Oldest, limit),
        false => asked.ids_between(market, 0, u64::MAX, Side::Newest, limit),
    };
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let symbol = asked.query.symbol()?;
    Ok(asked
        .page(ids, |out, id, bend| trade(out, &told(market.trade(id.unsigned_abs()), bend), symbol, bend)))
}

fn funding(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    if category(asked) == "spot" {
        return Err(BadRequest::new(-1130, "category only support linear or inverse"));
    }
    if asked.query.get("startTime").is_some() && asked.query.get("endTime").is_none() {
        return Err(BadRequest::new(-1130, "params error: endTime is required with startTime"));
    }
    let limit = asked.rows_wanted("limit", SAMPLES, SAMPLES)?;
    let times = newest(asked, market, Market::funding_grid(), ["startTime", "endTime"], limit)?;
    let symbol = asked.query.symbol()?;
    Ok(asked.page(times, |out, at, bend| {
        let at = Micros(at);
        let _ = write!(out, r#"{{"symbol":"{symbol}","fundingRate":"#);
        bent_amount_text(out, market.funding(at).0, bend);
        out.extend_from_slice(b",\"fundingRateTimestamp\":");
        millis_text(out, at, bend);
        out.push(b'}');
    }))
}

fn interest(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let market = market(asked)?;
    let grid = grid(asked, "intervalTime", &INTEREST)?;
    let limit = asked.rows_wanted("limit", 50, SAMPLES)?;
    let times = newest(asked, market, grid, ["startTime", "endTime"], limit)?;
    Ok(asked.page(times, |out, at, bend| {
        let (at, sign) = (Micros(at), if bend == Some(Bend::Contradiction) { -1 } else { 1 });
        out.extend_from_slice(b"{\"openInterest\":");
        bent_amount_text(out, sign * market.open_interest(at).0, bend);
        out.extend_from_slice(b",\"timestamp\":");
        millis_text(out, at, bend);
        out.push(b'}');
    }))
}

fn book(asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest> {
    let book = market(asked)?.book(asked.now);
    let (usual, most) = if category(asked) == "spot" { (1, 200) } else { (25, 500) };
    let limit = asked.query.limit("limit", usual, most)?;
    let symbol = asked.query.symbol()?;
    let mut out = format!(r#"{{"s":"{symbol}","b":"#).into_bytes();
    fields::levels(&mut out, book.bids().take(limit));
    out.extend_from_slice(b",\"a\":");
    fields::levels(&mut out, book.asks().take(limit));
    let ts = asked.told_ms();
    let _ = write!(out, r#","ts":{ts},"u":{0},"seq":{0},"cts":{ts}}}"#, book.update_id);
    Ok(out)
}

fn grid(asked: &SimRequest<'_>, name: &str, words: &[(&str, Span)]) -> Result<Grid, BadRequest> {
    let word = asked.query.mandatory(name)?;
    let known = words.iter().find(|(known, _)| *known == word);
    Ok(known.ok_or_else(|| BadRequest::new(-1120, "params error: interval invalid"))?.1.grid())
}

/// The newest rows between two inclusive bounds, newest first.
fn newest(
    asked: &SimRequest<'_>,
    market: &Market,
    grid: Grid,
    [first, last]: [&str; 2],
    limit: usize,
) -> Result<Vec<i64>, BadRequest> {
    let from = asked.query.instant(first)?.unwrap_or_default();
    let until = asked.query.instant(last)?.unwrap_or(asked.now);
    let until = Micros(until.0.saturating_add(1));
    let until = contract(asked).map_or(until, |(_, end)| until.min(end));
    let mut opens = asked.opens(market, grid, Window::new(from, until), Side::Newest, limit);
    opens.sort_unstable_by(|a, b| b.cmp(a));
    Ok(opens)
}

/// `[start, open, high, low, close, volume, turnover]`; of inverse contracts the volume counts dollars.
fn kline(out: &mut Vec<u8>, candle: &SimCandle, is_inverse: bool, bend: Option<Bend>) {
    out.push(b'[');
    millis_text(out, candle.open, bend);
    for (price_cents, bend) in [
        (candle.open_cents, bend),
        (high_cents(candle.high_cents, candle.low_cents, bend), None),
        (candle.low_cents, None),
        (candle.close_cents, None),
    ] {
        out.push(b',');
        price_text(out, price_cents, bend);
    }
    out.push(b',');
    if is_inverse {
        price_text(out, candle.quote_cents, None);
        out.push(b',');
        amount_text(out, candle.volume_e8);
    } else {
        amount_text(out, candle.volume_e8);
        out.push(b',');
        price_text(out, candle.quote_cents, None);
    }
    out.push(b']');
}

fn trade(out: &mut Vec<u8>, trade: &SimTrade, symbol: &str, bend: Option<Bend>) {
    out.extend_from_slice(b"{\"execId\":\"");
    int(out, i64::try_from(trade.id).unwrap_or(i64::MAX));
    let _ = write!(out, r#"","symbol":"{symbol}","price":"#);
    price_text(out, trade_cents(trade.price_cents, bend), bend);
    out.extend_from_slice(b",\"size\":");
    amount_text(out, trade.amount_e8);
    let side: &[u8] =
        if trade.sold { b",\"side\":\"Sell\",\"time\":" } else { b",\"side\":\"Buy\",\"time\":" };
    out.extend_from_slice(side);
    millis_text(out, trade.ts, bend);
    out.extend_from_slice(b",\"isBlockTrade\":false,\"isRPITrade\":false}");
}

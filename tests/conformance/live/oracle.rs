//! The rows of a frame, read by other means than the sessions do.

use dccd::model::{Candle, Micros};

use super::listener::{Row, id_of};
use crate::bodies::Json;

/// A row in a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reported {
    /// The symbol, in the exchange's words.
    pub(crate) symbol: String,
    /// The seconds of a candle; zero for a trade.
    pub(crate) span_secs: u64,
    pub(crate) row: Row,
    /// Whether the exchange calls a candle closed, where it says it.
    pub(crate) is_closed: Option<bool>,
}

/// The rows of a frame. Returns `None` if it is no JSON.
pub(crate) fn told(exchange: &str, frame: &str) -> Option<Vec<Reported>> {
    let frame: Json = serde_json::from_str(frame).ok()?;
    let rows = match exchange {
        "binance" => binance(&frame, false),
        "binancecoinm" => binance(&frame, true),
        "kraken" => kraken(&frame),
        "bitmex" => bitmex(&frame),
        "bitfinex" => bitfinex(&frame),
        "krakenfutures" => kraken_futures(&frame),
        "okx" => okx(&frame),
        "bybit" => bybit(&frame),
        _ => coinbase(&frame).into_iter().collect(),
    };
    // Its candles open at the last close, which may lie outside of them.
    Some(rows.into_iter().filter(|told| may_be(told, exchange != "bitmex")).collect())
}

/// The newest instant in a frame.
pub(crate) fn newest(frame: &str) -> Option<Micros> {
    let frame: Json = serde_json::from_str(frame).ok()?;
    let data = &frame["data"];
    let rows = data.as_array().into_iter().flatten().map(|row| &row["timestamp"]);
    let texts = [&frame["time"], &frame["timestamp"], &frame["time_out"]].into_iter().chain(rows);
    let millis =
        [&frame["E"], &data["E"], &frame["ts"]].into_iter().filter_map(Json::as_i64).map(Micros::from_millis);
    let products = [&frame["time"], &frame["timestamp"]].into_iter().filter_map(Json::as_i64);
    let products = products.map(Micros::from_millis);
    texts
        .filter_map(instant)
        .chain(millis)
        .chain(rows_at(data))
        .chain(products)
        .chain(bare_rows_at(&frame))
        .max()
}

/// The instants of rows in milliseconds, which stand under a name or ahead of a candle.
fn rows_at(data: &Json) -> impl Iterator<Item = Micros> {
    let rows = data.as_array().into_iter().flatten();
    rows.filter_map(|row| whole(&row["ts"]).or_else(|| whole(&row[0]))).map(Micros::from_millis)
}

/// The instants of bare rows, where the second number of one is its time.
fn bare_rows_at(frame: &Json) -> impl Iterator<Item = Micros> {
    let rows = frame[1].as_array().into_iter().flatten();
    let millis = rows.filter_map(|row| whole(&row[1])).filter(|millis| *millis > 1_000_000_000_000);
    millis.map(Micros::from_millis)
}

fn may_be(told: &Reported, opens_inside: bool) -> bool {
    let is_number = |number: f64| number.is_finite() && number >= 0.0;
    let latest = Micros::from_secs(4_102_444_800);
    let is_of_our_time = told.row.ts() >= Micros::OLDEST && told.row.ts() < latest;
    is_of_our_time
        && match &told.row {
            Row::Trade { price, amount, .. } => *price > 0.0 && is_number(*price) && is_number(*amount),
            Row::Candle(candle) => {
                let Candle { open, high, low, close, volume, .. } = *candle;
                let is_round = candle.ts.secs() % i64::try_from(told.span_secs.max(1)).unwrap() == 0;
                let are_numbers = [open, high, low, close, volume].into_iter().all(is_number);
                let open = if opens_inside { open } else { close };
                is_round && are_numbers && low <= open.min(close) && high >= open.max(close)
            }
        }
}

fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn whole(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn instant(value: &Json) -> Option<Micros> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Micros(i64::try_from(at.as_nanosecond().div_euclid(1_000)).ok()?))
}

/// A contract is a hundred of the quote asset.
fn binance(frame: &Json, counts_contracts: bool) -> Vec<Reported> {
    let data = if frame["data"].is_object() { &frame["data"] } else { frame };
    let named = frame["stream"].as_str().map_or("", |stream| stream.split('@').nth(1).unwrap_or_default());
    let event = data["e"].as_str().filter(|event| !event.is_empty()).unwrap_or(named);
    let read = || {
        let symbol = data["s"].as_str()?.to_owned();
        match event.split('_').next()? {
            "aggTrade" => {
                let (price, amount) = (number(&data["p"])?, number(&data["q"])?);
                let amount = if counts_contracts { amount * 100.0 / price } else { amount };
                let side = if data["m"].as_bool()? { "sell" } else { "buy" };
                let (ts, id) = (Micros::from_millis(whole(&data["T"])?), whole(&data["a"])?.try_into().ok()?);
                let row = Row::Trade { id, ts, price, amount, side };
                Some(Reported { symbol, span_secs: 0, row, is_closed: None })
            }
            "kline" => binance_candle(&data["k"], symbol, counts_contracts),
            _ => None,
        }
    };
    read().into_iter().collect()
}

fn binance_candle(k: &Json, symbol: String, counts_contracts: bool) -> Option<Reported> {
    let span_secs = match k["i"].as_str()? {
        "1m" => 60,
        "1h" => 3_600,
        _ => return None,
    };
    // It does not close before it opens.
    let open = whole(&k["t"]).filter(|open| whole(&k["T"]).is_none_or(|closes| closes >= *open))?;
    let quote = match if counts_contracts { &k["v"] } else { &k["q"] } {
        Json::Null => None,
        told => Some(number(told)? * if counts_contracts { 100.0 } else { 1.0 }),
    };
    let candle = Candle {
        ts: Micros::from_millis(open),
        open: number(&k["o"])?,
        high: number(&k["h"])?,
        low: number(&k["l"])?,
        close: number(&k["c"])?,
        volume: if counts_contracts { number(&k["q"])? } else { number(&k["v"])? },
        quote_volume: quote,
        trades: whole(&k["n"]),
    };
    Some(Reported { symbol, span_secs, row: Row::Candle(candle), is_closed: k["x"].as_bool() })
}

fn kraken(frame: &Json) -> Vec<Reported> {
    let channel = frame["channel"].as_str().unwrap_or_default();
    let rows = frame["data"].as_array().into_iter().flatten();
    rows.filter_map(|row| {
        let symbol = row["symbol"].as_str()?.to_owned();
        match channel {
            "trade" => {
                let side = ["buy", "sell"].into_iter().find(|side| Some(*side) == row["side"].as_str())?;
                let trade = Row::Trade {
                    id: whole(&row["trade_id"])?.try_into().ok()?,
                    ts: instant(&row["timestamp"])?,
                    price: number(&row["price"])?,
                    amount: number(&row["qty"])?,
                    side,
                };
                Some(Reported { symbol, span_secs: 0, row: trade, is_closed: None })
            }
            "ohlc" => {
                let candle = Candle {
                    ts: instant(&row["interval_begin"])?,
                    open: number(&row["open"])?,
                    high: number(&row["high"])?,
                    low: number(&row["low"])?,
                    close: number(&row["close"])?,
                    volume: number(&row["volume"])?,
                    quote_volume: None,
                    trades: whole(&row["trades"]),
                };
                let span_secs = u64::try_from(whole(&row["interval"])?).ok()?.checked_mul(60)?;
                Some(Reported { symbol, span_secs, row: Row::Candle(candle), is_closed: None })
            }
            _ => None,
        }
    })
    .collect()
}

fn bybit(frame: &Json) -> Vec<Reported> {
    let topic = frame["topic"].as_str().unwrap_or_default();
    let (span_secs, symbol) = match topic.split('.').collect::<Vec<_>>()[..] {
        ["publicTrade", symbol] => (0, symbol),
        ["kline", "1", symbol] => (60, symbol),
        ["kline", "60", symbol] => (3_600, symbol),
        _ => return Vec::new(),
    };
    let rows = frame["data"].as_array().into_iter().flatten();
    let told = |(row, is_closed)| Reported { symbol: symbol.to_owned(), span_secs, row, is_closed };
    let read = |row: &Json| if span_secs > 0 { bybit_candle(row) } else { bybit_trade(row, symbol) };
    rows.filter_map(read).map(told).collect()
}

fn bybit_trade(row: &Json, symbol: &str) -> Option<(Row, Option<bool>)> {
    let side = match row["S"].as_str()? {
        "Buy" => "buy",
        "Sell" => "sell",
        _ => return None,
    };
    let id = match &row["i"] {
        Json::Number(number) => number.to_string(),
        text => text.as_str().filter(|text| !text.is_empty())?.to_owned(),
    };
    let trade = Row::Trade {
        id: id_of(&id),
        ts: Micros::from_millis(whole(&row["T"])?),
        price: number(&row["p"])?,
        amount: number(&row["v"])?,
        side,
    };
    (row["s"].as_str() == Some(symbol)).then_some((trade, None))
}

fn bybit_candle(row: &Json) -> Option<(Row, Option<bool>)> {
    let quote = match &row["turnover"] {
        Json::Null => None,
        told => Some(number(told)?),
    };
    let candle = Candle {
        ts: Micros::from_millis(whole(&row["start"])?),
        open: number(&row["open"])?,
        high: number(&row["high"])?,
        low: number(&row["low"])?,
        close: number(&row["close"])?,
        volume: number(&row["volume"])?,
        quote_volume: quote,
        trades: None,
    };
    Some((Row::Candle(candle), row["confirm"].as_bool()))
}

fn okx(frame: &Json) -> Vec<Reported> {
    let channel = frame["arg"]["channel"].as_str().unwrap_or_default();
    let Some(symbol) = frame["arg"]["instId"].as_str() else { return Vec::new() };
    let span_secs = match channel {
        "trades-all" => 0,
        "candle1m" => 60,
        "candle1H" => 3_600,
        _ => return Vec::new(),
    };
    let rows = frame["data"].as_array().into_iter().flatten();
    let told = |(row, is_closed)| Reported { symbol: symbol.to_owned(), span_secs, row, is_closed };
    let read = |row: &Json| if span_secs > 0 { okx_candle(row, symbol) } else { okx_trade(row, symbol) };
    rows.filter_map(read).map(told).collect()
}

/// A contract is one of the base asset.
fn okx_trade(row: &Json, symbol: &str) -> Option<(Row, Option<bool>)> {
    let side = ["buy", "sell"].into_iter().find(|side| Some(*side) == row["side"].as_str())?;
    let trade = Row::Trade {
        id: whole(&row["tradeId"])?.try_into().ok()?,
        ts: Micros::from_millis(whole(&row["ts"])?),
        price: number(&row["px"])?,
        amount: number(&row["sz"])?,
        side,
    };
    (row["instId"].as_str() == Some(symbol)).then_some((trade, None))
}

fn okx_candle(row: &Json, symbol: &str) -> Option<(Row, Option<bool>)> {
    let is_spot = symbol.split('-').count() == 2;
    let quote = match &row[7] {
        Json::Null => None,
        told => Some(number(told)?),
    };
    let candle = Candle {
        ts: Micros::from_millis(whole(&row[0])?),
        open: number(&row[1])?,
        high: number(&row[2])?,
        low: number(&row[3])?,
        close: number(&row[4])?,
        volume: number(if is_spot { &row[5] } else { &row[6] })?,
        quote_volume: quote,
        trades: None,
    };
    Some((Row::Candle(candle), Some(row[8].as_str() == Some("1"))))
}

fn coinbase(frame: &Json) -> Option<Reported> {
    if !matches!(frame["type"].as_str()?, "match" | "last_match") {
        return None;
    }
    // The maker's side is told.
    let side = match frame["side"].as_str()? {
        "buy" => "sell",
        "sell" => "buy",
        _ => return None,
    };
    let row = Row::Trade {
        id: whole(&frame["trade_id"])?.try_into().ok()?,
        ts: instant(&frame["time"])?,
        price: number(&frame["price"])?,
        amount: number(&frame["size"])?,
        side,
    };
    Some(Reported { symbol: frame["product_id"].as_str()?.to_owned(), span_secs: 0, row, is_closed: None })
}

fn bitmex(frame: &Json) -> Vec<Reported> {
    let table = frame["table"].as_str().unwrap_or_default();
    let rows = frame["data"].as_array().into_iter().flatten();
    rows.filter_map(|row| {
        let symbol = row["symbol"].as_str()?.to_owned();
        let ts = instant(&row["timestamp"])?;
        let span_secs = match table {
            "trade" => 0,
            "tradeBin1m" => 60,
            "tradeBin5m" => 300,
            _ => return None,
        };
        if table == "trade" {
            let side = match row["side"].as_str()? {
                "Buy" => "buy",
                "Sell" => "sell",
                _ => return None,
            };
            let id = row["trdMatchID"].as_str().filter(|id| !id.is_empty())?;
            number(&row["size"]).filter(|size| *size >= 0.0)?;
            // Where the base amount is not told, contracts are counted, one of the base asset each.
            let amount = if row["homeNotional"].is_null() { &row["size"] } else { &row["homeNotional"] };
            let (price, amount) = (number(&row["price"])?, number(amount)?);
            let row = Row::Trade { id: id_of(id), ts, price, amount, side };
            return Some(Reported { symbol, span_secs, row, is_closed: None });
        }
        let candle = Candle {
            // It is stamped with its end.
            ts: Micros(ts.0 - i64::try_from(span_secs).ok()? * 1_000_000),
            open: number(&row["open"])?,
            high: number(&row["high"])?,
            low: number(&row["low"])?,
            close: number(&row["close"])?,
            volume: number(&row["homeNotional"])?,
            quote_volume: match &row["foreignNotional"] {
                Json::Null => None,
                told => Some(number(told)?),
            },
            trades: whole(&row["trades"]),
        };
        Some(Reported { symbol, span_secs, row: Row::Candle(candle), is_closed: Some(true) })
    })
    .collect()
}

/// The newest come first; a contract is one of the base asset.
fn kraken_futures(frame: &Json) -> Vec<Reported> {
    let rows: Vec<&Json> = match frame["feed"].as_str() {
        Some("trade") => vec![frame],
        Some("trade_snapshot") => frame["trades"].as_array().into_iter().flatten().rev().collect(),
        _ => Vec::new(),
    };
    rows.into_iter()
        .filter_map(|row| {
            whole(&row["seq"]).filter(|seq| *seq >= 0)?;
            let trade = Row::Trade {
                id: row["uid"].as_str().filter(|uid| !uid.is_empty()).map(id_of)?,
                ts: Micros::from_millis(whole(&row["time"])?),
                price: number(&row["price"])?,
                amount: number(&row["qty"])?,
                side: ["buy", "sell"].into_iter().find(|side| Some(*side) == row["side"].as_str())?,
            };
            let symbol = row["product_id"].as_str()?.to_owned();
            Some(Reported { symbol, span_secs: 0, row: trade, is_closed: None })
        })
        .collect()
}

/// The symbols of the channels that carry trades, by their numbers.
pub(crate) fn channels(frames: &[String]) -> std::collections::BTreeMap<String, String> {
    let granted = |frame: &String| {
        let event: Json = serde_json::from_str(frame).ok()?;
        (event["channel"] == "trades").then_some(())?;
        Some((whole(&event["chanId"])?.to_string(), event["symbol"].as_str()?.to_owned()))
    };
    frames.iter().filter_map(granted).collect()
}

/// Frames do not name a symbol: the number of the channel stands for it here. An image has the newest first.
fn bitfinex(frame: &Json) -> Vec<Reported> {
    let Some(channel) = whole(&frame[0]) else { return Vec::new() };
    let rows: Vec<&Json> = match (&frame[1], &frame[1][0]) {
        (Json::String(word), _) if word == "te" => vec![&frame[2]],
        (_, Json::Array(_)) => frame[1].as_array().into_iter().flatten().rev().collect(),
        (_, Json::Number(_)) => vec![&frame[1]],
        _ => Vec::new(),
    };
    let is_made = frame[1] == "te";
    let told = |row: &&Json| {
        let (span_secs, row) = match row.as_array()?.len() {
            columns if columns == 4 || (is_made && columns > 4) => {
                let amount = number(&row[2])?;
                let side = if amount < 0.0 { "sell" } else { "buy" };
                let (id, ts) = (whole(&row[0])?.try_into().ok()?, Micros::from_millis(whole(&row[1])?));
                (amount != 0.0).then_some(())?;
                (0, Row::Trade { id, ts, price: number(&row[3])?, amount: amount.abs(), side })
            }
            6 => {
                let candle = Candle {
                    ts: Micros::from_millis(whole(&row[0])?),
                    open: number(&row[1])?,
                    close: number(&row[2])?,
                    high: number(&row[3])?,
                    low: number(&row[4])?,
                    volume: number(&row[5])?,
                    quote_volume: None,
                    trades: None,
                };
                (60, Row::Candle(candle))
            }
            _ => return None,
        };
        Some(Reported { symbol: channel.to_string(), span_secs, row, is_closed: None })
    };
    rows.iter().filter_map(told).collect()
}

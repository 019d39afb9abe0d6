//! A row is the same by both ways: what a page says of it, a frame says too.

use std::path::{Path, PathBuf};

use dccd::exchange::{self, Answer};
use dccd::model::{Batch, Micros, Series, Trade};

use super::listener::Listener;
use crate::bodies::Json;
use crate::needs;
use crate::read::{RECEIVED, page, page_of};

/// A page, and the frames its rows would be.
struct Pages {
    series: &'static str,
    /// A recorded file, or one written by hand where it begins with `by hand: `.
    file: &'static str,
    frames: fn(&Json, &Series) -> Vec<String>,
    /// How many of its last rows are no rows yet where the next one closes them.
    open: usize,
}

const PAGES: [Pages; 36] = [
    Pages {
        series: "binance/BTC-USDT/trades",
        file: "binance/rest_aggtrades_1.json",
        frames: aggregates,
        open: 0,
    },
    Pages {
        series: "binance/BTC-USDT/trades",
        file: "by hand: binance/trades_known.json",
        frames: aggregates,
        open: 0,
    },
    Pages {
        series: "binance/BTC-USDT/trades",
        file: "by hand: binance/trades_one_millisecond.json",
        frames: aggregates,
        open: 0,
    },
    Pages {
        series: "binance/BTC-USDT_PERP/trades",
        file: "by hand: binance/trades_perp_aggregate.json",
        frames: aggregates,
        open: 0,
    },
    Pages {
        series: "binancecoinm/BTC-USDT_PERP/trades",
        file: "by hand: binancecoinm/trades_perp.json",
        frames: aggregates,
        open: 0,
    },
    Pages {
        series: "binance/BTC-USDT/ohlc/5m",
        file: "binance/rest_candles_1.json",
        frames: klines,
        open: 0,
    },
    Pages {
        series: "binance/BTC-USDT_PERP/ohlc/1m",
        file: "by hand: binance/ohlc_1m_perp_continuous.json",
        frames: klines,
        open: 0,
    },
    Pages {
        series: "binancecoinm/BTC-USDT_PERP/ohlc/1m",
        file: "by hand: binancecoinm/ohlc_1m_perp.json",
        frames: klines,
        open: 0,
    },
    Pages { series: "bybit/BTC-USDT/trades", file: "bybit/rest_trades_1.json", frames: bybit_fills, open: 0 },
    Pages {
        series: "bybit/BTC-USDT/trades",
        file: "by hand: bybit/trades_newest_first.json",
        frames: bybit_fills,
        open: 0,
    },
    Pages {
        series: "bybit/BTC-USDT_PERP/trades",
        file: "by hand: bybit/trades_perp.json",
        frames: bybit_fills,
        open: 0,
    },
    Pages {
        series: "bybit/BTC-USDT/ohlc/1h",
        file: "bybit/rest_candles_1.json",
        frames: bybit_bars,
        open: 0,
    },
    Pages {
        series: "bybit/BTC-USDT/ohlc/1m",
        file: "by hand: bybit/ohlc_1m_newest_first.json",
        frames: bybit_bars,
        open: 0,
    },
    Pages {
        series: "bybit/BTC-USDT_PERP/ohlc/1m",
        file: "by hand: bybit/ohlc_1m_perp.json",
        frames: bybit_bars,
        open: 0,
    },
    Pages { series: "okx/BTC-USDT/trades", file: "okx/rest_trades_1.json", frames: okx_fills, open: 0 },
    Pages {
        series: "okx/BTC-USDT/trades",
        file: "by hand: okx/trades_one_millisecond.json",
        frames: okx_fills,
        open: 0,
    },
    Pages { series: "okx/BTC-USDT/ohlc/1h", file: "okx/rest_candles_1.json", frames: okx_bars, open: 0 },
    Pages {
        series: "okx/BTC-USDT_PERP/ohlc/1m",
        file: "by hand: okx/ohlc_1m_perp_known.json",
        frames: okx_bars,
        open: 0,
    },
    Pages {
        series: "okx/BTC-USDT_PERP/ohlc/1h",
        file: "by hand: okx/ohlc_1h_perp_contracts.json",
        frames: okx_bars,
        open: 0,
    },
    Pages { series: "kraken/BTC-USDT/trades", file: "kraken/rest_trades_1.json", frames: fills, open: 0 },
    Pages { series: "kraken/BTC-USDT/ohlc/1m", file: "kraken/rest_candles_1.json", frames: bars, open: 1 },
    Pages {
        series: "coinbase/BTC-USDT/trades",
        file: "coinbase_exchange/rest_trades_1.json",
        frames: matches,
        open: 0,
    },
    Pages {
        series: "coinbase/BTC-USDT/trades",
        file: "by hand: coinbase/trades_one_instant.json",
        frames: matches,
        open: 0,
    },
    Pages {
        series: "krakenfutures/BTC-USDT_PERP/trades",
        file: "kraken_futures/rest_trades_1.json",
        frames: futures_fills,
        open: 0,
    },
    Pages {
        series: "krakenfutures/BTC-USDT_PERP/trades",
        file: "by hand: krakenfutures/trades_perp_known.json",
        frames: futures_fills,
        open: 0,
    },
    Pages {
        series: "krakenfutures/BTC-USDT_PERP/trades",
        file: "by hand: krakenfutures/trades_perp_newest_first.json",
        frames: futures_fills,
        open: 0,
    },
    Pages {
        series: "bitfinex/BTC-USDT/trades",
        file: "bitfinex/rest_trades_1.json",
        frames: bare_trades,
        open: 0,
    },
    Pages {
        series: "bitfinex/BTC-USDT/trades",
        file: "by hand: bitfinex/trades_one_millisecond.json",
        frames: bare_trades,
        open: 0,
    },
    Pages {
        series: "bitfinex/BTC-USDT/ohlc/1m",
        file: "bitfinex/rest_candles_1.json",
        frames: bare_bars,
        open: 1,
    },
    Pages {
        series: "bitfinex/BTC-USDT/ohlc/1m",
        file: "by hand: bitfinex/ohlc_1m_close_before_high.json",
        frames: bare_bars,
        open: 1,
    },
    Pages {
        series: "bitmex/BTC-USDT_PERP/trades",
        file: "bitmex/rest_trades_1.json",
        frames: inserted_trades,
        open: 0,
    },
    Pages {
        series: "bitmex/BTC-USDT_PERP/trades",
        file: "by hand: bitmex/trades_perp.json",
        frames: inserted_trades,
        open: 0,
    },
    Pages {
        series: "bitmex/BTC-USDT/trades",
        file: "by hand: bitmex/trades_spot.json",
        frames: inserted_trades,
        open: 0,
    },
    Pages {
        series: "bitmex/BTC-USDT_PERP/ohlc/1m",
        file: "bitmex/rest_candles_1.json",
        frames: inserted_buckets,
        open: 0,
    },
    Pages {
        series: "bitmex/BTC-USDT_PERP/ohlc/1m",
        file: "by hand: bitmex/ohlc_1m_perp.json",
        frames: inserted_buckets,
        open: 0,
    },
    Pages {
        series: "bitmex/BTC-USDT/ohlc/1m",
        file: "by hand: bitmex/ohlc_1m_spot.json",
        frames: inserted_buckets,
        open: 0,
    },
];

#[test]
fn a_row_by_socket_is_the_row_by_rest_in_every_column_but_when_it_was_received() {
    let Some(recordings) = needs::recordings() else { return };
    for pages in &PAGES {
        let series: Series = pages.series.parse().unwrap();
        let body = std::fs::read(path(pages.file, &recordings)).unwrap();
        let by_rest = by_rest(&series, &body);
        let json: Json = serde_json::from_slice(&body).unwrap();

        let at = Micros(*by_rest.ts().iter().max().unwrap() + 3_600_000_000);
        let mut listener = Listener::of(&[pages.series], at);
        for frame in (pages.frames)(&json, &series) {
            listener.read(&frame);
        }
        assert_eq!(listener.received.events.len(), 1, "{}: {:?}", pages.file, listener.received.events);
        let by_socket = listener.received.take(dccd::exchange::live::TopicId(0)).unwrap();
        let by_rest = by_rest.slice(0..by_rest.len() - pages.open);
        assert!(!by_rest.is_empty(), "{}", pages.file);
        assert_eq!(unreceived(&by_socket), unreceived(&by_rest), "{}", pages.file);
    }
}

fn path(file: &str, recordings: &Path) -> PathBuf {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    file.strip_prefix("by hand: ").map_or_else(|| recordings.join(file), |file| written.join(file))
}

fn by_rest(series: &Series, body: &[u8]) -> Batch {
    let exchange = exchange::find(series.exchange()).unwrap();
    let page = page_of(body, page(exchange, series.kind(), series.pair().market(), series.span()));
    let mut batch = Batch::of(series.kind());
    exchange.parse(&page, &Answer::of(body, RECEIVED), &mut batch).unwrap();
    batch
}

/// The rows without when they were received, column by column.
fn unreceived(batch: &Batch) -> Batch {
    if batch.kind().has_span() {
        return batch.clone();
    }
    let mut out = Batch::of(batch.kind());
    for trade in batch.trades().iter() {
        out.trades_mut().push(Trade { ts_recv: None, ..trade });
    }
    out
}

fn symbol(series: &Series) -> String {
    exchange::find(series.exchange()).unwrap().symbol(series.pair())
}

/// An object with more members.
fn with(row: &Json, more: &Json) -> Json {
    let mut row = row.clone();
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

fn aggregates(page: &Json, series: &Series) -> Vec<String> {
    let frame = |row: &Json| {
        let more = serde_json::json!({"e": "aggTrade", "E": row["T"], "s": symbol(series)});
        with(row, &more).to_string()
    };
    page.as_array().unwrap().iter().map(frame).collect()
}

fn klines(page: &Json, series: &Series) -> Vec<String> {
    let span = series.span_label();
    let frame = |row: &Json| {
        let k = serde_json::json!({
            "t": row[0], "T": row[6], "s": symbol(series), "i": span, "o": row[1], "h": row[2], "l": row[3],
            "c": row[4], "v": row[5], "q": row[7], "n": row[8], "x": true,
        });
        serde_json::json!({"e": "kline", "E": row[6], "s": symbol(series), "k": k}).to_string()
    };
    page.as_array().unwrap().iter().map(frame).collect()
}

fn kraken_rows(page: &Json) -> &Vec<Json> {
    page["result"].as_object().unwrap().iter().find(|(key, _)| *key != "last").unwrap().1.as_array().unwrap()
}

/// A number that is text over REST and none in frames; every digit of it stays.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An instant of so many seconds, to the microsecond.
fn instant(secs: &Json) -> Micros {
    let text = secs.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let micros = format!("{fraction:0<6}");
    Micros(whole.parse::<i64>().unwrap() * 1_000_000 + micros[..6].parse::<i64>().unwrap())
}

fn fills(page: &Json, _: &Series) -> Vec<String> {
    let frame = |rows: &[Json]| {
        let row = |row: &Json| {
            let side = if row[3] == "b" { "buy" } else { "sell" };
            format!(
                r#"{{"symbol":"BTC/USDT","side":"{side}","price":{},"qty":{},"ord_type":"limit","trade_id":{},"timestamp":"{}"}}"#,
                plain(&row[0]),
                plain(&row[1]),
                row[6],
                instant(&row[2])
            )
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        format!(r#"{{"channel":"trade","type":"update","data":[{}]}}"#, rows.join(","))
    };
    kraken_rows(page).chunks(3).map(frame).collect()
}

fn bars(page: &Json, _: &Series) -> Vec<String> {
    let frame = |row: &Json| {
        let open = instant(&row[0]);
        format!(
            r#"{{"channel":"ohlc","type":"update","timestamp":"{open}","data":[{{"symbol":"BTC/USDT","open":{},"high":{},"low":{},"close":{},"trades":{},"volume":{},"vwap":{},"interval_begin":"{open}","interval":1}}]}}"#,
            plain(&row[1]),
            plain(&row[2]),
            plain(&row[3]),
            plain(&row[4]),
            row[7],
            plain(&row[6]),
            plain(&row[5])
        )
    };
    kraken_rows(page).iter().map(frame).collect()
}

/// Rows in the order of their instants, each in a frame of its own.
fn inserted(page: &Json, series: &Series, table: &str) -> Vec<String> {
    let mut rows = page.as_array().unwrap().clone();
    let instant = |row: Option<&Json>| row.unwrap()["timestamp"].as_str().unwrap().to_owned();
    if instant(rows.first()) > instant(rows.last()) {
        rows.reverse();
    }
    let frame = |row: &Json| {
        let row = with(row, &serde_json::json!({"symbol": symbol(series)}));
        serde_json::json!({"table": table, "action": "insert", "data": [row]}).to_string()
    };
    rows.iter().map(frame).collect()
}

/// Pages have the newest first.
fn futures_fills(page: &Json, series: &Series) -> Vec<String> {
    let frame = |(seq, row): (usize, &Json)| {
        let at: jiff::Timestamp = row["time"].as_str().unwrap().parse().unwrap();
        let more = serde_json::json!({
            "feed": "trade", "product_id": symbol(series), "time": at.as_millisecond(), "qty": row["size"],
            "seq": 1_000 + seq,
        });
        with(row, &more).to_string()
    };
    page["history"].as_array().unwrap().iter().rev().enumerate().map(frame).collect()
}

/// The grant of a channel, and then each row in a frame of its own, the oldest first.
fn bare(page: &Json, grant: String, word: &str) -> Vec<String> {
    let mut rows = page.as_array().unwrap().clone();
    let at = |row: &Json| row[usize::from(word == "\"te\",")].as_i64();
    if at(&rows[0]) > at(&rows[rows.len() - 1]) {
        rows.reverse();
    }
    let rows = rows.iter().map(|row| format!("[17,{word}{row}]"));
    std::iter::once(grant).chain(rows).collect()
}

fn bare_trades(page: &Json, series: &Series) -> Vec<String> {
    let grant = serde_json::json!({
        "event": "subscribed", "channel": "trades", "chanId": 17, "symbol": symbol(series),
    });
    bare(page, grant.to_string(), "\"te\",")
}

fn bare_bars(page: &Json, series: &Series) -> Vec<String> {
    let key = format!("trade:1m:{}", symbol(series));
    let grant = serde_json::json!({"event": "subscribed", "channel": "candles", "chanId": 17, "key": key});
    bare(page, grant.to_string(), "")
}

fn inserted_trades(page: &Json, series: &Series) -> Vec<String> {
    inserted(page, series, "trade")
}

fn inserted_buckets(page: &Json, series: &Series) -> Vec<String> {
    inserted(page, series, "tradeBin1m")
}

/// Pages have the newest first.
fn matches(page: &Json, series: &Series) -> Vec<String> {
    let more = serde_json::json!({"type": "match", "product_id": symbol(series)});
    page.as_array().unwrap().iter().rev().map(|row| with(row, &more).to_string()).collect()
}

/// The rows of a page, which has the newest first, in frames of a channel.
fn okx_frames(page: &Json, series: &Series, channel: &str) -> Vec<String> {
    let arg = serde_json::json!({"channel": channel, "instId": symbol(series)});
    let frame = |row: &Json| serde_json::json!({"arg": arg, "data": [row]}).to_string();
    page["data"].as_array().unwrap().iter().rev().map(frame).collect()
}

fn okx_fills(page: &Json, series: &Series) -> Vec<String> {
    okx_frames(page, series, "trades-all")
}

fn okx_bars(page: &Json, series: &Series) -> Vec<String> {
    let word = if series.span_label() == "1h" { "1H" } else { "1m" };
    okx_frames(page, series, &format!("candle{word}"))
}

/// Rows of a page, which has the newest first, in frames of a topic.
fn bybit_frames(page: &Json, topic: &str, row: impl Fn(&Json) -> Json) -> Vec<String> {
    let frame = |own: &Json| {
        let row = row(own);
        let ts = if row["T"].is_null() { &row["start"] } else { &row["T"] };
        serde_json::json!({"topic": topic, "type": "snapshot", "ts": ts, "data": [row]}).to_string()
    };
    page["result"]["list"].as_array().unwrap().iter().rev().map(frame).collect()
}

/// A number that is text over REST.
fn numeric(value: &Json) -> Json {
    value.as_str().unwrap().parse::<i64>().unwrap().into()
}

fn bybit_fills(page: &Json, series: &Series) -> Vec<String> {
    let symbol = symbol(series);
    bybit_frames(page, &format!("publicTrade.{symbol}"), |row| {
        serde_json::json!({
            "T": numeric(&row["time"]), "s": symbol, "S": row["side"], "v": row["size"], "p": row["price"],
            "i": row["execId"], "BT": false,
        })
    })
}

fn bybit_bars(page: &Json, series: &Series) -> Vec<String> {
    let word = if series.span_label() == "1h" { "60" } else { "1" };
    bybit_frames(page, &format!("kline.{word}.{}", symbol(series)), |row| {
        serde_json::json!({
            "start": numeric(&row[0]), "interval": word, "open": row[1], "high": row[2], "low": row[3],
            "close": row[4], "volume": row[5], "turnover": row[6], "confirm": true,
        })
    })
}

//! Sockets send the same rows that REST returns afterwards: the same trades, the same candles.

use std::time::Duration;

use dccd::model::{Batch, Kind, Micros, Side, Zone};
use dccd::sim::Knobs;
use serde::Deserialize;

use crate::http::{body, rows};
use crate::socket::{Dialect, Stepped};

const NOON: &str = "2024-06-05 12:30:30";
const STEP: Duration = Duration::from_millis(3_700);
const OVER: Duration = Duration::from_secs(200);

/// Id, instant, price, amount, side.
type Row = (String, Micros, f64, f64, Side);

fn trade_rows(batch: &Batch) -> Vec<Row> {
    assert_eq!(batch.kind(), Kind::Trades);
    let row = |trade: dccd::model::Trade<'_>| {
        (trade.id.unwrap().to_owned(), trade.ts, trade.price, trade.amount, trade.side.unwrap())
    };
    batch.trades().iter().map(row).collect()
}

/// The rows of a window, both ends as a connection that was open in it sees them.
fn within(rows: Vec<Row>, from: Micros, until: Micros) -> Vec<Row> {
    // A row is published two milliseconds after it happened.
    let late = Duration::from_millis(2);
    rows.into_iter().filter(|(_, ts, ..)| *ts > from - late && *ts <= until - late).collect()
}

/// A trade as Binance writes it, over REST and the socket alike.
#[derive(Debug, Deserialize, PartialEq)]
struct AggTrade {
    a: u64,
    p: String,
    q: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    at: i64,
    m: bool,
}

#[derive(Deserialize)]
struct Kline {
    t: i64,
    #[serde(rename = "T")]
    until: i64,
    o: String,
    h: String,
    l: String,
    c: String,
    v: String,
    q: String,
    n: u64,
    x: bool,
}

#[derive(Deserialize)]
struct KlineFrame {
    k: Kline,
}

/// Open, open price, high, low, close, volume, end, quote volume, trades.
type KlineRow = (i64, String, String, String, String, String, i64, String, u64);

fn kline_row(k: Kline) -> KlineRow {
    (k.t, k.o, k.h, k.l, k.c, k.v, k.until, k.q, k.n)
}

/// A row of klines over REST; the taker's parts and the last member are left aside.
#[derive(Deserialize)]
struct RestKline(
    i64,
    String,
    String,
    String,
    String,
    String,
    i64,
    String,
    u64,
    serde::de::IgnoredAny,
    serde::de::IgnoredAny,
    serde::de::IgnoredAny,
);

async fn rest_klines(stepped: &Stepped, path: &str) -> Vec<KlineRow> {
    let rows: Vec<RestKline> = serde_json::from_slice(&body(&stepped.sim, path).await).unwrap();
    rows.into_iter().map(|r| (r.0, r.1, r.2, r.3, r.4, r.5, r.6, r.7, r.8)).collect()
}

/// The trades and closed candles of Binance's raw frames, and how many candles still ran.
fn binance(frames: &[String]) -> (Vec<AggTrade>, Vec<KlineRow>, usize) {
    let (mut trades, mut closed, mut running) = (Vec::new(), Vec::new(), 0);
    for frame in frames {
        if frame.contains(r#""e":"aggTrade""#) {
            trades.push(serde_json::from_str(frame).unwrap());
        } else {
            let kline: KlineFrame = serde_json::from_str(frame).unwrap();
            if kline.k.x {
                closed.push(kline_row(kline.k));
            } else {
                running += 1;
            }
        }
    }
    (trades, closed, running)
}

/// Streams trades and one-minute candles of an address, and holds them to what REST answers afterwards.
async fn holds(knobs: Knobs, address: &str, trades: &str, klines: &str) {
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open(address).await;
    socket.sync(Dialect::Binance).await.unwrap();
    let from = stepped.now();
    let frames = stepped.run(&mut socket, Dialect::Binance, OVER, STEP).await;
    let (got, closed, running) = binance(&frames);

    let rest: Vec<AggTrade> = serde_json::from_slice(&body(&stepped.sim, trades).await).unwrap();
    let span = from.millis_floor() - 2..stepped.now().millis_floor() - 2;
    let rest: Vec<AggTrade> =
        rest.into_iter().filter(|trade| trade.at > span.start && trade.at <= span.end).collect();
    assert!(rest.len() > 100, "{} trades", rest.len());
    assert_eq!(got, rest, "{address}");

    let from_ms = from.millis_floor();
    let until_ms = stepped.now().millis_floor();
    let rest: Vec<KlineRow> = rest_klines(&stepped, klines)
        .await
        .into_iter()
        .filter(|row| row.6 >= from_ms && row.6 < until_ms - 2)
        .collect();
    assert_eq!(rest.len(), 3);
    assert_eq!(closed, rest, "{address}");
    assert!(running > 50, "{running} frames of running candles");
}

#[tokio::test]
async fn spot_streams_of_binance_are_what_its_rest_answers() {
    let (trades, klines) =
        ("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000", "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=20");
    holds(Knobs::default(), "/binance/ws/btcusdt@aggTrade/btcusdt@kline_1m", trades, klines).await;
}

#[tokio::test]
async fn streams_of_usd_margined_contracts_are_what_their_rest_answers() {
    let trades = "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000";
    for (address, klines) in [
        (
            "/market/ws/btcusdt@aggTrade/btcusdt@kline_1m",
            "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=20",
        ),
        (
            "/market/ws/btcusdt@aggTrade/btcusdt_perpetual@continuousKline_1m",
            "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&interval=1m&limit=20",
        ),
        (
            "/market/ws/btcusdt_240628@aggTrade/btcusdt_current_quarter@continuousKline_1m",
            "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=CURRENT_QUARTER&interval=1m&limit=20",
        ),
    ] {
        let trades = if address.contains("240628") {
            "/fapi/v1/aggTrades?symbol=BTCUSDT_240628&limit=1000"
        } else {
            trades
        };
        let symbols = vec!["BTCUSDT".to_owned(), "BTCUSDT240628".to_owned()];
        holds(Knobs { symbols, ..Knobs::default() }, address, trades, klines).await;
    }
}

#[tokio::test]
async fn streams_of_coin_margined_contracts_are_what_their_rest_answers() {
    let knobs = Knobs { symbols: vec!["BTCUSD".to_owned()], ..Knobs::default() };
    let trades = "/binancecoinm/dapi/v1/aggTrades?symbol=BTCUSD_PERP&limit=1000";
    let klines =
        "/binancecoinm/dapi/v1/continuousKlines?pair=BTCUSD&contractType=PERPETUAL&interval=1m&limit=20";
    let address = "/binancecoinm/ws/btcusd_perp@aggTrade/btcusd_perpetual@continuousKline_1m";
    holds(knobs, address, trades, klines).await;
}

#[tokio::test]
async fn trades_that_come_faster_since_an_instant_are_those_of_rest_too() {
    let ws_rate_from = crate::http::at("2024-06-05 12:30:31");
    let knobs = Knobs { ws_rate: 40, ws_rate_from, ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open("/ws/btcusdt@aggTrade").await;
    let frames = stepped.run(&mut socket, Dialect::Binance, Duration::from_secs(20), STEP).await;
    let (got, _, _) = binance(&frames);
    assert!((760..800).contains(&got.len()), "{} trades", got.len());
    let path = format!("/api/v3/aggTrades?symbol=BTCUSDT&fromId={}&limit=1000", got[0].a);
    let rest: Vec<AggTrade> = serde_json::from_slice(&body(&stepped.sim, &path).await).unwrap();
    assert_eq!(got[..], rest[..got.len()]);
    assert!(got.iter().zip(&got[1..]).all(|(one, next)| one.a + 1 == next.a));
}

/// A frame of Kraken's trades or candles.
#[derive(Deserialize)]
struct KrakenTrades {
    data: Vec<KrakenTrade>,
}

#[derive(Deserialize)]
struct KrakenTrade {
    symbol: String,
    side: String,
    price: f64,
    qty: f64,
    trade_id: u64,
    timestamp: String,
}

impl KrakenTrade {
    fn row(self) -> Row {
        let side = if self.side == "sell" { Side::Sell } else { Side::Buy };
        let ts = Micros::parse(&self.timestamp, &Zone::UTC).unwrap();
        (self.trade_id.to_string(), ts, self.price, self.qty, side)
    }
}

#[derive(Deserialize)]
struct KrakenCandles {
    data: Vec<KrakenCandle>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct KrakenCandle {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    trades: i64,
    volume: f64,
    interval_begin: String,
}

#[tokio::test]
async fn trades_and_candles_of_kraken_are_what_its_rest_answers() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/kraken/v2").await;
    for params in [
        r#""channel":"trade","symbol":["BTC/USDT","ETH/USDT"],"snapshot":true"#,
        r#""channel":"ohlc","symbol":["BTC/USDT"],"interval":1"#,
    ] {
        socket.send(&format!(r#"{{"method":"subscribe","params":{{{params}}},"req_id":5}}"#)).await;
    }
    let first = socket.sync(Dialect::Kraken).await.unwrap();
    let from = stepped.now();
    let frames = stepped.run(&mut socket, Dialect::Kraken, OVER, STEP).await;

    let trades_of = |frames: &[String], kind: &str, symbol: &str| -> Vec<Row> {
        let head = format!(r#"{{"channel":"trade","type":"{kind}""#);
        let rows = frames
            .iter()
            .filter(|frame| frame.starts_with(&head))
            .flat_map(|frame| serde_json::from_str::<KrakenTrades>(frame).unwrap().data);
        rows.filter(|row| row.symbol == symbol).map(KrakenTrade::row).collect()
    };
    for (pair, key) in [("BTC/USDT", "XBTUSDT"), ("ETH/USDT", "ETHUSDT")] {
        let since = from.secs() - 100;
        let path = format!("/kraken/0/public/Trades?pair={key}&since={since}&count=1000");
        let series = format!("kraken/{}/trades", pair.replace('/', "-"));
        let rest = trade_rows(&rows(&stepped.sim, &series, &path).await);
        let got = trades_of(&frames, "update", pair);
        assert!(got.len() > 150);
        assert_eq!(got, within(rest.clone(), from, stepped.now()));

        let snapshot = trades_of(&first, "snapshot", pair);
        let before = within(rest, Micros(0), from);
        assert_eq!(snapshot, before[before.len() - 50..]);
    }

    let candle = |frame: &String| serde_json::from_str::<KrakenCandles>(frame).unwrap().data[0].clone();
    let updates: Vec<KrakenCandle> =
        frames.iter().filter(|frame| frame.contains(r#""ohlc","type":"update""#)).map(candle).collect();
    let last_of_each: Vec<KrakenCandle> = updates
        .chunk_by(|one, next| one.interval_begin == next.interval_begin)
        .map(|same| same[same.len() - 1].clone())
        .collect();
    assert!(updates.len() > 150 && last_of_each.len() == 4);
    let series = "kraken/BTC-USDT/ohlc/1m";
    let rest = rows(&stepped.sim, series, "/kraken/0/public/OHLC?pair=XBTUSDT&interval=1").await;
    for got in &last_of_each[..3] {
        let ts = Micros::parse(&got.interval_begin, &Zone::UTC).unwrap();
        let own = rest.candles().iter().find(|candle| candle.ts == ts).unwrap();
        assert_eq!((got.open, got.high, got.low, got.close), (own.open, own.high, own.low, own.close));
        assert_eq!((got.volume, Some(got.trades)), (own.volume, own.trades));
    }
}

#[derive(Deserialize)]
struct Match {
    r#type: String,
    trade_id: u64,
    side: String,
    size: String,
    price: String,
    product_id: String,
    time: String,
}

impl Match {
    fn row(self) -> Row {
        let side = if self.side == "buy" { Side::Sell } else { Side::Buy };
        let ts = Micros::parse(&self.time, &Zone::UTC).unwrap();
        (self.trade_id.to_string(), ts, self.price.parse().unwrap(), self.size.parse().unwrap(), side)
    }
}

#[derive(Deserialize)]
struct Heartbeat {
    last_trade_id: u64,
    time: String,
}

#[tokio::test]
async fn matches_of_coinbase_are_what_its_rest_answers_and_its_heartbeats_know_the_last() {
    let knobs = Knobs { symbols: vec!["BTCUSD".to_owned(), "ETHUSD".to_owned()], ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open("/coinbase").await;
    socket
        .send(
            r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["matches","heartbeat"]}"#,
        )
        .await;
    let acknowledged = socket.text().await;
    let expected = r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD","ETH-USD"]},{"name":"heartbeat","product_ids":["BTC-USD","ETH-USD"]}]}"#;
    assert_eq!(acknowledged, expected);
    let first = socket.sync(Dialect::Coinbase).await.unwrap();
    let from = stepped.now();
    let frames = stepped.run(&mut socket, Dialect::Coinbase, OVER, STEP).await;

    let matches = |frames: &[String], kind: &str, product: &str| -> Vec<Row> {
        let matches = frames
            .iter()
            .filter(|frame| frame.contains("match\""))
            .map(|frame| serde_json::from_str::<Match>(frame).unwrap());
        matches.filter(|one| one.r#type == kind && one.product_id == product).map(Match::row).collect()
    };
    for product in ["BTC-USD", "ETH-USD"] {
        let path = format!("/coinbase/products/{product}/trades?limit=1000");
        let mut rest = trade_rows(&rows(&stepped.sim, &format!("coinbase/{product}/trades"), &path).await);
        rest.sort_by_key(|row| row.0.parse::<u64>().unwrap());
        let got = matches(&frames, "match", product);
        assert!(got.len() > 150);
        assert_eq!(got, within(rest.clone(), from, stepped.now()));
        let last = matches(&first, "last_match", product);
        assert_eq!(last, within(rest, Micros(0), from)[..].last().cloned().into_iter().collect::<Vec<_>>());
    }

    let mut last = 0;
    let mut beats = 0;
    for frame in frames.iter().filter(|frame| frame.contains(r#""product_id":"BTC-USD""#)) {
        if frame.starts_with(r#"{"type":"heartbeat""#) {
            let beat: Heartbeat = serde_json::from_str(frame).unwrap();
            assert!(last == 0 || beat.last_trade_id == last, "{frame} after {last}");
            assert!(Micros::parse(&beat.time, &Zone::UTC).unwrap() < stepped.now());
            beats += 1;
        } else {
            last = serde_json::from_str::<Match>(frame).unwrap().trade_id;
        }
    }
    assert_eq!(beats, 200);
}

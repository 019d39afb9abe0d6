//! The bare crates' bound: the same frames read through `tokio-tungstenite` and `serde_json` into typed structs, and
//! nothing kept of them.

use std::hint::black_box;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

#[derive(Deserialize)]
struct Binance<'a> {
    #[serde(borrow)]
    data: Aggregate<'a>,
}

#[derive(Deserialize)]
struct Aggregate<'a> {
    a: u64,
    s: &'a str,
    p: &'a str,
    q: &'a str,
    #[serde(rename = "T")]
    at: i64,
    m: bool,
}

#[derive(Deserialize)]
struct Kraken<'a> {
    channel: &'a str,
    #[serde(borrow)]
    data: Vec<KrakenTrade<'a>>,
}

#[derive(Deserialize)]
struct KrakenTrade<'a> {
    symbol: &'a str,
    side: &'a str,
    price: f64,
    qty: f64,
    trade_id: u64,
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct Coinbase<'a> {
    trade_id: u64,
    side: &'a str,
    size: &'a str,
    price: &'a str,
    product_id: &'a str,
    time: &'a str,
}

/// Reads so many trades of an exchange from a port of this machine.
pub(crate) async fn read(exchange: &str, port: u16, trades: u64) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let (mut socket, _) = client_async(format!("ws://127.0.0.1:{port}/"), stream).await.expect("a handshake");
    let mut left = trades;
    while left > 0 {
        let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("{left} trades are missing") };
        left -= match exchange {
            "kraken" => kraken(&text),
            "coinbase" => coinbase(&text),
            _ => binance(&text),
        };
    }
}

fn binance(text: &str) -> u64 {
    let Aggregate { a, s, p, q, at, m } = serde_json::from_str::<Binance<'_>>(text).expect("a trade").data;
    black_box((a, s, number(p), number(q), at, m));
    1
}

fn kraken(text: &str) -> u64 {
    let Kraken { channel, data } = serde_json::from_str(text).expect("trades");
    for KrakenTrade { symbol, side, price, qty, trade_id, timestamp } in &data {
        black_box((channel, symbol, side, price, qty, trade_id, timestamp));
    }
    data.len() as u64
}

fn coinbase(text: &str) -> u64 {
    let own: Coinbase<'_> = serde_json::from_str(text).expect("a trade");
    black_box((own.trade_id, own.side, number(own.size), number(own.price), own.product_id, own.time));
    1
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

//! A plain HTTP client of one request a connection, which hides nothing of what came over the wire.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::{Answer, Ask, Instrument, Next, Page, ParseError, Parsed, find};
use dccd::model::{Batch, Kind, Micros, Series, Window, Zone};
use dccd::sim::{Clock, Knobs, Sim};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it came, whole or not.
pub(crate) struct Raw {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(own, value)| own.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Whether as many bytes came as were announced.
    pub(crate) fn is_whole(&self) -> bool {
        self.header("content-length").map(|length| length.parse().unwrap()) == Some(self.body.len())
    }
}

/// Asks and reads until the exchange closes the connection.
pub(crate) async fn fetch(sim: &Sim, path: &str) -> io::Result<Raw> {
    timeout(PATIENCE, async {
        let mut stream = send(sim, path).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(parted(bytes))
    })
    .await
    .unwrap()
}

/// Asks and returns the bytes that came within a time in which the answer did not end.
pub(crate) async fn fetch_for(sim: &Sim, path: &str, patience: Duration) -> Vec<u8> {
    let mut stream = send(sim, path).await.unwrap();
    let mut bytes = Vec::new();
    let ended = timeout(patience, stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_err(), "the answer ended: {}", String::from_utf8_lossy(&bytes));
    bytes
}

async fn send(sim: &Sim, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(sim.address()).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

fn parted(bytes: Vec<u8>) -> Raw {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Raw { status, head, body: bytes[end + 4..].to_vec() }
}

/// The body of an answer with status 200.
pub(crate) async fn body(sim: &Sim, path: &str) -> Vec<u8> {
    let raw = fetch(sim, path).await.unwrap();
    assert_eq!(raw.status, 200, "{path}: {}", raw.text());
    raw.body
}

/// The rows of an answer as the client side reads them.
pub(crate) async fn rows(sim: &Sim, series: &str, path: &str) -> Batch {
    parsed(series, &body(sim, path).await).unwrap().0
}

/// A body as the client side reads it.
pub(crate) fn parsed(series: &str, body: &[u8]) -> Result<(Batch, Next), ParseError> {
    whole(series, body).map(|(batch, parsed)| (batch, parsed.next))
}

/// Whether an answer has rows that cannot be true.
pub(crate) fn has_odd(series: &str, body: &[u8]) -> bool {
    !whole(series, body).unwrap().1.odd.is_empty()
}

fn whole(series: &str, body: &[u8]) -> Result<(Batch, Parsed), ParseError> {
    let series: Series = series.parse().unwrap();
    let mut batch = Batch::of(series.kind());
    let rows = if series.kind() == Kind::OrderBook { 5_000 } else { 1_000 };
    let exchange = find(series.exchange()).unwrap();
    let instrument = Arc::new(Instrument::named(exchange.symbol(series.pair())));
    let (window, ask) = (window("2020-01-01", "2020-01-02"), Ask::ByTime);
    let page = Page { series: Arc::new(series), instrument, window, ask, rows };
    let parsed = exchange.parse(&page, &Answer::of(body, Micros(0)), &mut batch)?;
    Ok((batch, parsed))
}

pub(crate) fn at(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap()
}

pub(crate) fn ms(text: &str) -> i64 {
    at(text).millis_floor()
}

pub(crate) fn window(from: &str, until: &str) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

/// Knobs whose clock stands still.
pub(crate) fn knobs_at(now: &str) -> Knobs {
    Knobs { clock: Clock::fixed(at(now)), ..Knobs::default() }
}

pub(crate) async fn sim(knobs: Knobs) -> Sim {
    Sim::start(([127, 0, 0, 1], 0).into(), knobs).await.unwrap()
}

//! Frames of every exchange's sockets, in any order and at any pace.

use std::sync::Arc;
use std::time::Duration;

use super::rest::{self, finite, instrument};
use super::seeds;
use crate::exchange::live::{BookWish, Mark, Now, Received, Session, Topic, TopicId};
use crate::exchange::{Exchange, find};
use crate::model::{Batch, Kind, Micros, Series};

/// The series of a connection: the first byte of an input is the place of one, once with snapshots of books and once with
/// their updates.
const CONNECTIONS: [&[&str]; 22] = [
    &["binance/BTC-USDT/trades", "binance/BTC-USDT/ohlc/1m"],
    &["binance/BTC-USDT/orderbook", "binance/BTC-USDT/trades"],
    &["binance/BTC-USDT_PERP/orderbook", "binance/ETH-USDT_PERP/orderbook"],
    &["binance/BTC-USDT_PERP/trades", "binance/BTC-USDT_PERP/ohlc/1m"],
    &["binancecoinm/BTC-USD_PERP/trades", "binancecoinm/BTC-USD_PERP/ohlc/1m"],
    &["binancecoinm/BTC-USD_PERP/orderbook"],
    &["kraken/BTC-USD/trades", "kraken/BTC-USD/ohlc/1m"],
    &["kraken/BTC-USD/orderbook", "kraken/BTC-USD/trades"],
    &["krakenfutures/BTC-USD_PERP/orderbook", "krakenfutures/BTC-USD_PERP/trades"],
    &["coinbase/BTC-USD/trades"],
    &["coinbase/BTC-USD/orderbook", "coinbase/BTC-USD/trades"],
    &["bybit/BTC-USDT/trades", "bybit/BTC-USDT/ohlc/1m"],
    &["bybit/BTC-USDT/orderbook", "bybit/BTC-USDT/trades"],
    &["bybit/BTC-USDT_PERP/orderbook", "bybit/BTC-USDT_PERP/trades"],
    &["bybit/BTC-USD_PERP/orderbook", "bybit/BTC-USD_PERP/trades"],
    &["okx/BTC-USDT/trades", "okx/BTC-USDT/ohlc/1m"],
    &["okx/BTC-USDT_PERP/trades", "okx/BTC-USDT_PERP/ohlc/1m"],
    &["okx/BTC-USDT/orderbook", "okx/BTC-USDT_PERP/orderbook"],
    &["bitfinex/BTC-USD/trades", "bitfinex/BTC-USD/ohlc/1m"],
    &["bitfinex/BTC-USD/orderbook", "bitfinex/BTC-USD/trades"],
    &["bitmex/BTC-USD_PERP/trades", "bitmex/BTC-USD_PERP/ohlc/1m"],
    &["bitmex/BTC-USD_PERP/orderbook", "bitmex/BTC-USD_PERP/trades"],
];

/// The exchange's time at the beginning of each connection, in seconds: that of its recordings.
const BEGIN: i64 = 1_723_100_000;

/// A line that begins so is no frame: time passes, a binary frame comes, a topic is left, one is wanted, the whole book of
/// one comes over REST, one is compared with such a book, rows of one were lost, another connection held it.
const PASS: u8 = 1;
const BINARY: u8 = 2;
const LEAVE: u8 = 3;
const WANT: u8 = 4;
const BOOK: u8 = 5;
const AUDIT: u8 = 6;
const LOSE: u8 = 7;
const RESUME: u8 = 8;

/// The most texts that one frame makes a session send.
const MOST_SENT: usize = 8;

/// How far coverage may lie beyond the newest time told: the longest candle's own length.
const BEYOND: i64 = 2_700_000_000_000;

pub(super) fn run(bytes: &[u8]) {
    let _ = listened(bytes);
}

/// The state behind the last line.
fn listened(bytes: &[u8]) -> Option<Listener> {
    let (first, rest) = bytes.split_first()?;
    let place = usize::from(*first);
    let deltas = place / CONNECTIONS.len() % 2 == 1;
    let mut listener = Listener::of(CONNECTIONS[place % CONNECTIONS.len()], deltas);
    for line in rest.split(|byte| *byte == b'\n') {
        listener.line(line);
        listener.check(line.len());
    }
    Some(listener)
}

struct Listener {
    exchange: &'static dyn Exchange,
    series: Vec<Arc<Series>>,
    session: Box<dyn Session>,
    received: Received,
    now: Now,
    wish: BookWish,
    /// The newest instant of each series.
    newest: Vec<Option<Micros>>,
}

impl Listener {
    fn of(names: &[&str], deltas: bool) -> Listener {
        let series: Vec<Arc<Series>> =
            names.iter().map(|name| Arc::new(name.parse().expect("the series are well written"))).collect();
        let exchange = find(series[0].exchange()).expect("the exchanges are registered");
        let live = exchange.live().expect("the exchanges have sockets");
        let session = live.session(live.offer_for(&series[0]).expect("the series are offered").line);
        let now = Now { elapsed: Duration::from_secs(100), at: Micros::from_secs(BEGIN) };
        let newest = vec![None; series.len()];
        let wish = BookWish { depth: 10, every: Duration::from_secs(1), deltas };
        let mut own = Listener { exchange, series, session, received: Received::new(), now, wish, newest };
        (0..own.series.len()).for_each(|number| own.want(number));
        own.session.opened(own.now);
        own.send();
        own
    }

    fn want(&mut self, number: usize) {
        let Some(series) = self.series.get(number) else { return };
        let instrument = Arc::new(instrument(self.exchange, series.pair()));
        let (series, id, book) = (Arc::clone(series), id(number), Some(self.wish));
        // One that is listened to already is refused.
        let _ = self.session.want(Topic { id, series, instrument, held: None, book });
    }

    /// The whole book of a series in an answer.
    fn book(&self, number: usize, body: &[u8]) -> Option<Batch> {
        let series = self.series.get(number).filter(|series| series.kind() == Kind::OrderBook)?;
        let instrument = Arc::new(instrument(self.exchange, series.pair()));
        rest::book(self.exchange, Arc::clone(series), instrument, body, self.now.at)
    }

    fn send(&mut self) {
        let mut sent = 0;
        while self.session.send(self.now).is_some() {
            sent += 1;
            assert!(sent <= MOST_SENT, "it sends without end");
        }
    }

    fn line(&mut self, line: &[u8]) {
        let (now, into) = (self.now, &mut self.received);
        match line {
            [PASS, tenths, ..] => {
                let passed = Duration::from_millis(100) * u32::from(*tenths).pow(2);
                self.now = Now { elapsed: now.elapsed + passed, at: now.at + passed };
            }
            [BINARY, ..] => self.session.unreadable("it is no text", now, into),
            [LEAVE, number, ..] => self.session.leave(id(usize::from(*number))),
            [WANT, number, ..] => self.want(usize::from(*number)),
            [BOOK, number, body @ ..] => {
                let (number, rows) = (usize::from(*number), self.book(usize::from(*number), body));
                self.session.give_book(id(number), rows.as_ref(), now, &mut self.received);
            }
            [AUDIT, number, body @ ..] => {
                let (number, rows) = (usize::from(*number), self.book(usize::from(*number), body));
                self.session.begin_audit(id(number));
                self.session.give_audit(id(number), rows.as_ref(), self.wish.depth, now, &mut self.received);
            }
            [LOSE, number, ..] => self.session.lose_book(id(usize::from(*number)), now, into),
            [RESUME, number, held, ..] => {
                let held = Mark { id: u64::from(*held), ts: now.at };
                self.session.resume(id(usize::from(*number)), held, into);
                // The time of the mark counts as heard: the other connection heard it.
                if let Some(newest) = self.newest.get_mut(usize::from(*number)) {
                    *newest = (*newest).max(Some(held.ts));
                }
            }
            frame => match std::str::from_utf8(frame) {
                Ok(text) => self.session.text(text, now, into),
                Err(error) => self.session.unreadable(&error.to_string(), now, into),
            },
        }
        self.session.tick(self.now, &mut self.received);
        self.send();
    }

    /// Holds a session to its bounds after a frame of so many bytes, whose rows are then handed over.
    fn check(&mut self, bytes: usize) {
        let heard = self.session.heard();
        for (number, series) in self.series.iter().enumerate() {
            let is_book = series.kind() == Kind::OrderBook;
            let batch = self.received.batch(id(number));
            if let Some(rows) = batch {
                finite(rows);
                // A whole book is written again and again; every other row was sent.
                assert!(is_book || rows.len() <= bytes, "{} rows of {bytes} bytes", rows.len());
            }
            let newest = batch.and_then(|own| own.ts().iter().max().copied()).map(Micros);
            self.newest[number] = self.newest[number].max(newest).max(heard);
            // A whole book may be of long ago, so that its time is not taken for that of now.
            if let Some(covered) = self.session.covered(id(number)).filter(|_| !is_book) {
                let newest = self.newest[number].map_or(i64::MIN, |newest| newest.0.saturating_add(BEYOND));
                assert!(covered.until.0 <= newest, "{series}: {covered} is covered, {newest} was told");
            }
            let _ = (
                self.session.newest(id(number)),
                self.session.since(id(number)),
                self.session.book(id(number)),
            );
        }
        let _ = (self.session.wakes(), self.session.topics());
        self.received.clear();
    }
}

fn id(number: usize) -> TopicId {
    TopicId(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The beginning of each recorded connection, for each connection of its exchange.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    const HEAD_BYTES: usize = 6 << 10;
    let mut seeds = Vec::new();
    for (place, names) in (0_u8..).zip(CONNECTIONS) {
        let exchange = names[0].split('/').next().and_then(find).expect("the exchanges are registered");
        for folder in exchange.recordings() {
            let frames = seeds::below(&seeds::recordings().join(folder), ".jsonl");
            for frames in frames {
                let head = seeds::head(&frames, HEAD_BYTES);
                seeds.push([&[place], head].concat());
                seeds.push([&[place], head, &[b'\n', PASS, 30, b'\n', PASS, 200]].concat());
            }
        }
        seeds.push(vec![place, PASS, 250, b'\n', BINARY, b'\n', LEAVE, 0, b'\n', WANT, 0, b'\n', PASS, 250]);
    }
    seeds.extend(asked_for());
    seeds
}

/// Books of Binance, which come over REST: brought into step by an answer and compared with another.
fn asked_for() -> Vec<Vec<u8>> {
    let is_book = |names: &[&str]| names[0].starts_with("binance") && names[0].ends_with("/orderbook");
    let places = (0_u8..).zip(CONNECTIONS).filter(|(_, names)| is_book(names));
    let deltas = u8::try_from(CONNECTIONS.len()).unwrap_or(0);
    places.flat_map(|(place, names)| [place, place + deltas].map(|place| in_step(place, names[0]))).collect()
}

fn in_step(place: u8, series: &str) -> Vec<u8> {
    let series: Series = series.parse().expect("the series are well written");
    let symbol = find(series.exchange()).expect("the exchanges are registered").symbol(series.pair());
    let stream = symbol.to_lowercase();
    let update = |first: u64, last: u64| {
        let (at, previous) = (BEGIN * 1_000, first - 1);
        format!(
            r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{at},"s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":[["{last}","1"]],"a":[["101","0"]]}}}}"#
        )
    };
    let answer = |begin: u8, last: u64| {
        let (begin, topic, at) = (char::from(begin), '\0', BEGIN * 1_000);
        format!(
            r#"{begin}{topic}{{"lastUpdateId":{last},"E":{at},"T":{at},"symbol":"{symbol}","bids":[["99","5"],["98","5"]],"asks":[["101","5"],["102","5"]]}}"#
        )
    };
    let granted = r#"{"result":null,"id":1}"#.to_owned();
    let lines = [granted, update(5, 9), answer(BOOK, 7), update(10, 20), answer(AUDIT, 20), update(21, 22)]
        .join("\n");
    [&[place], lines.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_that_are_asked_for_come_into_step() {
        let seeds = asked_for();
        for seed in &seeds {
            let listener = listened(seed).unwrap();
            assert!(listener.session.book(id(0)).is_some(), "{}", String::from_utf8_lossy(seed));
        }
        assert_eq!(seeds.len(), 6);
    }
}

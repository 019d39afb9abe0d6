//! Every book that was recorded, kept by its exchange's rules: the known best prices, no hole, every checksum right.

use std::path::Path;

use dccd::exchange::live::{Book, BookFault, BookSide};
use dccd::exchange::{Answer, Ask, BookNews, Books, Page, find};
use dccd::model::{Batch, Kind, Market, Side};

use super::book_oracle::{Kept, Oracle};
use crate::needs;
use crate::read::{RECEIVED, page};

/// Frames of one recorded connection with books.
pub(crate) struct BookRecording {
    pub(crate) exchange: &'static str,
    pub(crate) file: &'static str,
    /// The depth that was asked for.
    pub(crate) depth: Option<usize>,
    /// Whole books over REST, by symbol.
    pub(crate) answers: &'static [(&'static str, &'static str)],
    /// Known best prices at its end: symbol, bid, ask, whole books and changes.
    pub(crate) known: &'static [(&'static str, f64, f64, usize, usize)],
}

const fn of(
    exchange: &'static str,
    file: &'static str,
    known: &'static [(&'static str, f64, f64, usize, usize)],
) -> BookRecording {
    BookRecording { exchange, file, depth: None, answers: &[], known }
}

pub(crate) const BOOKS: [BookRecording; 17] = [
    BookRecording {
        answers: &[("BTCUSDT", "rest_book_1.json")],
        ..of("binance", "binance/ws_session_1.jsonl", &[("BTCUSDT", 61_835.51, 61_835.52, 1, 244)])
    },
    BookRecording {
        answers: &[
            ("NKNUSDT", "rest_book_3.json"),
            ("BLZETH", "rest_book_4.json"),
            ("LRCBTC", "rest_book_5.json"),
            ("RUNEEUR", "rest_book_6.json"),
        ],
        ..of(
            "binance",
            "binance/ws_session_3.jsonl",
            &[
                ("BLZETH", 0.000_065_47, 0.000_065_6, 1, 9),
                ("LRCBTC", 0.000_006_37, 0.000_006_38, 1, 13),
                ("NKNUSDT", 0.3527, 0.3531, 1, 149),
                ("RUNEEUR", 6.251, 6.269, 1, 1),
            ],
        )
    },
    BookRecording {
        depth: Some(10),
        ..of("kraken", "kraken/ws_book_1.jsonl", &[("BTC/USD", 63_004.9, 63_005.0, 5, 296)])
    },
    BookRecording {
        depth: Some(25),
        ..of("kraken", "kraken/ws_book_2.jsonl", &[("BTC/USD", 63_418.3, 63_418.4, 1, 1_464)])
    },
    BookRecording {
        depth: Some(10),
        ..of("kraken", "kraken/ws_book_6.jsonl", &[("BTC/USD", 75_620.2, 75_623.1, 1, 0)])
    },
    of(
        "coinbase",
        "coinbase_exchange/ws_session_1.jsonl",
        &[("CRV-EUR", 3.2956, 3.301, 1, 670), ("NU-GBP", 0.4388, 0.4393, 1, 76)],
    ),
    of("okx", "okx/ws_book_2.jsonl", &[("BTC-USDT", 78_722.2, 78_722.3, 1, 6)]),
    of(
        "okx",
        "okx/ws_session_1.jsonl",
        &[("BTC-USD-220527", 30_229.4, 30_238.8, 1, 98), ("BTC-USDT", 30_236.1, 30_236.2, 1, 97)],
    ),
    of(
        "okx",
        "okx/ws_session_3.jsonl",
        &[("FUN-BTC", 0.000_000_452, 0.000_000_455, 1, 40), ("OKT-BTC", 0.001_471, 0.001_475, 1, 101)],
    ),
    of(
        "bybit",
        "bybit/ws_book_1.jsonl",
        &[("1.AIOZUSDT", 0.3531, 0.3535, 28, 0), ("1.BANDUSDT", 0.6132, 0.6135, 45, 0)],
    ),
    of(
        "bybit",
        "bybit/ws_book_2.jsonl",
        &[("1.ARBUSDC", 0.3448, 0.345, 54, 0), ("1.CPOOLUSDT", 0.116_87, 0.117_15, 14, 0)],
    ),
    of(
        "bybit",
        "bybit/ws_session_1.jsonl",
        &[("200.BTCUSDT", 65_114.2, 65_114.3, 1, 413), ("200.DOGEUSDT", 0.070_55, 0.070_56, 1, 379)],
    ),
    of("bybit", "bybit/ws_session_2.jsonl", &[("200.ETHUSDT", 1_923.28, 1_923.29, 1, 249)]),
    of("bitfinex", "bitfinex/ws_book_1.jsonl", &[("tXRPBTC", 0.000_001_1, 0.000_001_11, 1, 1)]),
    of(
        "bitfinex",
        "bitfinex/ws_session_1.jsonl",
        &[("tBFTUSD", 0.068_965, 0.0774, 1, 0), ("tDOGUSD", 277_730.0, 282_030.0, 1, 384)],
    ),
    of(
        "bitmex",
        "bitmex/ws_session_1.jsonl",
        &[("ADAUSDT", 1.175_77, 1.177_35, 1, 119), ("BCHUSD", 438.55, 438.6, 1, 72)],
    ),
    of(
        "krakenfutures",
        "kraken_futures/ws_session_1.jsonl",
        &[("FI_BCHUSD_210730", 439.3, 439.8, 1, 18), ("FI_XBTUSD_210924", 32_207.0, 32_225.0, 1, 1_240)],
    ),
];

/// The levels that are asked for over REST in the recordings.
pub(crate) const ASKED: usize = 1_000;

impl BookRecording {
    pub(crate) fn frames(&self, folder: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(self.file)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Books before the first frame.
    pub(crate) fn books(&self) -> Books {
        Books::of(self.exchange, Market::Spot, self.depth).unwrap()
    }

    fn body(&self, folder: &Path, answer: &str) -> Vec<u8> {
        std::fs::read(folder.join(self.exchange).join(answer)).unwrap()
    }

    /// Gives whole books over REST. Returns their effects.
    pub(crate) fn answer(&self, folder: &Path, books: &mut Books) -> Vec<BookNews> {
        let mut news = Vec::new();
        for (symbol, answer) in self.answers {
            let rows = whole_book(self.exchange, &self.body(folder, answer));
            news.extend(books.answer(symbol, &rows, ASKED));
        }
        news
    }

    /// The whole book over REST of a symbol, if there is one.
    pub(crate) fn whole_book(&self, folder: &Path, symbol: &str) -> Option<Batch> {
        let (_, answer) = self.answers.iter().find(|(own, _)| *own == symbol)?;
        Some(whole_book(self.exchange, &self.body(folder, answer)))
    }

    pub(crate) fn oracle(&self, folder: &Path) -> Oracle {
        let mut oracle = Oracle::default();
        oracle.depth = self.depth;
        for (symbol, answer) in self.answers {
            oracle.answer(symbol, &serde_json::from_slice(&self.body(folder, answer)).unwrap());
        }
        oracle
    }
}

/// The rows of a whole book over REST.
fn whole_book(exchange: &str, body: &[u8]) -> Batch {
    let exchange = find(exchange).unwrap();
    let page = Page {
        ask: Ask::Now,
        rows: u32::try_from(ASKED).unwrap(),
        ..page(exchange, Kind::OrderBook, Market::Spot, None)
    };
    let mut rows = Batch::of(Kind::OrderBook);
    exchange.parse(&page, &Answer::of(body, RECEIVED), &mut rows).unwrap();
    rows
}

/// The levels of a side, best first.
fn levels(side: &BookSide) -> Vec<(f64, f64)> {
    side.levels().map(|level| (level.price, level.amount)).collect()
}

/// Whether a book holds the same as the other one kept, as far down as it is known.
fn is_same(book: &Book, kept: &Kept) -> bool {
    book.sides().into_iter().all(|side| {
        let (own, mut other) = (levels(side), kept.levels(side.side() == Side::Bid));
        if book.is_cut_off(side.side()) {
            other.truncate(own.len());
        }
        own == other
    })
}

#[test]
fn every_recorded_book_ends_as_it_is_known_to_without_a_hole_and_with_every_checksum_right() {
    let Some(folder) = needs::recordings() else { return };
    for recording in &BOOKS {
        let who = recording.file;
        let (mut books, mut oracle) = (recording.books(), recording.oracle(&folder));
        let mut news = recording.answer(&folder, &mut books);
        for frame in recording.frames(&folder) {
            news.extend(books.read(&frame));
            oracle.read(recording.exchange, &frame);
        }
        let faults: Vec<&BookNews> = news.iter().filter(|news| news.fault.is_some()).collect();
        assert_eq!(faults, Vec::<&BookNews>::new(), "{who}");
        assert_eq!(books.symbols().count(), oracle.books.len(), "{who}");
        for (symbol, kept) in &oracle.books {
            let book = books.in_step(symbol).unwrap_or_else(|| panic!("{who}: {symbol} is not in step"));
            assert!(
                is_same(book, kept),
                "{who}: {symbol}\n{:?}\n{:?}",
                levels(book.bids()),
                kept.levels(true)
            );
        }
        for (symbol, bid, ask, wholes, changes) in recording.known {
            let book = books.in_step(symbol).unwrap();
            let best = (book.bids().best().unwrap().price, book.asks().best().unwrap().price);
            assert_eq!(best, (*bid, *ask), "{who}: {symbol}");
            let of = |is_whole| move |own: &&BookNews| own.symbol == *symbol && own.is_whole == is_whole;
            let came = (news.iter().filter(of(true)).count(), news.iter().filter(of(false)).count());
            // One that was asked for comes into step with its first change.
            let asked = usize::from(!recording.answers.is_empty());
            assert_eq!(came, (*wholes, changes - asked), "{who}: {symbol}");
            let kept = &oracle.books[*symbol];
            assert_eq!((kept.wholes, kept.changes), (*wholes, *changes), "{who}: {symbol}");
        }
    }
}

#[test]
fn changes_that_wait_for_the_whole_book_give_the_same_book_as_those_that_come_behind_it() {
    let Some(folder) = needs::recordings() else { return };
    for recording in BOOKS.iter().filter(|recording| !recording.answers.is_empty()) {
        let frames = recording.frames(&folder);
        let mut behind = recording.books();
        recording.answer(&folder, &mut behind);
        frames.iter().for_each(|frame| drop(behind.read(frame)));
        for waits in [1, 40, 200] {
            let mut books = recording.books();
            let (first, rest) = frames.split_at(waits);
            let early: Vec<BookNews> = first.iter().flat_map(|frame| books.read(frame)).collect();
            assert_eq!(early, [], "nothing is in step before the whole book");
            recording.answer(&folder, &mut books);
            rest.iter().for_each(|frame| drop(books.read(frame)));
            for (symbol, _) in recording.answers {
                let (one, other) = (books.in_step(symbol).unwrap(), behind.in_step(symbol).unwrap());
                assert_eq!(one.sides().map(levels), other.sides().map(levels), "{symbol} after {waits}");
            }
        }
    }
}

#[test]
fn a_whole_book_older_than_the_first_change_is_asked_for_again_and_the_newer_one_is_joined() {
    let Some(folder) = needs::recordings() else { return };
    let recording = &BOOKS[0];
    let frames = recording.frames(&folder);
    let (first, rest) = frames.split_at(400);
    let mut books = recording.books();
    // The first changes behind the whole book never came.
    let late = first.iter().filter(|frame| frame.contains("depthUpdate")).skip(10);
    late.for_each(|frame| drop(books.read(frame)));
    let news = recording.answer(&folder, &mut books);
    assert!(matches!(&news[..], [BookNews { fault: Some(_), .. }]), "{news:?}");
    assert!(books.in_step("BTCUSDT").is_none());
    let mut whole = recording.books();
    recording.answer(&folder, &mut whole);
    first.iter().for_each(|frame| drop(whole.read(frame)));
    let mut rows = Batch::of(Kind::OrderBook);
    put(&whole, "BTCUSDT", &mut rows);
    let news = books.answer("BTCUSDT", &rows, ASKED);
    assert_eq!(news, [], "it joins with the next change");
    for frame in rest {
        books.read(frame);
        whole.read(frame);
    }
    let best =
        |books: &Books| books.in_step("BTCUSDT").unwrap().sides().map(|side| levels(side)[..25].to_vec());
    assert_eq!(best(&books), best(&whole));
}

#[test]
fn where_too_many_changes_wait_the_oldest_go_and_the_whole_book_is_asked_for_again() {
    let Some(folder) = needs::recordings() else { return };
    let recording = &BOOKS[0];
    let mut books = recording.books();
    recording.frames(&folder).iter().for_each(|frame| drop(books.read(frame)));
    let news = recording.answer(&folder, &mut books);
    assert!(matches!(&news[..], [BookNews { fault: Some(BookFault::Sequence), .. }]), "{news:?}");
}

/// Writes the book of a symbol as rows of a whole one.
fn put(books: &Books, symbol: &str, rows: &mut Batch) {
    let (book, seq) = (books.in_step(symbol).unwrap(), books.number(symbol));
    for side in book.sides() {
        for level in side.levels() {
            rows.book_mut().push(dccd::model::BookLevel {
                ord: 0,
                ts: RECEIVED,
                ts_recv: RECEIVED,
                seq,
                is_snapshot: true,
                side: side.side(),
                price: level.price,
                amount: level.amount,
                count: level.count,
            });
        }
    }
}

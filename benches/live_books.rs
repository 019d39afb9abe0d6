//! How fast updates of books become rows of checked books, and what one allocates: the parse alone, and with the journal
//! that takes the rows, without a socket; and what a thousand books take.
//!
//! An update changes ten levels of a book of a hundred a side, as frames of the exchange have them; each is proved by
//! its number or its checksum and becomes rows. As a driver does, 256 frames are read, then handed over and forgotten.

#[path = "common/mod.rs"]
#[allow(dead_code, reason = "nothing of it is fetched here")]
mod common;
#[path = "live_books/written.rs"]
mod written;

use std::alloc::System;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{BookWish, Now, Received, Session, Topic, TopicId};
use dccd::exchange::{Instrument, find};
use dccd::model::{Micros, Series};
use dccd::store::{Layout, Store, StoreSettings, Writer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use common::{median, timed};
use written::Written;

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const UPDATES: usize = 100_000;
const ROUNDS: usize = 5;

/// Frames between two hand-overs.
const BURST: usize = 256;

/// The levels of each side of a book that is updated.
const LEVELS: u32 = 100;

/// The books whose memory is measured.
const BOOKS: usize = 1_000;

/// How many of them a connection carries.
const A_SESSION: usize = 100;

/// The goals.
const GOAL_MILLIONS: f64 = 0.3;
const GOAL_JOURNAL: f64 = 0.15;
const GOAL_MIB: f64 = 200.0;
const GOAL_ALLOCATIONS: f64 = 0.05;

const SERIES: [&str; 4] = [
    "binance/BTC-USDT/orderbook",
    "binance/BTC-USDT_PERP/orderbook",
    "kraken/BTC-USD/orderbook",
    "coinbase/BTC-USD/orderbook",
];

fn main() {
    let (mut missed, mut lowest) = (Vec::new(), f64::MAX);
    println!(
        "{:<34} {:>8} {:>14} {:>12} {:>20}",
        "10 levels an update", "bytes", "M updates/s", "allocations", "with the journal"
    );
    for series in SERIES {
        let written = Written::of(series, LEVELS, UPDATES);
        let bytes: usize = written.updates.iter().map(String::len).sum();
        let parse = rate(|| in_step(series, &written), |session| read(session, &written, |_| {}));
        let journal = rate(
            || (in_step(series, &written), Journal::of(series)),
            |(session, journal)| read(session, &written, |received| journal.take(received)),
        );
        let mut session = in_step(series, &written);
        let region = Region::new(ALLOCATIONS);
        let rows = read(&mut session, &written, |_| {});
        let change = region.change();
        lowest = lowest.min(journal);
        // The first update may bring a whole book.
        assert!(rows >= 10 * UPDATES as u64, "{series}: {rows}");
        let each = (change.allocations + change.reallocations) as f64 / UPDATES as f64;
        println!("{series:<34} {:>8} {parse:>14.2} {each:>12.4} {journal:>20.2}", bytes / UPDATES);
        if parse < GOAL_MILLIONS || each >= GOAL_ALLOCATIONS || journal < GOAL_JOURNAL {
            missed.push(series);
        }
    }
    println!(
        "a CPU second; below {GOAL_MILLIONS} M updates, {GOAL_JOURNAL} M with the journal, or from {GOAL_ALLOCATIONS} allocations an update on: {missed:?}"
    );
    println!("figure books_rate {lowest:.3} M");
    for series in SERIES {
        let written = Written::of(series, 1_000, 0);
        let region = Region::new(ALLOCATIONS);
        let sessions: Vec<_> =
            (0..BOOKS / A_SESSION).map(|_| in_step_of(series, &written, 1_000, A_SESSION)).collect();
        let change = region.change();
        let held = change.bytes_allocated.saturating_sub(change.bytes_deallocated) as f64;
        println!(
            "{series:<34} {BOOKS} books of 1000 levels: {:.0} MiB (goal {GOAL_MIB})",
            held / 1_048_576.0
        );
        drop(sessions);
    }
}

/// Millions of updates a CPU second: the median of several rounds.
fn rate<T>(begin: impl Fn() -> T, work: impl Fn(&mut T) -> u64) -> f64 {
    let rates = (0..ROUNDS).map(|_| {
        let mut own = begin();
        1.0 / timed(|| work(&mut own)).1
    });
    median(rates.collect()) * UPDATES as f64 / 1e6
}

/// A store whose journal takes the rows of one book.
struct Journal {
    writer: Writer,
    _folder: tempfile::TempDir,
}

impl Journal {
    fn of(series: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = StoreSettings::of(7, dccd::clock::now());
        let (store, _) = Store::open(&Layout::new(folder.path()), settings).expect("an empty folder");
        let (writer, _) = store.writer(&series.parse().expect("a series")).expect("a writer");
        Journal { writer, _folder: folder }
    }

    fn take(&self, received: &Received) {
        for (_, rows) in received.batches() {
            self.writer.accept_live(rows.clone(), None).expect("the journal takes it");
        }
    }
}

fn now() -> Now {
    Now { elapsed: Duration::from_secs(1), at: written::BEGIN + Duration::from_secs(2_000) }
}

/// A session whose book of a hundred levels is in step.
fn in_step(series: &str, written: &Written) -> Box<dyn Session> {
    in_step_of(series, written, LEVELS, 1)
}

/// A session with so many books of so many levels, all alike but for their names.
fn in_step_of(series: &str, written: &Written, depth: u32, books: usize) -> Box<dyn Session> {
    let first: Series = series.parse().expect("a series");
    let exchange = find(first.exchange()).expect("it is registered");
    let live = exchange.live().expect("it is live");
    let mut session = live.session(live.offer_for(&first).expect("it is offered").line);
    let mut received = Received::new();
    for number in 0..books {
        let own: Series = renamed(series, number).parse().expect("a series");
        let id = TopicId(u32::try_from(number).expect("few books"));
        let instrument = Arc::new(Instrument::named(exchange.symbol(own.pair())));
        let book = Some(BookWish { depth, every: Duration::from_secs(60), deltas: true });
        session
            .want(Topic { id, series: Arc::new(own), instrument, held: None, book })
            .expect("it is offered");
        for frame in &written.begin {
            session.text(&renamed(frame, number), now(), &mut received);
        }
        if let Some(rows) = &written.answer {
            session.give_book(id, Some(rows), now(), &mut received);
        }
        received.clear();
    }
    session
}

/// A text with another base asset for each book but the first.
fn renamed(text: &str, number: usize) -> String {
    match number {
        0 => text.to_owned(),
        _ => text.replace("BTC", &format!("B{number:03}")).replace("btc", &format!("b{number:03}")),
    }
}

/// The rows that the updates became, each burst of which is given to `taken`.
fn read(session: &mut Box<dyn Session>, written: &Written, taken: impl Fn(&Received)) -> u64 {
    let (mut received, mut rows) = (Received::new(), 0);
    for burst in written.updates.chunks(BURST) {
        for frame in burst {
            session.text(black_box(frame), now(), &mut received);
        }
        session.tick(now(), &mut received);
        rows += received.batches().map(|(_, batch)| batch.len() as u64).sum::<u64>();
        black_box(session.covered(TopicId(0)));
        taken(&received);
        received.clear();
    }
    assert!(session.book(TopicId(0)).is_some(), "the book is in step");
    rows
}

/// The symbol of a series in frames.
fn symbol(series: &str) -> &'static str {
    match series.split('/').next() {
        Some("kraken") => "BTC/USD",
        Some("coinbase") => "BTC-USD",
        _ => "BTCUSDT",
    }
}

/// An instant written out.
fn instant(at: Micros) -> String {
    at.to_string()
}

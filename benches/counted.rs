//! The hot loops, each alone and as often as asked, for [`count`](../benches/count) to count what they cost:
//! `counted LOOP TIMES`.
//!
//! Nothing here is timed. A loop does the same work each time it is run: no seed but a fixed one, no clock where none is
//! needed. Everything that does not belong to the loop is prepared for the most times that are ever asked, so that it is
//! the same however often the loop runs, and falls out of the difference of two runs.

#[path = "counted/append.rs"]
mod append;
#[path = "counted/book.rs"]
mod book;
#[path = "live/bound.rs"]
#[allow(dead_code, reason = "the bound is not counted")]
mod bound;
#[path = "counted/candles.rs"]
mod candles;
#[path = "live/cases.rs"]
#[allow(dead_code, reason = "one of them is counted")]
mod cases;
#[path = "common/mod.rs"]
#[allow(dead_code, reason = "nothing of it is timed here")]
mod common;
#[path = "counted/pages.rs"]
mod pages;
#[path = "counted/scrape.rs"]
mod scrape;
#[path = "live/server.rs"]
mod server;
#[path = "common/tasks.rs"]
#[allow(dead_code, reason = "other measurements want a fuller store")]
mod stored_tasks;
#[path = "counted/tasks.rs"]
mod tasks;
#[path = "counted/trade.rs"]
mod trade;
#[path = "live/whole.rs"]
#[allow(dead_code, reason = "memory is not counted")]
mod whole;
#[path = "../tests/conformance/live/written.rs"]
#[allow(dead_code, reason = "only trades are counted")]
mod written;

use std::alloc::System;
use std::path::Path;

use dccd::store::{Layout, Store, StoreSettings};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A loop: its name, what it does once, and the two numbers of times whose difference is counted. The second is the most
/// that is ever asked.
struct Loop {
    name: &'static str,
    item: &'static str,
    times: [usize; 2],
    /// How often each is counted; the least is taken. Threads do not always meet at the same place.
    counts: usize,
    run: fn(usize),
}

const PAGE: &str = "page of 1000 candles";

const LOOPS: [Loop; 9] = [
    Loop { name: "decode", item: PAGE, times: [16, 64], counts: 1, run: pages::decode },
    Loop { name: "publish", item: PAGE, times: [32, 96], counts: 1, run: pages::publish },
    Loop { name: "walk", item: PAGE, times: [16, 112], counts: 1, run: pages::walk },
    Loop { name: "accept", item: PAGE, times: [16, 112], counts: 1, run: pages::accept },
    Loop { name: "append", item: "candle", times: [20, 240], counts: 1, run: append::append },
    Loop { name: "scrape", item: "scrape of 2000 samples", times: [2, 8], counts: 1, run: scrape::scrape },
    Loop { name: "claim", item: "task", times: [20, 120], counts: 3, run: tasks::claim },
    Loop { name: "trade", item: "trade", times: [5_120, 20_480], counts: 3, run: trade::socket },
    Loop { name: "book", item: "update of 10 levels", times: [1_024, 4_096], counts: 1, run: book::update },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    match words.first().map(String::as_str) {
        Some(server::SERVE) => server::serve(number(1) as usize, number(2)),
        Some(name) if LOOPS.iter().any(|own| own.name == name) => {
            let own = LOOPS.iter().find(|own| own.name == name).expect("it is one of them");
            (own.run)(number(1) as usize);
            let used = ALLOCATIONS.stats();
            println!("allocations {}", used.allocations + used.reallocations);
            println!("bytes {}", used.bytes_allocated);
        }
        // As the names and numbers that `benches/count` asks with.
        _ => LOOPS.iter().for_each(|own| {
            println!("{} {} {} {} {}", own.name, own.times[0], own.times[1], own.counts, own.item);
        }),
    }
}

/// The most times a loop is run.
fn most(name: &str) -> usize {
    LOOPS.iter().find(|own| own.name == name).expect("it is one of them").times[1]
}

/// A store in an empty folder.
fn open(folder: &Path) -> Store {
    let settings = StoreSettings::of(7, common::BEGIN);
    Store::open(&Layout::new(folder), settings).expect("an empty folder").0
}

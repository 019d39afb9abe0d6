//! How long `dccd book --at` takes in a day of five million updates of ten levels each: the whole command, and the
//! reading alone.
//!
//! The day is written by the store as a live session would, with a whole book of a hundred levels a side each hour. An
//! instant just before a whole book is the worst: an hour of updates has to be read for it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use dccd::engine::book::StoredBook;
use dccd::model::{Batch, BookLevel, Kind, Micros, Series, Side, Window};
use dccd::store::{Accepted, Layout, Store, StoreSettings};

const SERIES: &str = "binance/BTC-USDT/orderbook";
const UPDATES: i64 = 5_000_000;
/// Levels that an update changes, and those of each side of a whole book.
const CHANGED: i64 = 10;
const DEPTH: i64 = 100;
/// Updates between two hand-overs to the store.
const BURST: i64 = 50_000;

/// 2025-06-15 00:00 UTC.
const DAY: i64 = 1_749_945_600_000_000;
const DAY_MICROS: i64 = 86_400_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;
const BETWEEN: i64 = DAY_MICROS / UPDATES;

const GOAL_SECS: f64 = 0.3;

pub(crate) fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let began = Instant::now();
    write(&Layout::new(&data));
    let config = folder.path().join("config.yml");
    let text = format!(
        "settings: {{data_path: {}}}\nhisto_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], span: 3600}}\n",
        data.display()
    );
    fs::write(&config, text).expect("the folder can be written");
    println!("{UPDATES} updates of {CHANGED} levels written in {:.0} s", began.elapsed().as_secs_f64());

    let book = StoredBook::new(&data, &SERIES.parse().expect("a series")).expect("a book");
    let worst = (1..=12).map(|hour| DAY + 2 * hour * HOUR_MICROS - 1);
    let anywhere = (1..=12).map(|place| DAY + place * 6_789_012_345);
    for (name, instants) in
        [("before a whole book", worst.collect::<Vec<_>>()), ("anywhere", anywhere.collect())]
    {
        let alone = instants.iter().map(|at| timed(|| drop(book.as_of(Micros(*at)).expect("it is covered"))));
        let (median, slowest) = ends(alone.collect());
        println!("{name:<22} read alone:      median {median:.3} s, slowest {slowest:.3} s");
        let whole = instants.iter().map(|at| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
            command.arg("--config").arg(&config).args(["book", SERIES, "--at"]).arg(Micros(*at).to_string());
            timed(|| assert!(command.stdout(Stdio::null()).status().expect("it runs").success()))
        });
        let (median, slowest) = ends(whole.collect());
        let met = if slowest <= GOAL_SECS { "met" } else { "missed" };
        println!(
            "{name:<22} the command:     median {median:.3} s, slowest {slowest:.3} s (at most {GOAL_SECS}: {met})"
        );
    }
}

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

/// The median and the highest.
fn ends(mut secs: Vec<f64>) -> (f64, f64) {
    secs.sort_by(f64::total_cmp);
    (secs[secs.len() / 2], secs[secs.len() - 1])
}

/// Writes the day.
fn write(layout: &Layout) {
    let series: Series = SERIES.parse().expect("a series");
    let (store, _) = Store::open(layout, StoreSettings::of(7, Micros(DAY))).expect("a data path");
    let (writer, _) = store.writer(&series).expect("a writer");
    for first in (0..UPDATES).step_by(BURST as usize) {
        let mut rows = Batch::of(Kind::OrderBook);
        (first..UPDATES.min(first + BURST)).for_each(|number| update(&mut rows, number));
        writer.accept_live(rows, None).expect("it is accepted");
        if (first / BURST) % 5 == 4 {
            writer.flush().expect("it is published");
        }
    }
    let covered = Window::new(Micros(DAY), Micros(DAY + DAY_MICROS));
    let none = Batch::of(Kind::OrderBook);
    writer.accept(Accepted { rows: none, covered, empty: None, derived: false }).expect("it is accepted");
    writer.flush().expect("it is published");
}

fn update(rows: &mut Batch, number: i64) {
    let ts = DAY + number * BETWEEN;
    let is_whole = number == 0 || ts / HOUR_MICROS != (ts - BETWEEN) / HOUR_MICROS;
    let levels = if is_whole { 2 * DEPTH } else { CHANGED };
    for level in 0..levels {
        let is_bid = level < levels / 2;
        let place = level % (levels / 2);
        // Each place once an update; most are near the best.
        let away = if is_whole { place } else { (number * 7 + place * place * 3) % (DEPTH / 5) + place * 20 };
        let cents = if is_bid { 6_000_000 - away } else { 6_000_001 + away };
        rows.book_mut().push(BookLevel {
            ord: number,
            ts: Micros(ts),
            ts_recv: Micros(ts + 1_500 + number % 700),
            seq: Some(3 * number),
            is_snapshot: is_whole,
            side: if is_bid { Side::Bid } else { Side::Ask },
            price: cents as f64 / 100.0,
            amount: ((number * 2_654_435 + level * 97) % 1_000_003 + 1) as f64 / 1e5,
            count: None,
        });
    }
}

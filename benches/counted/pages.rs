//! Pages of a backfill: read into rows, published, walked through, accepted.

use std::hint::black_box;

use dccd::exchange::{Answer, Parsed, Walk};
use dccd::model::{Batch, Kind, Micros};
use dccd::store::{Accepted, Writer};

use crate::candles::{PAGE_ROWS, body, page, rows, series, window};
use crate::common::{exchange, instrument};
use crate::{most, open};

/// Names a waste that is planted into the reading of each page, to show that it is found: `copy` of the page, or `allocations`,
/// one a row.
const PLANTED: &str = "DCCD_PLANTED";

/// Pages between two publishes. A backfill publishes 131 at a time; fewer take less time to count.
const PUBLISH_PAGES: usize = 32;

/// Reads pages into rows.
pub(crate) fn decode(times: usize) {
    let (bodies, planted) = (bodies("decode"), std::env::var(PLANTED).unwrap_or_default());
    for (number, body) in bodies.iter().enumerate().take(times) {
        let (rows, _) = black_box(parse(number as i64, body));
        match planted.as_str() {
            "copy" => drop(black_box(body.clone())),
            "allocations" => rows.ts().iter().for_each(|ts| drop(black_box(Box::new(*ts)))),
            _ => {}
        }
    }
}

/// Reads pages, accepts them, and publishes them as a backfill does.
pub(crate) fn publish(times: usize) {
    let bodies = bodies("publish");
    let folder = tempfile::tempdir().expect("a folder");
    let writer = writer(folder.path());
    let mut added = 0;
    for (number, body) in bodies.iter().enumerate().take(times) {
        let (rows, _) = parse(number as i64, body);
        take(&writer, rows, number as i64);
        if (number + 1) % PUBLISH_PAGES == 0 {
            added += writer.flush().expect("it is published").tally.added;
        }
    }
    assert_eq!(added, times as u64 * PAGE_ROWS as u64, "each row once");
}

/// Walks from page to page: what to ask, and what each answer proves. Answers were read before.
pub(crate) fn walk(times: usize) {
    let most = most("walk");
    let mut answers = Vec::with_capacity(most);
    go(most, |number, page| {
        let from = minute(page.window.from);
        let body = body(from..from + PAGE_ROWS);
        answers.push(parse_as(page, &body));
        let (rows, parsed) = &answers[number];
        (rows.clone(), parsed.clone())
    });
    let mut answers = answers.into_iter();
    go(times, |_, page| {
        black_box(exchange().request(page));
        answers.next().expect("it was asked before")
    });
}

fn go(times: usize, mut answer: impl FnMut(usize, &dccd::exchange::Page) -> (Batch, Parsed)) {
    let series = series();
    let offer = exchange().offer_for(&series).expect("it is offered");
    let whole = window(0..most("walk") as i64 * 2 * PAGE_ROWS);
    let mut walk = Walk::new(series.clone(), instrument(&series), offer, whole, whole.until, whole.until);
    let mut known = None;
    for number in 0..times {
        let page = walk.next().expect("there is more");
        let (rows, parsed) = answer(number, &page);
        let step = walk.take(rows, parsed, known).expect("it is what was asked");
        let ts = step.rows.ts();
        let newest = ts.last().copied().map(Micros);
        known = newest.map(|newest| (known.map_or(Micros(ts[0]), |(oldest, _)| oldest), newest));
        black_box(step);
    }
}

/// Accepts pages into the journal.
pub(crate) fn accept(times: usize) {
    let pages: Vec<Batch> = (0..most("accept") as i64).map(|number| rows(minutes(number))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let writer = writer(folder.path());
    for (number, rows) in pages.into_iter().enumerate().take(times) {
        take(&writer, rows, number as i64);
    }
}

fn bodies(name: &str) -> Vec<Vec<u8>> {
    (0..most(name) as i64).map(|number| body(minutes(number))).collect()
}

fn minutes(number: i64) -> std::ops::Range<i64> {
    number * PAGE_ROWS..(number + 1) * PAGE_ROWS
}

fn minute(open: Micros) -> i64 {
    (open.0 - crate::common::BEGIN.0) / 60_000_000
}

fn parse(number: i64, body: &[u8]) -> (Batch, Parsed) {
    parse_as(&page(number), body)
}

fn parse_as(page: &dccd::exchange::Page, body: &[u8]) -> (Batch, Parsed) {
    let mut rows = Batch::of(Kind::Ohlc);
    let parsed = exchange().parse(page, &Answer::of(body, Micros(0)), &mut rows).expect("a page of candles");
    assert_eq!(rows.len(), PAGE_ROWS as usize);
    (rows, parsed)
}

fn writer(folder: &std::path::Path) -> Writer {
    open(folder).writer(&series()).expect("an empty series").0
}

fn take(writer: &Writer, rows: Batch, number: i64) {
    let covered = Some(window(minutes(number)));
    let page = Accepted { rows, covered, empty: None, derived: false };
    writer.accept(page).expect("it is journalled");
}

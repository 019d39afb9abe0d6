//! How fast each exchange's pages become rows, beside the same bytes read by `serde_json` into typed tuples.
//!
//! Pages are recorded ones where there are, else those written by hand; without white space and with their
//! rows repeated up to a full page, each at a time, with an id or at a price of its own, as they come over the wire.
//! The other side reads every field we keep as the number it is, checks nothing and keeps instants that are written
//! out as text.

#[path = "decode/book.rs"]
mod book;
#[path = "decode/wire.rs"]
mod wire;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd::exchange::{Answer, Ask, Contract, Decimal, Exchange, History, Instrument, Page, find};
use dccd::model::{Batch, Market, Micros, Series, Window};

use crate::columns::Columns;
use crate::common::{fixtures, median, timed};
use wire::{CASES, Case};

/// How often both sides are measured in turn, and for how long each time.
const ROUNDS: usize = 9;
const ROUND_SECS: f64 = 0.02;

/// The share of the other side's speed that is to be reached.
const GOAL: f64 = 0.6;

pub(crate) fn main() {
    println!("{:<40} {:>6} {:>8} {:>8} {:>8} {:>6}", "page", "rows", "bytes", "ours", "bound", "share");
    let mut low = Vec::new();
    // Filters series by a part of their name, as in `cargo bench --bench parts -- decode coinbase`.
    let wanted: Vec<String> = std::env::args().skip(2).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |case: &&Case| wanted.is_empty() || wanted.iter().any(|word| case.series.contains(word));
    for case in CASES.iter().filter(is_wanted) {
        let Some(body) = body(case) else {
            println!("{:<40} no {}", case.series, case.file);
            continue;
        };
        let (rows, ours, bound) = measure(case, &body);
        let share = ours / bound;
        let rate = |bodies: f64| bodies * rows as f64 / 1e6;
        println!(
            "{:<40} {rows:>6} {:>8} {:>8.2} {:>8.2} {share:>6.2}",
            case.series,
            body.len(),
            rate(ours),
            rate(bound)
        );
        if share < GOAL {
            low.push(case.series);
        }
    }
    println!("ours and bound in millions of rows a CPU second; below {GOAL}: {low:?}");
}

/// Rows of a page, and the pages a second of both sides.
fn measure(case: &Case, body: &[u8]) -> (usize, f64, f64) {
    let (exchange, page) = page(case.series);
    let ours = || {
        let mut rows = Batch::of(page.series.kind());
        let answer = Answer::of(black_box(body), Micros::from_secs(1_750_000_000));
        exchange.parse(&page, &answer, &mut rows).expect("a page");
        rows.len()
    };
    let bound = || (case.bound)(black_box(body));
    let rows = ours();
    let times = (ROUND_SECS / timed(ours).1.max(1e-6)).ceil() as usize;
    let pages = |secs: f64| times as f64 / secs;
    let mut both = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        both.0.push(pages(
            timed(|| {
                (0..times).for_each(|_| {
                    black_box(ours());
                })
            })
            .1,
        ));
        both.1.push(pages(timed(|| (0..times).for_each(|_| bound())).1));
    }
    (rows, median(both.0), median(both.1))
}

/// The largest page of a series, as a walk asks for it.
fn page(series: &str) -> (&'static dyn Exchange, Page) {
    let series: Series = series.parse().expect("a series");
    let exchange = find(series.exchange()).expect("it is registered");
    let offer = exchange.offer_for(&series).expect("it is offered");
    let ask = if offer.history == History::Now { Ask::Now } else { Ask::ByTime };
    let counts_dollars = exchange.name() == "binancecoinm";
    let contract =
        if counts_dollars { Contract::Quote(Decimal::whole(100)) } else { Contract::Base(Decimal::ONE) };
    let contract = (series.pair().market() != Market::Spot).then_some(contract);
    let instrument = Instrument { contract, ..Instrument::named(exchange.symbol(series.pair())) };
    let window = Window::new(Micros::OLDEST, Micros::from_secs(1_750_000_000)).expect("it has a length");
    let rows = offer.page_rows;
    (exchange, Page { series: Arc::new(series), instrument: Arc::new(instrument), window, ask, rows })
}

/// A body with its rows repeated up to a full page.
fn body(case: &Case) -> Option<Vec<u8>> {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let file: PathBuf = match case.file.strip_prefix("by hand: ") {
        Some(file) => written.join(file),
        None => fixtures().join(case.file),
    };
    let body = std::fs::read(file).ok()?;
    let (_, page) = page(case.series);
    let (series, rows) = (&page.series, page.rows as usize);
    let full = match Columns::of(series.exchange(), series.kind()) {
        Some(columns) => {
            let span = series.span().map_or(1, |span| i64::from(span.secs()));
            columns.fill(&body, rows, span * 1_000_000)
        }
        None => book::fill(&body, rows),
    };
    Some(full.to_string().into_bytes())
}

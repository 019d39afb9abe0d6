//! How fast pages become rows and rows become files, beside what the bare crates need for the same.

#[path = "common/bound.rs"]
mod bound;
#[path = "common/mod.rs"]
mod common;

use std::alloc::System;
use std::path::Path;
use std::sync::Arc;

use dccd::exchange::Answer;
use dccd::model::{Batch, Kind, Micros, Series};
use dccd::store::{Accepted, Layout, Store, StoreSettings, Writer};
use parquet::basic::{Compression, ZstdLevel};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use bound::Plain;
use common::{BEGIN, Fetched, exchange, kline_pages, median, timed};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PAGES: usize = 1_000;
const ROUNDS: usize = 3;
/// A run publishes when so many rows wait.
const PUBLISH_ROWS: usize = 131_072;

fn main() {
    let series: Arc<Series> = Arc::new("binance/BTC-USDT/ohlc/1m".parse().expect("a series"));
    let pages = kline_pages(&series, PAGES);
    let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
    let rows = PAGES as f64 * 1_000.0;
    println!(
        "decode and publish: {rows} candles, {:.0} bytes of JSON a row, CPU seconds",
        bytes as f64 / rows
    );

    let decode = middle(|| timed(|| pages.iter().for_each(|page| drop(parse(page)))).1);
    let publish = middle(|| timed(|| backfill(&series, &pages)).1);
    let snappy = middle(|| bare(&pages, Compression::SNAPPY));
    let zstd = middle(|| bare(&pages, Compression::ZSTD(ZstdLevel::default())));
    let rate = |secs: f64| rows / secs / 1e6;
    println!("  decoded into batches                {decode:6.3} s {:6.2} M rows/s", rate(decode));
    println!("  decoded and published               {publish:6.3} s {:6.2} M rows/s", rate(publish));
    println!("  bound: serde_json + snappy plain    {snappy:6.3} s {:6.2} M rows/s", rate(snappy));
    println!("  bound: serde_json + zstd 1 plain    {zstd:6.3} s {:6.2} M rows/s", rate(zstd));
    println!(
        "  published / bound: {:.0} % of snappy, {:.0} % of zstd 1",
        100.0 * snappy / publish,
        100.0 * zstd / publish
    );
    println!("figure bound {:.0} rows/s", rows / snappy);

    allocations(&pages);
}

fn parse(page: &Fetched) -> Batch {
    let mut rows = Batch::of(Kind::Ohlc);
    let answer = Answer::of(&page.body, Micros(0));
    exchange().parse(&page.page, &answer, &mut rows).expect("a page of candles");
    rows
}

/// Parses, accepts and publishes as a backfill does.
fn backfill(series: &Series, pages: &[Fetched]) {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = open(folder.path(), series);
    let mut stored = 0;
    for page in pages {
        let rows = parse(page);
        let page = Accepted { rows, covered: Some(page.page.window), empty: None, derived: false };
        writer.accept(page).expect("it is journalled");
        if writer.waiting_rows() >= PUBLISH_ROWS {
            stored += writer.flush().expect("it is published").tally.added;
        }
    }
    stored += writer.flush().expect("it is published").tally.added;
    assert_eq!(stored, pages.len() as u64 * 1_000);
}

fn open(folder: &Path, series: &Series) -> Writer {
    let settings = StoreSettings::of(7, BEGIN);
    let (store, _) = Store::open(&Layout::new(folder), settings).expect("an empty folder");
    store.writer(series).expect("an empty series").0
}

fn bare(pages: &[Fetched], compression: Compression) -> f64 {
    let (file, secs) = timed(|| {
        let mut plain = Plain::default();
        pages.iter().for_each(|page| plain.decode(&page.body));
        assert_eq!(plain.len(), pages.len() * 1_000);
        plain.encode(compression)
    });
    assert!(!file.is_empty());
    secs
}

fn middle(measure: impl FnMut() -> f64) -> f64 {
    median(std::iter::repeat_with(measure).take(ROUNDS).collect())
}

/// The memory that parsing allocates.
fn allocations(pages: &[Fetched]) {
    let region = Region::new(ALLOCATIONS);
    pages.iter().for_each(|page| drop(parse(page)));
    let change = region.change();
    let calls = (change.allocations + change.reallocations) as f64;
    println!(
        "  allocations while decoding: {:.3} a row, {:.1} a page of 1000 ({} bytes a page)",
        calls / (pages.len() as f64 * 1_000.0),
        calls / pages.len() as f64,
        change.bytes_allocated / pages.len(),
    );
}

//! Rows that are set aside, on the disk that loses whatever was not synced.

use std::sync::Arc;

use super::disk::ModelDisk;
use super::guard::Guard;
use super::world::Fault;
use crate::disk::Disk;
use crate::model::{Batch, Candle, Kind, Micros, OddFault, OddRow, Series, Window};
use crate::store::ledger::Read;
use crate::store::set_aside::rows_on;
use crate::store::{Accepted, Layout, Ledger, Store, StoreError, StoreSettings, Writer};

const HOUR: i64 = 3_600_000_000;
/// More operations than the pages of a case take.
const OPERATIONS: u64 = 150;

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// Pages are accepted before their odd rows are set aside.
    Order,
    Left(Guard),
}

#[test]
fn a_text_is_there_whenever_coverage_passed_over_its_row_wherever_the_process_ends() {
    let failed = all_ends(Mistake::None, 6);
    assert_eq!(failed, None, "\n{}", failed.as_deref().unwrap_or_default());
}

#[test]
fn a_text_set_aside_too_late_or_not_made_durable_is_noticed() {
    let mistakes = [
        Mistake::Order,
        Mistake::Left(Guard::SetAside),
        Mistake::Left(Guard::SetAsideName),
        Mistake::Left(Guard::JournalFolder),
    ];
    for mistake in mistakes {
        let told = all_ends(mistake, 40).unwrap_or_else(|| panic!("nothing notices {mistake:?}"));
        println!("{mistake:?}: {told}");
    }
}

/// Ends the process, with and without the power, at every operation; the first loss that is found.
fn all_ends(mistake: Mistake, seeds: u64) -> Option<String> {
    let cases = (0..seeds).flat_map(|seed| (0..OPERATIONS).map(move |after| (seed, after)));
    cases.into_iter().find_map(|(seed, after)| {
        let lost = end_after(mistake, seed, after).err()?;
        Some(format!("seed {seed}, ended after {after} operations: {lost}"))
    })
}

fn end_after(mistake: Mistake, seed: u64, after: u64) -> Result<(), String> {
    let without = if let Mistake::Left(guard) = mistake { Some(guard) } else { None };
    let disk = ModelDisk::new(seed * 1_000 + after, without);
    if after > 0 {
        disk.plan(after, Fault::Death);
    }
    let ended = collect(&disk, mistake);
    if ended.is_err() && seed.is_multiple_of(3) {
        // The process alone ends first; the next one finds names that are seen and not yet durable.
        disk.revive();
        let again = collect(&disk, mistake);
        again.map_err(|error| format!("the next process failed: {error}"))?;
    }
    disk.cut_power();
    let (layout, series) = place();
    let held = rows_on(&disk, &layout, &series).map_err(|error| error.to_string())?;
    let store = open(&disk).map_err(|error| error.to_string())?;
    let (writer, _) = store.writer(&series).map_err(|error| error.to_string())?;
    let path = layout.ledger(&series);
    let read = Ledger::look(&disk, &path, &series).map_err(|error| error.to_string())?;
    let mut settled = writer.settled();
    if let Read::Ledger(ledger) = read {
        settled.add_all(&ledger.settled());
    }
    for page in 0..PAGES {
        let passed_over = settled.holds(Micros(page * HOUR));
        let texts = held.rows.iter().filter(|row| row.text == text(page)).count();
        if (passed_over && texts == 0) || texts > 1 || held.damaged > 0 {
            let list = disk.list(&layout.quarantine().join("rows"));
            return Err(format!(
                "page {page} is covered: {passed_over}, its text is there {texts} times, {list:?}"
            ));
        }
    }
    Ok(())
}

const PAGES: i64 = 3;

/// Three pages, each of which has a row that cannot be true; every one is published.
fn collect(disk: &ModelDisk, mistake: Mistake) -> Result<(), StoreError> {
    let store = open(disk)?;
    let (writer, _) = store.writer(&place().1)?;
    for page in 0..PAGES {
        if mistake == Mistake::Order {
            accept(&writer, page)?;
            store.sync()?;
        }
        let row = OddRow::new(OddFault::Contradiction, "its high is below its low", &text(page), None);
        writer.set_aside(&[row], Micros(page))?;
        if mistake != Mistake::Order {
            accept(&writer, page)?;
            store.sync()?;
        }
    }
    writer.flush().map(drop)
}

/// The text of a page's odd row, longer than a block of the disk.
fn text(page: i64) -> String {
    format!("[{page}, \"{}\"]", "9".repeat(700))
}

fn accept(writer: &Writer, page: i64) -> Result<(), StoreError> {
    let mut rows = Batch::of(Kind::Ohlc);
    let ts = Micros(page * HOUR + HOUR / 2);
    rows.candles_mut().push(Candle {
        ts,
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: 1.0,
        quote_volume: None,
        trades: None,
    });
    let covered = Window::new(Micros(page * HOUR), Micros((page + 1) * HOUR));
    writer.accept(Accepted { rows, covered, empty: None, derived: false }).map(drop)
}

fn open(disk: &ModelDisk) -> Result<Store, StoreError> {
    let (store, _) = Store::on(Arc::new(disk.clone()), &place().0, StoreSettings::of(7, Micros(0)))?;
    Ok(store)
}

fn place() -> (Layout, Series) {
    (Layout::new("/data"), "binance/BTC-USDT/ohlc/30m".parse().expect("a series"))
}

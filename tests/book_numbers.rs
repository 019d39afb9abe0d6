//! Updates of a book are numbered by their series: over days, restarts, late instants, lost accounts, purges and imports
//! no number is given twice, so no update takes the place of another.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and lose a file on purpose.

use std::fs;

use dccd::model::{Batch, BookLevel, Kind, Micros, Series, Side};
use dccd::store::{
    Accepted, Adoption, Copied, Inheritance, Layout, Ledger, Part, Period, Store, StoreSettings, Verified,
    Writer, scan, verify_series,
};
use tempfile::TempDir;

/// 2024-01-01 00:00 UTC.
const MIDNIGHT: i64 = 1_704_067_200_000_000;
const SECOND: i64 = 1_000_000;

#[test]
fn an_update_whose_time_goes_back_over_midnight_takes_no_number_of_another() {
    let home = Home::new();
    let store = home.store(1);
    let (writer, _) = store.writer(&home.series).unwrap();
    for seconds in [[-2, -1], [0, 1], [-1, 2]] {
        seconds.into_iter().for_each(|second| take(&writer, second));
        writer.flush().unwrap();
    }
    take(&writer, 3);
    writer.flush().unwrap();

    assert_eq!(home.stored(), [(0, -2), (1, -1), (4, -1), (2, 0), (3, 1), (5, 2), (6, 3)]);
    assert_eq!(writer.ledger().rows(), 14);
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), []);
}

#[test]
fn updates_of_both_days_in_one_publish_are_all_stored_wherever_it_is_cut_short() {
    let home = Home::new();
    let store = home.store(1);
    let (writer, _) = store.writer(&home.series).unwrap();
    [1, -1, 2].into_iter().for_each(|second| take(&writer, second));
    writer.flush().unwrap();
    let expected = [(1, -1), (0, 1), (2, 2)];
    assert_eq!(home.stored(), expected);
    // Whatever a file says of the journal is true of all of its rows: replayed with any of the files gone, all are there.
    drop(writer);
    for lost in [&["2023-12-31.parquet"][..], &["2024-01-01.parquet"], &[]] {
        let again = Home::new();
        let store = again.store(1);
        let (writer, _) = store.writer(&again.series).unwrap();
        [1, -1, 2].into_iter().for_each(|second| take(&writer, second));
        store.sync().unwrap();
        let frames: Vec<_> =
            fs::read_dir(again.layout.journal()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let frames: Vec<_> = frames.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        writer.flush().unwrap();
        drop(writer);
        std::mem::forget(store);
        // The process ended before the ledger spoke of the files, and before some of them had their names.
        fs::remove_file(again.layout.ledger(&again.series)).unwrap();
        lost.iter().for_each(|name| fs::remove_file(again.layout.folder(&again.series).join(name)).unwrap());
        frames.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());

        drop(again.store(2));

        assert_eq!(again.stored(), expected, "without {lost:?}");
    }
}

#[test]
fn the_mark_survives_a_restart_and_a_lost_ledger() {
    let home = Home::new();
    {
        let store = home.store(1);
        let (writer, _) = store.writer(&home.series).unwrap();
        [0, 1, 2, -1].into_iter().for_each(|second| take(&writer, second));
        writer.flush().unwrap();
    }
    assert_eq!(home.next(2), 4);
    assert_eq!(home.ledger().last_ord, Some(3));

    fs::remove_file(home.layout.ledger(&home.series)).unwrap();
    assert_eq!(home.next(3), 4, "the footers of all days were read");
}

#[test]
fn what_waits_in_the_journal_counts_also_after_a_restart() {
    let home = Home::new();
    let store = home.store(1);
    let (writer, _) = store.writer(&home.series).unwrap();
    take(&writer, 0);
    take(&writer, -1);
    assert_eq!(writer.next_ord(), 2);
    store.sync().unwrap();
    drop(writer);
    std::mem::forget(store);

    assert_eq!(home.next(2), 2);
}

#[test]
fn the_mark_is_not_lost_with_days_that_are_on_remotes_only() {
    let home = Home::new();
    let store = home.store(1);
    let (writer, _) = store.writer(&home.series).unwrap();
    // The highest number is in the older day.
    [0, 1, -1].into_iter().for_each(|second| take(&writer, second));
    writer.flush().unwrap();
    drop(writer);
    let (period, part) = ("2023-12-31".to_owned(), Part::File);
    let sha256 = home.ledger().files[&period].sha256.clone();
    let files = vec![Verified { period: period.clone(), part, sha256: sha256.clone() }];
    store.copied(&home.series, Copied { remote: "nas".into(), files, ..Copied::default() }).unwrap();
    assert!(store.drop_copied(&home.series, &period, &sha256).unwrap().is_some());

    assert_eq!(store.writer(&home.series).unwrap().0.next_ord(), 3);
}

#[test]
fn a_new_owner_goes_on_behind_whatever_the_series_had_here_or_there() {
    for (theirs, ours, expected) in [(40, 0, 41), (3, 12, 12)] {
        let home = Home::new();
        let store = home.store(1);
        let (writer, _) = store.writer(&home.series).unwrap();
        (0..ours).for_each(|second| take(&writer, second));
        drop(writer);
        let folder = home.layout.own().join("came");
        fs::create_dir_all(&folder).unwrap();
        let ledger = Ledger { fence: 2, last_ord: Some(theirs), ..Ledger::default() };

        store.inherit(&home.series, &Inheritance { folder, ledger }).unwrap();

        assert_eq!(store.writer(&home.series).unwrap().0.next_ord(), expected);
    }
}

#[test]
fn imported_books_go_before_every_number_held_and_the_series_goes_on_behind_them() {
    let home = Home::new();
    {
        let store = home.store(1);
        let (writer, _) = store.writer(&home.series).unwrap();
        // The lowest number is not in the oldest day.
        [0, 1, -1].into_iter().for_each(|second| take(&writer, second));
        writer.flush().unwrap();
    }
    let mut adoption = Adoption::open(&home.layout, &home.series).unwrap();
    let rows =
        [book(7, -86_400), book(8, -86_399)].iter().fold(Batch::of(Kind::OrderBook), |mut all, rows| {
            all.take_all(rows);
            all
        });
    let period = Period::of(Kind::OrderBook, Micros(MIDNIGHT - 86_400 * SECOND));

    adoption.publish(&period, rows, false).unwrap();
    adoption.write_ledger().unwrap();

    let stored = home.stored();
    assert_eq!(stored, [(-2, -86_400), (-1, -86_399), (2, -1), (0, 0), (1, 1)]);
    assert_eq!(home.next(2), 3);
}

#[test]
fn a_series_whose_first_books_were_imported_goes_on_from_0() {
    let home = Home::new();
    let mut adoption = Adoption::open(&home.layout, &home.series).unwrap();
    let period = Period::of(Kind::OrderBook, Micros(MIDNIGHT));
    adoption.publish(&period, book(0, 5), false).unwrap();
    adoption.write_ledger().unwrap();

    assert_eq!((home.stored(), home.next(1)), (vec![(-1, 5)], 0));
}

/// A data path with one book.
struct Home {
    _folder: TempDir,
    layout: Layout,
    series: Series,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let layout = Layout::new(folder.path());
        Home { layout, _folder: folder, series: "binance/BTC-USDT/orderbook".parse().unwrap() }
    }

    fn store(&self, journal: u64) -> Store {
        Store::open(&self.layout, StoreSettings::of(journal, Micros(MIDNIGHT))).unwrap().0
    }

    /// The next number a process gives that has just begun.
    fn next(&self, journal: u64) -> i64 {
        self.store(journal).writer(&self.series).unwrap().0.next_ord()
    }

    fn ledger(&self) -> Ledger {
        Ledger::read(&self.layout.ledger(&self.series), &self.series).unwrap().unwrap()
    }

    /// Each update, in the order it is read: its number, and the second it is of.
    fn stored(&self) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        for rows in scan(&self.layout, &self.series, None, None).unwrap() {
            let rows = rows.unwrap();
            let levels = (0..rows.len()).map(|row| rows.book().get(row));
            found.extend(levels.map(|level| (level.ord, (level.ts.0 - MIDNIGHT).div_euclid(SECOND))));
        }
        assert!(found.chunk_by(|a, b| a == b).all(|update| update.len() == 2), "two levels each: {found:?}");
        found.dedup();
        found
    }
}

/// Has one update accepted, numbered as a run numbers it.
fn take(writer: &Writer, second: i64) {
    let rows = book(writer.next_ord(), second);
    writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
}

fn book(ord: i64, second: i64) -> Batch {
    let mut rows = Batch::of(Kind::OrderBook);
    for side in [Side::Bid, Side::Ask] {
        let ts = Micros(MIDNIGHT + second * SECOND);
        rows.book_mut().push(BookLevel {
            ord,
            ts,
            ts_recv: ts,
            seq: None,
            is_snapshot: true,
            side,
            price: 5.0,
            amount: 1.0,
            count: None,
        });
    }
    rows
}

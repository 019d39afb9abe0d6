//! A tree of before open files were named `YYYY_open.parquet`: it can be read as it is, is renamed when it is opened, and
//! nothing of it is lost.
//!
//! `tree/` was written by the code of 2026-11-22 with `small_rows` of 4: hours of two years, days whose last fold was cut
//! short after its first step, trades of which some are in the journal alone, and a book whose last update went back over
//! midnight.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write a broken file on purpose.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dccd::model::{Batch, BookLevel, Kind, Micros, Series, Side, Window};
use dccd::store::{
    Accepted, Bounds, FindingKind, Layout, Ledger, Opened, Replay, Store, StoreSettings, open_period_file,
    scan, verify_series,
};
use tempfile::TempDir;

/// 2024-01-01 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200_000_000;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const OLDER: &str = ".open.parquet";

#[test]
fn an_older_tree_can_be_read_as_it_is() {
    let tree = Tree::new();
    for series in tree.layout.series() {
        assert_eq!(tree.faults(&series), 0, "{series}");
    }
    assert_eq!(tree.read(&tree.hours), hours());
    assert_eq!(tree.read(&tree.days), days());
    assert_eq!(tree.read(&tree.trades), trades(24));
    assert_eq!(tree.older_names().len(), 5);
}

#[test]
fn an_older_tree_is_renamed_when_it_is_opened_and_nothing_of_it_is_lost() {
    let tree = Tree::new();

    let (store, replay) = tree.open();

    assert_eq!(tree.older_names(), Vec::<String>::new());
    let renamed = replay.findings.iter().filter(|(_, finding)| finding.kind == FindingKind::Renamed);
    assert_eq!(renamed.count(), 5);
    let is_harm = |kind: FindingKind| matches!(kind, FindingKind::Quarantined | FindingKind::Missing);
    assert!(!replay.findings.iter().any(|(_, finding)| is_harm(finding.kind)), "{:?}", replay.findings);
    for series in tree.layout.series() {
        assert_eq!(tree.faults(&series), 0, "{series}");
        let (writer, findings) = store.writer(&series).unwrap();
        assert_eq!(findings, [], "{series}: once is enough");
        let ledger = Ledger::read(&tree.layout.ledger(&series), &series).unwrap().unwrap();
        assert!(!ledger.is_older && ledger == *writer.ledger(), "{series}");
    }
    assert_eq!(tree.read(&tree.hours), hours());
    assert_eq!(tree.read(&tree.days), days());
    assert_eq!(tree.read(&tree.trades), trades(26));
    let covered = |series: &Series| store.writer(series).unwrap().0.ledger().covered.clone();
    let window =
        |from: i64, until: i64| Window::new(Micros(YEAR_2024 + from), Micros(YEAR_2024 + until)).unwrap();
    assert!(covered(&tree.hours).cover(window(-20 * HOUR, 26 * HOUR)));
    assert!(covered(&tree.days).cover(window(0, 15 * 24 * HOUR)));
    assert!(covered(&tree.trades).cover(window(-10 * SECOND, 26 * SECOND)));
}

#[test]
fn in_an_older_tree_the_order_of_names_becomes_the_order_of_time() {
    let tree = Tree::new();
    assert!(!tree.in_the_order_of_names(&tree.hours).is_sorted(), "before");

    drop(tree.open());

    for series in [&tree.hours, &tree.days, &tree.trades] {
        let ts = tree.in_the_order_of_names(series);
        assert!(ts.windows(2).all(|pair| pair[0] < pair[1]), "{series}: {ts:?}");
    }
}

#[test]
fn a_book_of_an_older_tree_goes_on_behind_the_highest_number_of_all_its_days() {
    let tree = Tree::new();
    let (store, _) = tree.open();
    let (writer, _) = store.writer(&tree.book).unwrap();
    assert_eq!(writer.next_ord(), 10, "the update that went back over midnight has 9");

    let mut rows = Batch::of(Kind::OrderBook);
    let ts = Micros(YEAR_2024 - SECOND);
    rows.book_mut().push(BookLevel {
        ord: writer.next_ord(),
        ts,
        ts_recv: ts,
        seq: None,
        is_snapshot: true,
        side: Side::Bid,
        price: 5.0,
        amount: 1.0,
        count: None,
    });
    writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
    writer.flush().unwrap();

    assert_eq!(writer.ledger().rows(), 21);
    assert_eq!(writer.next_ord(), 11);
    assert_eq!(tree.faults(&tree.book), 0);
}

#[test]
fn of_an_open_file_under_both_names_the_newer_one_stands_and_the_other_is_kept_aside() {
    let tree = Tree::new();
    let folder = tree.layout.folder(&tree.hours);
    let (own, older) = (folder.join("2024_open.parquet"), folder.join("2024.open.parquet"));
    let before = fs::read(&older).unwrap();
    drop(tree.open());
    // An older program ran again, or a copy of the file came back.
    fs::write(&older, &before).unwrap();
    let now = fs::read(&own).unwrap();

    let (_, replay) = tree.open();

    assert!(replay.findings.iter().any(|(_, finding)| finding.kind == FindingKind::Quarantined));
    assert_eq!((fs::read(&own).unwrap(), older.exists()), (now, false));
    let aside = tree.layout.quarantine().join("binance__ohlc__BTC-USDT__1h__2024.open.parquet");
    assert_eq!(fs::read(aside).unwrap(), before);
    assert_eq!(tree.read(&tree.hours), hours());
}

#[test]
fn a_file_of_somebody_else_under_an_older_name_is_left_alone() {
    let tree = Tree::new();
    drop(tree.open());
    let foreign = tree.layout.folder(&tree.hours).join("2022.open.parquet");
    let whole = fs::read(tree.layout.folder(&tree.hours).join("2023.parquet")).unwrap();
    let at = whole.windows(5).rposition(|part| part == b"\x04dccd").unwrap();
    let mut bytes = whole.clone();
    bytes[at + 1..at + 5].copy_from_slice(b"tool");
    fs::write(&foreign, &bytes).unwrap();

    let (store, _) = tree.open();

    assert_eq!(store.writer(&tree.hours).unwrap().1, []);
    assert_eq!(fs::read(&foreign).unwrap(), bytes);
}

/// A copy of the older tree.
struct Tree {
    _folder: TempDir,
    layout: Layout,
    hours: Series,
    days: Series,
    trades: Series,
    book: Series,
}

impl Tree {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/older/tree"), folder.path());
        let series = |text: &str| text.parse().unwrap();
        Tree {
            layout: Layout::new(folder.path()),
            _folder: folder,
            hours: series("binance/BTC-USDT/ohlc/1h"),
            days: series("binance/BTC-USDT/ohlc/1d"),
            trades: series("binance/BTC-USDT/trades"),
            book: series("binance/BTC-USDT/orderbook"),
        }
    }

    fn open(&self) -> (Store, Replay) {
        let bounds = Bounds { small_rows: 4, ..Bounds::default() };
        let settings =
            StoreSettings { bounds, ..StoreSettings::drawn(&self.layout, Micros(YEAR_2024), false).unwrap() };
        Store::open(&self.layout, settings).unwrap()
    }

    fn faults(&self, series: &Series) -> usize {
        verify_series(&self.layout, series).unwrap().len()
    }

    /// Every row a reader of ours finds: its instant, and what tells it from others.
    fn read(&self, series: &Series) -> BTreeMap<i64, f64> {
        let mut found = BTreeMap::new();
        let mut last = i64::MIN;
        for rows in scan(&self.layout, series, None, None).unwrap() {
            let rows = rows.unwrap();
            let value = |row: usize| match rows.kind() {
                Kind::Trades => rows.trades().get(row).amount,
                _ => rows.candles().get(row).close,
            };
            for row in 0..rows.len() {
                assert!(rows.ts()[row] > last, "not in order");
                last = rows.ts()[row];
                found.insert(last, value(row));
            }
        }
        found
    }

    /// The instants of every `*.parquet`, one file after the other.
    fn in_the_order_of_names(&self, series: &Series) -> Vec<i64> {
        let folder = self.layout.folder(series);
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        names.sort();
        let rows = |path: &Path| match open_period_file(path, series.kind()).unwrap() {
            Opened::Ours(file) => file.rows().unwrap().ts().to_vec(),
            _ => panic!("{} is not ours", path.display()),
        };
        names.iter().flat_map(|path| rows(path)).collect()
    }

    fn older_names(&self) -> Vec<String> {
        let mut found = Vec::new();
        for series in self.layout.series() {
            for entry in fs::read_dir(self.layout.folder(&series)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                found.extend(name.ends_with(OLDER).then(|| format!("{series}: {name}")));
            }
        }
        found
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn hours() -> BTreeMap<i64, f64> {
    let close = |hour: i64| {
        if hour < 20 {
            1.0
        } else if hour < 23 {
            2.0
        } else {
            3.0
        }
    };
    (-20..26).map(|hour| (YEAR_2024 + hour * HOUR, close(hour))).collect()
}

fn days() -> BTreeMap<i64, f64> {
    let close = |day: i64| {
        if day == 5 {
            4.0
        } else if day < 12 {
            1.0
        } else {
            2.0
        }
    };
    (0..15).map(|day| (YEAR_2024 + day * 24 * HOUR, close(day))).collect()
}

fn trades(until: i64) -> BTreeMap<i64, f64> {
    (-10..until).map(|second| (YEAR_2024 + second * SECOND, second as f64)).collect()
}

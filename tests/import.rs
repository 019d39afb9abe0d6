//! `dccd import` of trees as Python dccd 2.4.0 and 3.8.1 write them: every true row, and no other.
//!
//! `trees.py` writes the trees and says what is true in them, with the Python that `make setup` provides.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and its own scratch file need not be whole.

mod needs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use dccd::model::{Batch, BookRows, Column, FundingRate, Kind, Micros, Series, Side, Trade, Values};
use dccd::store::{
    Accepted, DataLock, Layout, Ledger, Opened, Store, StoreSettings, Writer, open_period_file, scan,
    verify_series,
};
use serde::Deserialize;
use tempfile::TempDir;

#[test]
fn every_true_row_of_2_4_0_is_imported_in_place_and_no_other() {
    in_place("2", &["kraken/BTC-USD/ohlc/1d", "binance/BTC-USDT/orderbook"]);
}

#[test]
fn every_true_row_of_3_8_1_is_imported_in_place_and_no_other() {
    in_place("3", &["kraken/BTC-USD/ohlc/4h"]);
}

#[test]
fn a_tree_at_another_path_is_imported_and_left_as_it_was() {
    for version in ["2", "3"] {
        let Some(tree) = Tree::new(version, "elsewhere") else { return };
        let before = files(&tree.root);

        let dry = tree.dccd(&["import", "elsewhere", "--dry-run", "--json"]);
        assert!(!tree.data().exists(), "a dry run creates nothing");
        let done = tree.dccd(&["import", "elsewhere", "--json"]);
        let again = tree.dccd(&["import", "elsewhere", "--json"]);

        assert_eq!(done.status.code(), Some(0), "{done:?}");
        tree.assert_imported();
        assert_eq!(files(&tree.root), before, "the source is untouched");
        assert_eq!(imported(&dry), imported(&done));
        assert!(imported(&done) > 0 && imported(&again) == 0, "{again:?}");
    }
}

#[test]
fn what_was_left_out_is_counted_by_reason_and_its_windows_are_gaps() {
    let Some(tree) = Tree::new("2", "data") else { return };

    let said = tree.dccd(&["import"]);

    let text = String::from_utf8(said.stdout).unwrap();
    let line = |series: &str| text.lines().find(|line| line.starts_with(series)).unwrap().to_owned();
    let btc = line("binance/BTC-USDT/ohlc/1h");
    // Five rows before the first candle, four in the hole over new year, three after the last.
    assert!(btc.ends_with("copy_of_row_before 7, null 5"), "{btc}");
    assert!(line("kraken/BTC-USD/ohlc/1d").ends_with("kraken_4h_or_longer 9"), "{text}");
    assert!(line("coinbase/BTC-USD/ohlc/1m").ends_with("invented_quote_volume_nulled 90"), "{text}");
    assert!(line("binance/BTC-USDT/orderbook").ends_with("part_of_a_book 1"), "{text}");
    assert!(String::from_utf8(said.stderr).unwrap().contains("knows no exchange `poloniex`"));

    let gaps = tree.dccd(&["gaps", "binance/BTC-USDT/ohlc/1h", "--open"]);
    let gaps = String::from_utf8(gaps.stdout).unwrap();
    let of = |from: &str, until: &str| {
        gaps.lines().any(|line| {
            line.contains(from) && line.contains(until) && line.contains("left out of the import")
        })
    };
    assert!(of("2023-12-30 23:00:00", "2023-12-31 04:00:00"), "{gaps}");
    assert!(of("2023-12-31 22:00:00", "2024-01-01 02:00:00"), "{gaps}");
}

#[test]
fn a_dry_run_in_place_changes_nothing_and_says_what_the_import_then_does() {
    let Some(tree) = Tree::new("3", "data") else { return };
    let before = files(&tree.data());

    let dry = tree.dccd(&["import", "--dry-run", "--json"]);

    assert_eq!(files(&tree.data()), before);
    let done = tree.dccd(&["import", "--json"]);
    assert!(imported(&dry) > 0 && imported(&dry) == imported(&done), "{dry:?}\n{done:?}");
}

#[test]
fn an_import_cut_short_at_any_step_ends_as_if_it_had_not_been() {
    for version in ["2", "3"] {
        let Some(whole) = Tree::new(version, "data") else { return };
        whole.dccd(&["import"]);

        // Each series is a step; a cut leaves originals kept, files published or both, and no ledger.
        for cut in [Cut::Kept, Cut::Published, Cut::PublishedButOne, Cut::NotTakenAway] {
            let Some(tree) = Tree::new(version, "data") else { return };
            tree.cut(cut);
            let done = tree.dccd(&["import", "--json"]);
            assert_eq!(done.status.code(), Some(0), "{cut:?} {done:?}");
            tree.assert_imported();
            tree.assert_originals_are_kept();
            tree.assert_same_ledgers_as(&whole);
            let names = |tree: &Tree| files(&tree.data()).into_keys().collect::<Vec<_>>();
            assert_eq!(names(&tree), names(&whole), "{cut:?}");
        }
    }
}

#[test]
fn an_import_killed_at_any_moment_and_run_again_ends_as_if_it_had_not_been() {
    let Some(whole) = Tree::new("3", "data") else { return };
    let began = Instant::now();
    whole.dccd(&["import"]);
    let took = began.elapsed();
    let kills = if std::env::var_os("DCCD_SIEGE").is_some() { 40 } else { 6 };

    for kill in 0..kills {
        let Some(tree) = Tree::new("3", "data") else { return };
        let mut child =
            tree.command(&["import"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(took * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();

        let done = tree.dccd(&["import"]);

        assert!(done.status.success(), "{kill} of {kills}: {done:?}");
        tree.assert_imported();
        tree.assert_originals_are_kept();
        tree.assert_same_ledgers_as(&whole);
        let names = |tree: &Tree| files(&tree.data()).into_keys().collect::<Vec<_>>();
        assert_eq!(names(&tree), names(&whole), "{kill} of {kills}");
    }
}

#[test]
fn a_file_published_again_before_its_ledger_was_written_is_entered_by_the_next_run() {
    let Some(tree) = Tree::new("3", "data") else { return };
    tree.dccd(&["import"]);
    // The file of 2024 begins with a candle of 2023, which is therefore published twice.
    let series: Series = "bitmex/BTC-USD/ohlc/1m".parse().unwrap();
    let path = Layout::new(tree.data()).ledger(&series);
    let mut behind = Ledger::read(&path, &series).unwrap().unwrap();
    let whole = behind.files["2023"].clone();
    let entry = behind.files.get_mut("2023").unwrap();
    (entry.generation, entry.rows) = (entry.generation - 1, entry.rows - 1);
    behind.files.remove("2024");
    behind.write(&path, &series).unwrap();

    tree.dccd(&["import"]);

    let ledger = Ledger::read(&path, &series).unwrap().unwrap();
    assert_eq!(ledger.files["2023"].rows, whole.rows);
    assert!(ledger.files["2023"].generation > whole.generation);
    tree.assert_imported();
}

#[test]
fn kraken_candles_of_2_are_marked_as_computed() {
    let Some(tree) = Tree::new("2", "elsewhere") else { return };
    tree.dccd(&["import", "elsewhere"]);
    for (series, _) in tree.series() {
        let ledger = Ledger::read(&Layout::new(tree.data()).ledger(&series), &series).unwrap();
        let derived = ledger.map(|ledger| (ledger.derived, ledger.covered)).unwrap_or_default();
        match series.to_string().as_str() {
            "kraken/BTC-EUR/ohlc/1h" => assert!(!derived.0.is_empty() && derived.0 == derived.1),
            other => assert!(derived.0.is_empty(), "{other}"),
        }
    }
}

#[test]
fn rows_already_held_stay_and_those_in_covered_windows_are_not_added() {
    let Some(tree) = Tree::new("3", "elsewhere") else { return };
    let series: Series = "binance/BTC-USDT_PERP/funding".parse().unwrap();
    let writer = writer(&Layout::new(tree.data()), &series);
    let at = |hours: i64| Micros::from_secs(1_704_067_200 + hours * 3_600);
    let mut rows = Batch::of(Kind::Funding);
    rows.funding_mut().push(FundingRate { ts: at(0), rate: 7.0, mark_price: None });
    let window = dccd::model::Window::new(at(0), at(16));
    writer.accept(Accepted { rows, covered: window, empty: None, derived: false }).unwrap();
    writer.flush().unwrap();

    let said = tree.dccd(&["import", "elsewhere", "--json"]);

    let answer: Answer = serde_json::from_slice(&said.stdout).unwrap();
    let line = answer.series.iter().find(|line| line.series == series.to_string()).unwrap();
    let reasons: Vec<_> = line.left_out.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!((line.imported, reasons), (4, vec![("already_covered", 1), ("differs_from_row_held", 1)]));
    let held = rows_of(&tree.data(), &series);
    assert_eq!(cells(&held, 2)[0], Cell::Real(7.0), "{held:?}");
}

#[test]
fn two_names_of_one_pair_become_one_series() {
    let Some(tree) = Tree::new("2", "data") else { return };
    // Under the second name lies what the first one lacks, and all of the rest again.
    let [first, second] =
        ["BTC-USDT", "XBT-USDT"].map(|pair| tree.data().join("binance/ohlc").join(pair).join("1h"));
    fs::create_dir_all(&second).unwrap();
    fs::copy(first.join("2024.parquet"), second.join("2024.parquet")).unwrap();
    fs::rename(first.join("2023.parquet"), second.join("2023.parquet")).unwrap();

    let said = tree.dccd(&["import"]);

    assert!(said.status.success(), "{said:?}");
    assert!(!second.exists(), "the other name is gone");
    let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
    let rows = rows_of(&tree.data(), &series);
    let expected = &tree.expected[&series.to_string()];
    let opens = expected.rows.iter().map(|row| row[0].clone());
    assert_eq!(rows.ts().iter().map(|ts| Cell::Whole(*ts)).collect::<Vec<_>>(), opens.collect::<Vec<_>>());
    assert_eq!(verify_series(&Layout::new(tree.data()), &series).unwrap(), []);
}

#[test]
fn a_trade_without_an_id_is_never_put_beside_one_that_has_one() {
    let Some(tree) = Tree::new("3", "elsewhere") else { return };
    let series: Series = "kraken/BTC-USD/trades".parse().unwrap();
    let writer = writer(&Layout::new(tree.data()), &series);
    let mut rows = Batch::of(Kind::Trades);
    // The first is the first of the tree, the second shares its instant with the tree's second and no more.
    for (second, id, price) in [(0, "900", 42_000.0), (1, "901", 1.0)] {
        rows.trades_mut().push(Trade {
            ts: Micros(1_704_067_200_123_456 + second * 1_000_000),
            ts_recv: None,
            id: Some(id),
            price,
            amount: 0.25,
            side: Some(Side::Buy),
        });
    }
    writer.accept(Accepted { rows: rows.clone(), covered: None, empty: None, derived: false }).unwrap();
    writer.flush().unwrap();

    let said = tree.dccd(&["import", "elsewhere", "--json"]);

    let answer: Answer = serde_json::from_slice(&said.stdout).unwrap();
    let line = answer.series.iter().find(|line| line.series == series.to_string()).unwrap();
    assert_eq!((line.imported, line.held, line.left_out.get("doubtful")), (3, 1, Some(&1)));
    let held = rows_of(&tree.data(), &series);
    assert_eq!((held.len(), held.slice(0..2)), (5, rows));
}

#[test]
fn an_import_beside_a_running_daemon_is_refused() {
    let Some(tree) = Tree::new("2", "data") else { return };
    let _lock = DataLock::take(&Layout::new(tree.data()), "start").unwrap();
    let before = files(&tree.data());

    for args in [&["import"][..], &["import", "--dry-run"]] {
        let said = tree.dccd(args);
        assert_eq!(said.status.code(), Some(75), "{said:?}");
    }

    assert_eq!(files(&tree.data()), before);
}

#[test]
fn a_damaged_file_is_named_left_alone_and_stops_nothing_else() {
    let Some(tree) = Tree::new("2", "data") else { return };
    let damaged = tree.data().join("bybit/ohlc/ETH-USDT/1h/2024.parquet");
    fs::write(&damaged, b"PAR1 and then nothing").unwrap();

    let said = tree.dccd(&["import"]);

    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8(said.stderr).unwrap().contains("bybit/ohlc/ETH-USDT/1h/2024.parquet"));
    assert_eq!(fs::read(&damaged).unwrap(), b"PAR1 and then nothing");
    let other: Series = "coinbase/BTC-USD/ohlc/1m".parse().unwrap();
    assert_eq!(rows_of(&tree.data(), &other).len(), 90);
}

#[test]
fn the_first_rows_after_a_damaged_file_may_be_copies_and_are_left_out() {
    let Some(tree) = Tree::new("2", "elsewhere") else { return };
    fs::write(tree.root.join("binance/ohlc/BTC-USDT/1h/2023.parquet"), b"PAR1 and then nothing").unwrap();

    tree.dccd(&["import", "elsewhere"]);

    let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
    let rows = rows_of(&tree.data(), &series);
    // The year begins with two copies of the last candle of the year before.
    assert_eq!((rows.len(), rows.ts()[0]), (10, 1_704_067_200_000_000 + 2 * 3_600_000_000));
}

fn in_place(version: &str, gone: &[&str]) {
    let Some(tree) = Tree::new(version, "data") else { return };

    let done = tree.dccd(&["import", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");

    tree.assert_imported();
    tree.assert_originals_are_kept();
    for series in gone {
        let series: Series = series.parse().unwrap();
        assert!(
            parquet_in(&Layout::new(tree.data()).folder(&series)).is_empty(),
            "{series} is kept elsewhere only"
        );
    }
    let after = files(&tree.data());
    let again = tree.dccd(&["import", "--json"]);
    assert_eq!((imported(&again), again.status.code()), (0, Some(0)));
    assert_eq!(files(&tree.data()), after, "the second import finds nothing to do");
}

/// A tree of the Python program, with the configuration of ours beside it.
struct Tree {
    folder: TempDir,
    root: PathBuf,
    /// The files it was made of, by their place below its root, with their content.
    originals: BTreeMap<PathBuf, Vec<u8>>,
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    rows: Vec<Vec<Cell>>,
    covered: Vec<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Cell {
    Null,
    Whole(i64),
    Real(f64),
    Text(String),
}

#[derive(Deserialize)]
struct Answer {
    series: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    series: String,
    imported: u64,
    held: u64,
    left_out: BTreeMap<String, u64>,
}

/// Where a run was cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Every original is kept, nothing is published.
    Kept,
    /// Every file is published, no ledger is written.
    Published,
    /// One file of each series is not published, no ledger is written.
    PublishedButOne,
    /// Everything is done but taking originals away from folders of another name.
    NotTakenAway,
}

impl Tree {
    fn new(version: &str, name: &str) -> Option<Self> {
        let python = needs::python()?;
        let folder = tempfile::tempdir().unwrap();
        let (root, expected) = (folder.path().join(name), folder.path().join("expected.json"));
        let said = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees.py"))
            .args([Path::new(version), &root, &expected])
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let expected = serde_json::from_slice(&fs::read(&expected).unwrap()).unwrap();
        let config = "settings: {data_path: ./data, timezone: UTC}\n\
                      histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n";
        fs::write(folder.path().join("config.yml"), config).unwrap();
        let originals = files(&root).into_keys();
        let originals = originals.map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect();
        Some(Tree { folder, root, originals, expected })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME");
        command
    }

    fn dccd(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn series(&self) -> impl Iterator<Item = (Series, &Expected)> {
        self.expected.iter().map(|(series, expected)| (series.parse().unwrap(), expected))
    }

    /// The rows and the coverage of every series are those that are expected, and every file is sound.
    fn assert_imported(&self) {
        let layout = Layout::new(self.data());
        for (series, expected) in self.series() {
            let rows = rows_of(&self.data(), &series);
            let columns: &[usize] = match series.kind() {
                Kind::Ohlc => &[0, 1, 2, 3, 4, 5, 6, 7],
                Kind::Trades => &[0, 2, 3, 4, 5],
                Kind::OrderBook => &[1, 5, 6, 7, 8],
                Kind::Funding | Kind::OpenInterest => &[0, 1, 2],
            };
            let found: Vec<Vec<Cell>> = (0..rows.len())
                .map(|row| columns.iter().map(|column| cell(&rows.columns()[*column], row)).collect())
                .collect();
            assert_eq!(found.len(), expected.rows.len(), "{series}");
            for (found, expected) in found.iter().zip(&expected.rows) {
                assert_eq!(found, expected, "{series}");
            }
            if series.kind() == Kind::OrderBook && !rows.is_empty() {
                let ords: Vec<i64> = BookRows::ords(&rows.book()).to_vec();
                assert!(ords.is_sorted() && ords.last() == Some(&-1), "{ords:?}");
            }
            let ledger = Ledger::read(&layout.ledger(&series), &series).unwrap().unwrap_or_default();
            let covered: Vec<(i64, i64)> =
                ledger.covered.iter().map(|window| (window.from.0, window.until.0)).collect();
            assert_eq!(covered, expected.covered, "{series}");
            if !expected.rows.is_empty() {
                assert_eq!(verify_series(&layout, &series).unwrap(), [], "{series}");
                drop(writer(&layout, &series));
            }
        }
    }

    /// Every file the tree was made of is kept under its old path, byte for byte, but for those left alone.
    fn assert_originals_are_kept(&self) {
        for (inside, content) in &self.originals {
            let kept = self.data().join(".dccd/imported").join(inside);
            let place = if inside.starts_with("poloniex") { self.data().join(inside) } else { kept };
            assert_eq!(&fs::read(&place).unwrap(), content, "{}", place.display());
        }
    }

    fn assert_same_ledgers_as(&self, other: &Tree) {
        for (series, _) in self.series() {
            let read = |tree: &Tree| {
                let ledger = Ledger::read(&Layout::new(tree.data()).ledger(&series), &series).unwrap();
                let ledger = ledger.unwrap_or_default();
                let rows: Vec<_> =
                    ledger.files.iter().map(|(name, file)| (name.clone(), file.rows)).collect();
                (ledger.wanted_since, ledger.covered, ledger.notes, ledger.derived, rows)
            };
            assert_eq!(read(self), read(other), "{series}");
        }
    }

    /// Makes the tree look as after a run that ended there.
    fn cut(&self, cut: Cut) {
        let kept = self.data().join(".dccd/imported");
        for inside in self.originals.keys().filter(|inside| !inside.starts_with("poloniex")) {
            fs::create_dir_all(kept.join(inside).parent().unwrap()).unwrap();
            fs::hard_link(self.data().join(inside), kept.join(inside)).unwrap();
        }
        if matches!(cut, Cut::Kept) {
            return;
        }
        assert!(self.dccd(&["import"]).status.success());
        if matches!(cut, Cut::NotTakenAway) {
            for inside in self.originals.keys().filter(|inside| !self.data().join(inside).exists()) {
                fs::create_dir_all(self.data().join(inside).parent().unwrap()).unwrap();
                fs::hard_link(kept.join(inside), self.data().join(inside)).unwrap();
            }
            return;
        }
        for (series, _) in self.series() {
            let folder = Layout::new(self.data()).folder(&series);
            let _ = fs::remove_file(folder.join("_series.json"));
            if let (Cut::PublishedButOne, Some(last)) = (cut, parquet_in(&folder).last()) {
                let inside = last.strip_prefix(self.data()).unwrap();
                if self.originals.contains_key(inside) {
                    fs::remove_file(last).unwrap();
                    fs::hard_link(kept.join(inside), last).unwrap();
                }
            }
        }
    }
}

fn imported(said: &Output) -> u64 {
    let answer: Answer = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    answer.series.iter().map(|line| line.imported).sum()
}

fn rows_of(data: &Path, series: &Series) -> Batch {
    let mut rows = Batch::of(series.kind());
    scan(&Layout::new(data), series, None, None).unwrap().for_each(|batch| rows.take_all(&batch.unwrap()));
    rows
}

fn cells(rows: &Batch, first: usize) -> Vec<Cell> {
    (first..rows.len()).map(|row| cell(&rows.columns()[1], row)).collect()
}

fn cell(column: &Column, row: usize) -> Cell {
    match &column.values {
        _ if !column.has(row) => Cell::Null,
        Values::I64(values) => Cell::Whole(values[row]),
        Values::I32(values) => Cell::Whole(values[row].into()),
        Values::F64(values) => Cell::Real(values[row]),
        Values::Bool(values) => Cell::Whole(values[row].into()),
        Values::Text(values) => Cell::Text(values.get(row).to_owned()),
    }
}

/// Every file below a folder with its size, its time and its number, but for the lock.
fn files(root: &Path) -> BTreeMap<PathBuf, (u64, i64, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                let about = fs::metadata(&path).unwrap();
                let inside = path.strip_prefix(root).unwrap().to_owned();
                found.insert(inside, (about.len(), about.mtime_nsec(), about.ino()));
            }
        }
    }
    found
}

fn parquet_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some("parquet".as_ref()))
        .collect();
    found.sort();
    found
}

#[test]
fn nothing_foreign_is_left_where_a_series_writes() {
    let Some(tree) = Tree::new("2", "data") else { return };
    tree.dccd(&["import"]);
    for (series, _) in tree.series() {
        for path in parquet_in(&Layout::new(tree.data()).folder(&series)) {
            assert!(
                matches!(open_period_file(&path, series.kind()).unwrap(), Opened::Ours(_)),
                "{}",
                path.display()
            );
        }
    }
}

/// The writer of a process that has just begun.
fn writer(layout: &Layout, series: &Series) -> Writer {
    let settings = StoreSettings::drawn(layout, Micros(0), false).unwrap();
    Store::open(layout, settings).unwrap().0.writer(series).unwrap().0
}

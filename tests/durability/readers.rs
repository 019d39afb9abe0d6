//! Readers that know nothing of how files are kept, beside a writer that appends and folds: they open
//! `*.parquet` in the order of names, meet no broken file, and find the series in time order, without a hole, as it was
//! at the moment or a little earlier. Amid a change of both files of a period they may meet its newest rows twice.
//!
//! Between the moments at which a reader opens a file and its open file there is at most one publish, as with every
//! `flush_interval` that is longer than a read takes. Who opens them the other way round never finds less than there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use dccd::model::{Batch, Micros, Series, Trade, Window};
use dccd::store::{Accepted, Bounds, Layout, Part, Store, StoreSettings, Writer};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde::Deserialize;
use tempfile::TempDir;

use crate::dice::{Dice, times};
use crate::needs;

/// 2024-01-01 00:00 UTC, and the distance of two trades: a day's file holds 8 640.
const BEGIN: i64 = 1_704_067_200_000_000;
const STEP: i64 = 10_000_000;
const HOUR: i64 = 3_600_000_000;
const SMALL_ROWS: u64 = 24;
/// No read takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_reader_in_the_order_of_names_finds_the_series_in_order_and_whole_and_meets_no_broken_file() {
    read_beside_a_writer(times(300, 1_000), ReadOrder::Names, &mut in_rust);
}

#[test]
fn polars_pandas_and_duckdb_find_the_series_in_order_and_whole() {
    with_every_engine("paths", ReadOrder::Names);
}

#[test]
fn polars_pandas_and_duckdb_find_all_there_is_in_the_snapshot_of_the_docs_and_never_fail() {
    with_every_engine("snapshot", ReadOrder::Backwards);
}

fn with_every_engine(how: &str, read_order: ReadOrder) {
    let Some(python) = needs::python() else { return };
    for library in ["polars", "pandas", "duckdb"] {
        let mut other = Python::start(&python, library, how);
        read_beside_a_writer(times(60, 1_000), read_order, &mut |folder| other.read(folder));
        println!("by {library}, from {how}; the engine failed {} times and was asked again", other.failed);
    }
}

/// In which order a reader opens a file and its open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadOrder {
    Names,
    Backwards,
}

/// The result of one read.
#[derive(Debug, Default, Deserialize)]
struct Found {
    /// Instants in the order they were read.
    ts: Vec<i64>,
    /// The query engine's name for the last row.
    last: Vec<i64>,
    /// Rows of each hour, where the engine can group by time.
    hours: Option<Vec<(i64, u64)>>,
    /// How often the engine failed before.
    #[serde(default)]
    failed: u64,
}

/// State shared by the writer and the reader.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Trades that were published, and that may be.
    published: i64,
    sent: i64,
    /// Odd while a publish is going on; those that replaced both files of a period.
    publish: u64,
    changes: BTreeSet<u64>,
    folds: u64,
    taken_out: u64,
    reads: u64,
    is_over: bool,
}

/// How often reads found an earlier state, or a row twice.
#[derive(Default)]
struct Met {
    earlier: u64,
    doubled: u64,
}

/// Appends until so many reads were made.
fn read_beside_a_writer(reads: u64, read_order: ReadOrder, read: &mut (dyn FnMut(&Path) -> Found + Send)) {
    let mut dice = Dice::drawn();
    let folder = TempDir::new().unwrap();
    let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
    let layout = Layout::new(folder.path());
    let settings = StoreSettings::drawn(&layout, Micros(BEGIN), false).unwrap();
    let bounds = Bounds { small_rows: SMALL_ROWS, ..Bounds::default() };
    let (store, _) = Store::open(&layout, StoreSettings { bounds, ..settings }).unwrap();
    let writer = store.writer(&series).unwrap().0;
    let (shared, place) = (Shared::default(), layout.folder(&series));
    append(&writer, &mut dice, &shared);

    let met = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let _over = Over(&shared);
            read_on(&place, read, reads, read_order, &shared)
        });
        while !shared.with(|state| state.is_over) {
            append(&writer, &mut dice, &shared);
            shared.wait_for_a_read();
        }
        reading.join().unwrap()
    });

    let state = shared.state.into_inner().unwrap();
    println!(
        "{} reads beside {} rows published in {} times, {} folds, {} taken out; {} saw it earlier, {} rows twice",
        state.reads,
        state.published,
        state.publish / 2,
        state.folds,
        state.taken_out,
        met.earlier,
        met.doubled
    );
    assert!(state.folds * 50 > reads, "only {} folds", state.folds);
    assert!(state.taken_out * 200 > reads, "only {} times were rows taken out", state.taken_out);
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        done
    }

    /// Until the read that is going on has ended.
    fn wait_for_a_read(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reads = state.reads;
        let waiting = |state: &mut State| state.reads == reads && !state.is_over;
        let waited = self.changed.wait_timeout_while(state, PATIENCE, waiting);
        assert!(!waited.unwrap_or_else(PoisonError::into_inner).1.timed_out(), "a read does not end");
    }
}

/// Whatever ends the reader ends the writer.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.is_over = true);
    }
}

/// Publishes a few more rows, now and then with the last ones once more, or some that are late.
fn append(writer: &Writer, dice: &mut Dice, shared: &Shared) {
    let from = shared.with(|state| state.published);
    let until = from + 1 + dice.below(9) as i64;
    let again = match dice.below(12) {
        0..4 => dice.below(6) as i64,
        4 => dice.below(60) as i64,
        _ => 0,
    };
    let again = from.min(again);
    let publish = shared.with(|state| {
        state.sent = until;
        state.publish += 1;
        state.publish
    });
    let covered = Window::new(at(from - again), at(until));
    let rows = trades(from - again..until, publish);
    writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
    let flushed = writer.flush().unwrap();
    shared.with(|state| {
        let parts: Vec<(Part, u64)> = flushed.files.iter().map(|file| (file.part, file.entry.rows)).collect();
        match parts[..] {
            [(Part::File, _), (Part::Open, 0)] => state.folds += 1,
            [(Part::Open, _), (Part::File, _)] => state.taken_out += 1,
            _ => {}
        }
        if parts.len() > 1 {
            state.changes.insert(publish);
        }
        state.publish += 1;
        state.published = until;
    });
}

impl State {
    /// Whether a reader met so many publishes, folds and rows taken out of the open file among them.
    fn is_enough(&self, reads: u64) -> bool {
        let met = self.reads.min(self.publish / 2);
        let has_all = self.folds * 50 > reads && self.taken_out * 200 > reads;
        met >= reads && (has_all || met > 20 * reads)
    }
}

/// Reads so often beside the writer, and until it published as often and in every way.
fn read_on(
    folder: &Path,
    read: &mut (dyn FnMut(&Path) -> Found + Send),
    reads: u64,
    read_order: ReadOrder,
    shared: &Shared,
) -> Met {
    let mut met = Met::default();
    while !shared.with(|state| state.is_enough(reads)) {
        let (published, begun) = shared.with(|state| (state.published, state.publish));
        let found = read(folder);
        let (ended, sent) = shared.with(|state| (state.publish, state.sent));
        let is_amid_a_change = shared.with(|state| state.changes.range(begun..=ended).next().is_some())
            // It may not be known yet what the one that is going on replaces.
            || ended % 2 == 1;
        let keys: Vec<i64> = found.ts.iter().map(|ts| (ts - BEGIN) / STEP).collect();
        let once: BTreeSet<i64> = keys.iter().copied().collect();
        assert!(once.iter().copied().eq(0..once.len() as i64), "a hole: {keys:?}");
        assert!(once.last().is_none_or(|last| *last < sent), "never sent");
        if (once.len() as i64) < published {
            assert!(
                is_amid_a_change && read_order == ReadOrder::Names,
                "{} of {published} rows, amid no change of two files",
                once.len()
            );
            met.earlier += 1;
        }
        if once.len() < keys.len() {
            assert!(is_amid_a_change, "rows were there twice amid no change of two files: {keys:?}");
            met.doubled += 1;
        } else {
            assert!(keys.is_sorted(), "not in time order: {keys:?}");
            found.agrees();
        }
        shared.with(|state| state.reads += 1);
    }
    met
}

impl Found {
    /// The engine returns the rows in their order in the file.
    fn agrees(&self) {
        assert_eq!(self.last.last(), self.ts.last());
        let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
        self.ts.iter().for_each(|ts| *hours.entry(ts - ts.rem_euclid(HOUR)).or_default() += 1);
        if let Some(found) = &self.hours {
            assert_eq!(*found, hours.into_iter().collect::<Vec<_>>());
        }
    }
}

/// The instants of every `*.parquet` by the plain Parquet library.
fn in_rust(folder: &Path) -> Found {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect();
    files.sort();
    let mut ts = Vec::new();
    for path in files {
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let (_, field) = row.as_ref().unwrap().get_column_iter().next().unwrap();
            let parquet::record::Field::TimestampMicros(at) = field else {
                panic!("{field:?} is no instant")
            };
            ts.push(*at);
        }
    }
    Found { last: ts.last().copied().into_iter().collect(), ts, ..Found::default() }
}

/// A process that reads with another library, on request.
struct Python {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
    failed: u64,
}

impl Python {
    fn start(python: &Path, library: &str, how: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/reader.py");
        let mut command = Command::new(python);
        command.arg(script).args([library, how]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (asked, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Python { child, asked, answers, failed: 0 }
    }

    fn read(&mut self, folder: &Path) -> Found {
        writeln!(self.asked, "{}", folder.display()).unwrap();
        let mut line = String::new();
        let bytes = self.answers.read_line(&mut line).unwrap();
        assert!(bytes > 0, "the reader met a file it could not read and ended");
        let found: Found = serde_json::from_str(&line).unwrap();
        self.failed += found.failed;
        found
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn at(key: i64) -> Micros {
    Micros(BEGIN + key * STEP)
}

fn trades(keys: std::ops::Range<i64>, version: u64) -> Batch {
    let mut rows = Batch::of(dccd::model::Kind::Trades);
    for key in keys {
        let id = key.to_string();
        let price = version as f64;
        let trade = Trade { ts: at(key), ts_recv: None, id: Some(&id), price, amount: 1.0, side: None };
        rows.trades_mut().push(trade);
    }
    rows
}

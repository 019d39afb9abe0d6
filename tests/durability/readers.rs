//! Readers that know nothing of how files are kept, beside a writer that appends and folds: they open
//! `*.parquet` in the order of names, meet no broken file and miss no row that was published before they listed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use dccd::model::{Batch, Micros, Series, Trade, Window};
use dccd::store::{Accepted, Bounds, Layout, Settings, Store, Writer};
use parquet::file::reader::{FileReader, SerializedFileReader};
use tempfile::TempDir;

use crate::dice::{Dice, times};

/// 2024-01-01 00:00 UTC, and the distance of two trades: a day's file holds 288.
const BEGIN: i64 = 1_704_067_200_000_000;
const STEP: i64 = 300_000_000;
const SMALL_ROWS: u64 = 12;

#[test]
fn a_reader_in_the_order_of_names_misses_no_published_row_and_meets_no_broken_file() {
    read_beside_a_writer(times(60, 500), &mut in_rust);
}

#[test]
fn readers_of_other_makers_miss_no_published_row_either() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    if !python.exists() {
        println!("skipped: there is no target/venv, so neither polars nor pyarrow read beside a writer");
        return;
    }
    for library in ["polars", "pyarrow"] {
        let mut other = Python::start(&python, library);
        read_beside_a_writer(times(60, 500), &mut |folder| other.read(folder));
    }
}

/// What writer and reader know of each other.
#[derive(Default)]
struct Shared {
    /// Trades that were published, and that may be.
    published: AtomicI64,
    sent: AtomicI64,
    /// Odd while a flush is going on; those that folded.
    flush: AtomicU64,
    folds: Mutex<BTreeSet<u64>>,
    reads: AtomicU64,
    is_over: AtomicBool,
}

/// Appends so often, and goes on until the reader came to a quarter as many reads.
fn read_beside_a_writer(appends: u64, read: &mut (dyn FnMut(&Path) -> Vec<i64> + Send)) {
    let mut dice = Dice::drawn();
    let folder = TempDir::new().unwrap();
    let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
    let layout = Layout::new(folder.path());
    let settings = Settings::drawn(&layout, Micros(BEGIN), false).unwrap();
    let bounds = Bounds { small_rows: SMALL_ROWS, ..Bounds::default() };
    let (store, _) = Store::open(&layout, Settings { bounds, ..settings }).unwrap();
    let mut writer = store.writer(&series).unwrap().0;
    let (shared, place) = (Shared::default(), layout.folder(&series));
    append(&mut writer, &mut dice, &shared);

    let doubled = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_on(&place, read, &shared));
        let mut appended = 0;
        while (appended < appends || shared.reads.load(Ordering::SeqCst) < appends / 4)
            && !reading.is_finished()
        {
            append(&mut writer, &mut dice, &shared);
            appended += 1;
        }
        shared.is_over.store(true, Ordering::SeqCst);
        reading.join().unwrap()
    });

    let folds = shared.folds.lock().unwrap();
    for (from, until) in &doubled {
        let is_during_a_fold = folds.range(*from..=*until).next().is_some();
        assert!(is_during_a_fold, "rows were there twice from flush {from} to {until}, none of which folded");
    }
    let (reads, rows) = (shared.reads.load(Ordering::SeqCst), shared.published.load(Ordering::SeqCst));
    println!(
        "{reads} reads beside appends up to {rows} rows and {} folds; {} saw one",
        folds.len(),
        doubled.len()
    );
    assert!(folds.len() as u64 * 20 > appends, "only {} folds", folds.len());
}

/// Publishes a few more rows, now and then with the last ones once more.
fn append(writer: &mut Writer, dice: &mut Dice, shared: &Shared) {
    let from = shared.published.load(Ordering::SeqCst);
    let until = from + 1 + dice.below(9) as i64;
    let again = if dice.once_in(6) { from.min(dice.below(20) as i64) } else { 0 };
    shared.sent.store(until, Ordering::SeqCst);
    let flush = shared.flush.fetch_add(1, Ordering::SeqCst) + 1;
    let covered = Window::new(at(from - again), at(until));
    let rows = trades(from - again..until, flush);
    writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
    let flushed = writer.flush().unwrap();
    if flushed.folds > 0 {
        shared.folds.lock().unwrap().insert(flush);
    }
    shared.flush.fetch_add(1, Ordering::SeqCst);
    shared.published.store(until, Ordering::SeqCst);
}

/// Reads until the writer has ended; gives the first and the last flush of each read that found rows twice.
fn read_on(
    folder: &Path,
    read: &mut (dyn FnMut(&Path) -> Vec<i64> + Send),
    shared: &Shared,
) -> Vec<(u64, u64)> {
    let mut doubled = Vec::new();
    while !shared.is_over.load(Ordering::SeqCst) {
        let (published, begun) =
            (shared.published.load(Ordering::SeqCst), shared.flush.load(Ordering::SeqCst));
        let found = read(folder);
        let (ended, sent) = (shared.flush.load(Ordering::SeqCst), shared.sent.load(Ordering::SeqCst));
        let once: BTreeSet<i64> = found.iter().map(|ts| (ts - BEGIN) / STEP).collect();
        let missed: Vec<i64> = (0..published).filter(|key| !once.contains(key)).collect();
        assert!(missed.is_empty(), "missed {missed:?} of {published} published before it listed");
        assert!(once.last().is_none_or(|last| *last < sent) && once.first() >= Some(&0), "never sent");
        if once.len() < found.len() {
            doubled.push((begun, ended));
        }
        shared.reads.fetch_add(1, Ordering::SeqCst);
    }
    doubled
}

/// The instants of every `*.parquet` by the plain Parquet library.
fn in_rust(folder: &Path) -> Vec<i64> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let (_, field) = row.as_ref().unwrap().get_column_iter().next().unwrap();
            let parquet::record::Field::TimestampMicros(ts) = field else {
                panic!("{field:?} is no instant")
            };
            found.push(*ts);
        }
    }
    found
}

/// A process that reads with another library, on request.
struct Python {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start(python: &Path, library: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/reader.py");
        let mut command = Command::new(python);
        command.arg(script).arg(library).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (asked, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Python { child, asked, answers }
    }

    fn read(&mut self, folder: &Path) -> Vec<i64> {
        writeln!(self.asked, "{}", folder.display()).unwrap();
        let mut line = String::new();
        let bytes = self.answers.read_line(&mut line).unwrap();
        assert!(bytes > 0, "the reader met a file it could not read and ended");
        line.split_whitespace().map(|ts| ts.parse().unwrap()).collect()
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

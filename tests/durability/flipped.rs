//! One flipped bit in a published file, an open file, a ledger or a live journal: it is noticed, the damaged bytes
//! are kept, what they held is a gap, and the next run makes the data equal to the exchange's again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use dccd::model::{Batch, Window};
use dccd::sim::Knobs;
use dccd::store::{Accepted, Layout, Ledger, Store, StoreSettings, verify_series};
use tempfile::TempDir;

use crate::dice::{Dice, times};
use crate::test_daemon::{HOUR, MINUTE, MINUTELY, TestDaemon, assert_same, at, backfill, error_of};

const TRADES: &str = "binance/BTC-USDT/trades";
const SERIES: [&str; 2] = [MINUTELY, TRADES];
const FROM: [&str; 2] = ["2023-12-22", "2024-01-09"];
/// Until when files hold rows, and until when the journal does.
const PUBLISHED: &str = "2024-01-10 01:00:30";
const NOW: &str = "2024-01-10 04:00:30";
const UNTIL: &str = "2024-01-10 04:00:00";

#[tokio::test]
async fn every_flipped_bit_is_noticed_kept_and_repaired() {
    let mut dice = Dice::drawn();
    let scene = Scene::new().await;
    let mut told = Vec::new();
    for round in 0..times(40, 200) {
        scene.restore();
        let kinds = [".parquet", "_open.parquet", "_series.json", ".journal"];
        let kind = kinds[(round % kinds.len() as u64) as usize];
        told.push(scene.flip_and_repair(kind, &mut dice).await);
    }
    println!("{} flipped, noticed, kept and repaired", told.len());
}

#[tokio::test]
async fn a_file_of_ours_that_no_longer_says_so_is_damaged_and_not_somebody_elses() {
    let scene = Scene::new().await;
    let layout = scene.setup.layout();
    let path = files(layout.root(), ".parquet").remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let key = bytes.windows(5).rposition(|window| window == b"\x04dccd").unwrap();
    bytes[key + 2] ^= 1;
    std::fs::write(&path, &bytes).unwrap();

    notice_in_series(&layout, &path, &bytes, "the key of our entry");
    scene.repair("the key of our entry").await;
}

/// A data path with files, open files, ledgers and the journal of a process that was killed; and the rows that
/// it should hold in the end.
struct Scene {
    setup: TestDaemon,
    pristine: TempDir,
    expected: Vec<Batch>,
}

impl Scene {
    async fn new() -> Self {
        let jobs = format!(
            "{{exchange: binance, pairs: [BTC/USDT], span: 60, start: {}}}\n\
             {{exchange: binance, pairs: [BTC/USDT], data_type: trades, start: {}}}",
            FROM[0], FROM[1]
        );
        let knobs = Knobs { trades_per_hour: 120, weight_limit: u32::MAX, ..Knobs::default() };
        let setup = TestDaemon::unlimited(&jobs, "2024-01-10 00:00:30", knobs).await;
        collect(&setup).await;
        setup.move_to(PUBLISHED);
        collect(&setup).await;
        setup.move_to(NOW);
        journal(&setup);
        let window = |from: &str| Window::new(at(from), at(UNTIL)).unwrap();
        let expected = [0, 1].map(|index| setup.existing(SERIES[index], window(FROM[index]))).to_vec();
        let scene = Scene { pristine: TempDir::new().unwrap(), setup, expected };
        copy(&scene.setup.data_path(), scene.pristine.path());
        scene
    }

    fn restore(&self) {
        let path = self.setup.data_path();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        copy(self.pristine.path(), &path);
    }

    async fn flip_and_repair(&self, kind: &str, dice: &mut Dice) -> String {
        let layout = self.setup.layout();
        let files = files(layout.root(), kind);
        let path = &files[dice.below(files.len() as u64) as usize];
        let (bytes, position) = flip(path, dice);
        let what = format!("byte {position} of {} in {}", bytes.len(), path.display());

        if kind == ".journal" {
            notice_in_journal(&layout, path, &bytes, position as u64, &what);
        } else {
            notice_in_series(&layout, path, &bytes, &what);
        }
        self.repair(&what).await;
        what
    }

    /// One run of both jobs, and the rows are the exchange's again.
    async fn repair(&self, what: &str) {
        let layout = self.setup.layout();
        collect(&self.setup).await;
        for (series, expected) in SERIES.iter().zip(&self.expected) {
            let stored = self.setup.stored(series);
            // Trades go on to the present.
            let until = stored.ts().partition_point(|ts| *ts < at(UNTIL).0);
            assert_same(&stored.slice(0..until), expected);
            assert_eq!(verify_series(&layout, &series.parse().unwrap()).unwrap(), [], "{what}");
        }
    }
}

/// A file or a ledger: `verify` says so, though length and time are as before; looked at, the bytes go aside.
fn notice_in_series(layout: &Layout, path: &Path, bytes: &[u8], what: &str) {
    let faults = SERIES.map(|series| verify_series(layout, &series.parse().unwrap()).unwrap());
    assert!(faults.iter().flatten().any(|fault| fault.path == path), "{what} is not noticed: {faults:?}");

    File::open(path).unwrap().set_modified(SystemTime::now()).unwrap();
    let (store, replay) = open(layout);
    assert!(replay.failures.is_empty(), "{what}: {:?}", replay.failures);
    for series in SERIES {
        let opened = store.writer(&series.parse().unwrap());
        opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let kept = files(&layout.quarantine(), "");
    assert!(kept.iter().any(|kept| std::fs::read(kept).unwrap() == bytes), "{what} is not kept: {kept:?}");
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let has_reason = |series: &&str| {
            let series = series.parse().unwrap();
            let ledger = Ledger::read(&layout.ledger(&series), &series).unwrap().unwrap();
            ledger.notes.iter().any(|note| {
                note.reason.contains("damaged") && !ledger.settled().missing(note.window).is_empty()
            })
        };
        assert!(SERIES.iter().any(has_reason), "{what}: there is no gap with the reason");
    }
}

/// The journal: opening the store says so and keeps the stretch of bytes.
fn notice_in_journal(layout: &Layout, path: &Path, bytes: &[u8], position: u64, what: &str) {
    let (_, replay) = open(layout);
    assert!(replay.failures.is_empty(), "{what}: {:?}", replay.failures);
    assert!(replay.findings.iter().any(|(_, finding)| finding.path == path), "{what} is not noticed");
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let is_kept = |kept: &PathBuf| {
        let own = kept.file_name().unwrap().to_string_lossy().into_owned();
        let Some(from) = own.strip_prefix(&format!("{name}.")) else { return false };
        let (from, stretch) = (from.parse::<usize>().unwrap(), std::fs::read(kept).unwrap());
        let range = from..from + stretch.len();
        range.contains(&(position as usize)) && stretch == bytes[range]
    };
    let kept = files(&layout.quarantine(), "");
    assert!(kept.iter().any(is_kept), "{what} is not kept: {kept:?}");
    for series in SERIES.map(|series| series.parse().unwrap()) {
        let ledger = Ledger::read(&layout.ledger(&series), &series).unwrap().unwrap();
        let gaps = ledger.gaps(at(UNTIL));
        let unexplained = gaps.iter().find(|gap| ledger.reason(*gap).is_none());
        assert_eq!(unexplained, None, "{what}: {series} has a gap without a reason");
    }
}

fn open(layout: &Layout) -> (Store, dccd::store::Replay) {
    Store::open(layout, StoreSettings::drawn(layout, at(NOW), false).unwrap()).unwrap()
}

/// Flips one bit and puts the time of modification back. Half of the time among the last bytes, where the footer
/// of a file is. Gives the bytes as they are now and the position of the one that changed.
fn flip(path: &Path, dice: &mut Dice) -> (Vec<u8>, usize) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let last = [bytes.len(), 4_000, 8][dice.below(3) as usize].min(bytes.len()) as u64;
    let position = bytes.len() - 1 - dice.below(last) as usize;
    bytes[position] ^= 1 << dice.below(8);
    std::fs::write(path, &bytes).unwrap();
    File::options().append(true).open(path).unwrap().set_modified(modified).unwrap();
    (bytes, position)
}

/// Runs both jobs until nothing is missing.
async fn collect(setup: &TestDaemon) {
    for (series, from) in SERIES.iter().zip(FROM) {
        let outcome = setup.run(&backfill(series, from)).await;
        assert_eq!(error_of(&outcome), "", "{series}");
    }
}

/// A process that dies before it has published what it took: pages of half an hour since the files end.
fn journal(setup: &TestDaemon) {
    let (store, _) = open(&setup.layout());
    for series in SERIES {
        let writer = store.writer(&series.parse().unwrap()).unwrap().0;
        let mut from = at("2024-01-10 01:00:00");
        while from < at(UNTIL) {
            let until = from + Duration::from_micros((HOUR / 2).max(MINUTE) as u64);
            let covered = Window::new(from, until);
            let rows = setup.existing(series, covered.unwrap());
            writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
            from = until;
        }
    }
}

/// Every file under a folder whose name ends so, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_other = ending == ".parquet" && name.ends_with("_open.parquet");
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) && !is_other {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    let from = format!("{}/.", from.display());
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

//! The store against a plain model of it, on a disk that loses whatever was not synced.
//!
//! A case is a random sequence of actions on three series of one store: pages accepted, live sessions that accept rows
//! and vouch for what they heard, syncs, flushes, restarts, deaths of the process and power cuts at any operation of the disk, refusals of any operation, once or for a
//! while. After each restart the store must hold what the model says: every durable row, of a row asked twice
//! no older answer than the durable one, no row that was never accepted, coverage only with its rows, no
//! durable coverage lost, and updates of a book numbered one after the other. At every moment readers of plain files meet
//! no hole, and after each step the order of names is the order of rows.

mod amid;
mod case;
mod contents;
mod disk;
mod found_names;
mod guard;
mod lookout;
mod names;
mod oracle;
mod refused;
mod session;
mod set_aside;
mod track;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use case::Case;
use disk::ModelDisk;
use guard::Guard;
use world::Fault;

use crate::model::{Batch, Kind, Micros, Window};
use crate::store::{Accepted, Layout, Store, StoreError, StoreSettings};

/// A generator of whole numbers.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        // Seeds that lie side by side must not give sequences that do.
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound.max(1)
    }
}

/// Seeds of cases that once failed.
const ONCE_FAILED: [u64; 3] = [1_882_558_128_196_658, 1_883_201_027_965_218, 1_883_201_658_175_742];

/// Whether this is the long form, run by `make siege`.
fn is_siege() -> bool {
    std::env::var("DCCD_SIEGE").is_ok_and(|value| value == "1")
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Cases of the whole store.
fn cases() -> u64 {
    asked("DCCD_CASES").unwrap_or(if is_siege() { 100_000 } else { 5_000 })
}

/// The long form draws new seeds; the short one always runs the same cases.
fn first_seed() -> u64 {
    let new = || std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs() << 20);
    let seed = asked("DCCD_SEED").unwrap_or_else(|| if is_siege() { new() } else { 1 });
    println!("DCCD_SEED={seed}");
    seed
}

/// Runs cases on every core until one fails; returns the first that did.
fn run(cases: u64, first: u64, without: Option<Guard>) -> Option<String> {
    let next = AtomicU64::new(0);
    let failed = std::sync::Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases || !failed.lock().expect("not poisoned").is_empty() {
                        break;
                    }
                    if let Err(why) = Case::new(first + case, without).run() {
                        let told = format!("case {case} (DCCD_SEED={}): {why}", first + case);
                        failed.lock().expect("not poisoned").insert(case, told);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("not poisoned").into_values().next()
}

#[test]
fn whatever_happens_the_store_holds_what_the_model_says() {
    let failed = run(cases(), first_seed(), None);
    assert_eq!(failed, None, "\n{}", failed.as_deref().unwrap_or_default());
}

#[test]
fn what_failed_once_holds_now() {
    for seed in ONCE_FAILED {
        assert_eq!(run(1, seed, None), None);
    }
}

#[test]
fn a_journal_whose_frames_could_not_be_made_durable_claims_nothing_more() {
    let disk = ModelDisk::new(1, None);
    let settings = StoreSettings::of(7, Micros(0));
    let (store, _) =
        Store::on(Arc::new(disk.clone()), &Layout::new("/data"), settings).expect("an empty disk");
    let series = "binance/BTC-USDT/ohlc/1h".parse().expect("a series");
    let page =
        || Accepted { rows: Batch::of(Kind::Ohlc), covered: window(0, 1), empty: None, derived: false };
    let (writer, _) = store.writer(&series).expect("an empty series");
    writer.accept(page()).expect("there is room");

    disk.plan(1, Fault::Refusal(io::ErrorKind::Other, 40));
    assert!(matches!(store.sync(), Err(StoreError::Journal { .. })));
    disk.revive();

    assert!(matches!(store.sync(), Err(StoreError::Journal { .. })), "what was lost is not durable now");
    assert!(matches!(writer.accept(page()), Err(StoreError::Journal { .. })), "nor is anything accepted");
    store.probe();
    assert!(store.refusing().is_some(), "though there is room again");
    assert_eq!(store.watermarks().durable_frames, 0);
}

fn window(from: i64, until: i64) -> Option<Window> {
    Window::new(Micros(from), Micros(until))
}

#[test]
fn leaving_out_any_guarantee_of_the_disk_is_noticed() {
    const GUARDS: [Guard; 13] = [
        Guard::Frames,
        Guard::SegmentName,
        Guard::File,
        Guard::OpenFile,
        Guard::Ledger,
        Guard::FileName,
        Guard::OpenFileName,
        Guard::LedgerName,
        Guard::SeriesFolder,
        Guard::JournalFolder,
        Guard::FoldOrder,
        Guard::TakeOutOrder,
        Guard::NamedFrames,
    ];
    for guard in GUARDS {
        // Always the same cases, of which it is known that they notice.
        let failed = run(100_000, 1, Some(guard));
        let told = failed.unwrap_or_else(|| panic!("nothing notices that {guard:?} is left out"));
        println!("without {guard:?}: {}", told.lines().next().unwrap_or_default());
    }
}

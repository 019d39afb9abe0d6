//! A process that takes rows in until its power is cut, and what it reported meanwhile.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use dccd::model::{Micros, Series, Window, Windows};
use dccd::store::{Accepted, Bounds, Layout, SMALL_ROWS, Store, StoreError, StoreSettings, Writer};

use crate::market::{self, Draws, HORIZON, ORIGIN};

/// The rows to accept.
pub(crate) const SERIES: [&str; 2] = ["binance/BTC-USDT/ohlc/1m", "binance/BTC-USDT/trades"];

/// Where the child finds its data path and its seed.
const DATA_PATH: &str = "DCCD_POWER_PATH";
const SEED: &str = "DCCD_POWER_SEED";

/// Opens the store as a process does that starts now.
pub(crate) fn open(path: &Path, id: u64) -> Result<(Store, dccd::store::Replay), StoreError> {
    // Small files, so that open files and folds are met too.
    let bounds = Bounds { small_rows: SMALL_ROWS / 20, ..Bounds::default() };
    let settings = StoreSettings { sync_each: false, journal_id: id, now: HORIZON, bounds };
    Store::open(&Layout::new(path), settings)
}

/// Starts the child; its reports are what it writes to standard output.
pub(crate) fn start(path: &Path, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ingest::the_child_takes_rows_in_until_it_is_ended", "--ignored", "--nocapture"])
        .env(DATA_PATH, path)
        .env(SEED, seed.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The output of a child before it ended.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// Every frame it began to have accepted, in order.
    pub(crate) sent: Vec<(usize, Window)>,
    /// How many of them were accepted.
    pub(crate) accepted: usize,
    /// How many of them a sync made durable.
    pub(crate) durable: usize,
    /// For each series how many of all frames were sent before its last flush returned.
    pub(crate) flushed: [usize; SERIES.len()],
    /// Successes that came when the power was already gone.
    pub(crate) doubted: usize,
}

impl Reports {
    pub(crate) fn read(text: &str) -> Self {
        let mut reports = Reports::default();
        for line in text.lines().filter_map(|line| line.strip_prefix('@')) {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<i64>().unwrap();
            match words[0] {
                "sent" => {
                    let window = Window { from: Micros(number(2)), until: Micros(number(3)) };
                    reports.sent.push((number(1) as usize, window));
                }
                "accepted" => reports.accepted = number(1) as usize,
                "durable" => reports.durable = number(1) as usize,
                "doubted" => reports.doubted += 1,
                "flushed" => reports.flushed[number(1) as usize] = reports.sent.len(),
                // The line that the cut cut.
                _ => {}
            }
        }
        reports
    }

    /// The windows of one series that must be there whatever happens.
    pub(crate) fn durable(&self, series: usize) -> Windows {
        let upto = self.durable.max(self.flushed[series]);
        self.windows(series, upto)
    }

    /// The windows of one series that were accepted.
    pub(crate) fn accepted(&self, series: usize) -> Windows {
        self.windows(series, self.accepted)
    }

    fn windows(&self, series: usize, upto: usize) -> Windows {
        self.sent.iter().take(upto).filter(|sent| sent.0 == series).map(|sent| sent.1).collect()
    }
}

#[test]
#[ignore = "started by the tests of power cuts"]
fn the_child_takes_rows_in_until_it_is_ended() {
    let path = PathBuf::from(std::env::var_os(DATA_PATH).expect("a data path"));
    let mut draws = Draws(std::env::var(SEED).unwrap().parse().unwrap());
    let (store, replay) = open(&path, draws.next() >> 11).unwrap();
    assert!(replay.failures.is_empty(), "{:?}", replay.failures);
    let writers = SERIES.map(|name| store.writer(&name.parse().unwrap()).unwrap().0);
    let sync_every = Duration::from_millis(draws.between(50, 1_000));

    let power = Power(&path);
    let (ended, end) = channel::<()>();
    std::thread::scope(|threads| {
        threads.spawn(|| sync_until(&store, &power, sync_every, end));
        ingest(writers, &store, &power, &mut draws);
        drop(ended);
    });
}

/// Whether the power is still on.
///
/// A sync that meets the very moment of the cut may return as if it had succeeded: the file system ends the
/// transaction it waits for without having written it. Such a success is never reported when the power is really gone, so
/// the child does not report one either: a success counts only if the file system still takes changes after it.
struct Power<'a>(&'a Path);

impl Power<'_> {
    fn is_on(&self) -> bool {
        let probe = self.0.join(format!("probe-{:?}", std::thread::current().id()));
        std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe)).is_ok()
    }
}

/// Makes everything durable now and then, and says so.
fn sync_until(store: &Store, power: &Power<'_>, every: Duration, end: std::sync::mpsc::Receiver<()>) {
    while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        let Ok(marks) = store.sync() else { return };
        if !power.is_on() {
            return say("@doubted");
        }
        say(&format!("@durable {}", marks.durable_frames));
    }
}

/// Takes page after page in, as a backfill would, until that is refused.
fn ingest(mut writers: [Writer; SERIES.len()], store: &Store, power: &Power<'_>, draws: &mut Draws) {
    loop {
        let index = draws.between(0, SERIES.len() as u64 - 1) as usize;
        let writer = &mut writers[index];
        let (page, window) = next_page(writer, draws);
        say(&format!("@sent {index} {} {}", window.from.0, window.until.0));
        if writer.accept(page).is_err() {
            return;
        }
        say(&format!("@accepted {}", store.watermarks().accepted_frames));
        if draws.one_in(60) {
            if writer.flush().is_err() {
                return;
            }
            if !power.is_on() {
                return say("@doubted");
            }
            say(&format!("@flushed {index}"));
        }
    }
}

/// The page that begins where the first gap does; now and then it asks for the last rows before once more.
fn next_page(writer: &Writer, draws: &mut Draws) -> (Accepted, Window) {
    writer.account(|ledger| {
        ledger.wanted_since.get_or_insert(ORIGIN);
    });
    let whole = Window { from: ORIGIN, until: HORIZON };
    let gap = writer.settled().missing(whole).first().expect("the history is never all taken in");
    let again = if draws.one_in(5) { 3 * market::step() } else { 0 };
    let length = draws.between(20, 300) as i64 * market::step();
    let from = Micros((gap.from.0 - again).max(ORIGIN.0));
    let window = Window { from, until: Micros((gap.from.0 + length).min(gap.until.0)) };
    let rows = market::rows(&series(writer), window);
    (Accepted { rows, covered: Some(window), empty: None, derived: false }, window)
}

fn series(writer: &Writer) -> Series {
    writer.series().clone()
}

/// One whole line, at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

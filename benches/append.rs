//! The cost of appending to a large period: `cargo bench --bench parts -- append`.
//!
//! One candle at a time to 500 000, and 1 000 trades at a time to a day of 2 000 000, folds included. Then the same with
//! rows that are not new: the last three candles revised each time, a trade that comes half a minute late each time. Last,
//! how long a candle takes to be accepted while the file of 500 000 is written anew again and again.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use dccd::model::{Batch, Candle, Kind, Micros, Series, Side, Trade, Window};
use dccd::store::{Accepted, Layout, Part, Store, StoreSettings, Writer};

/// 2024-01-01 00:00 UTC.
const BEGIN: i64 = 1_704_067_200_000_000;
const APPENDS: i64 = 1_000;
const ACCEPTS: i64 = 5_000;

/// Gives rows and what they cover.
type Rows = fn(std::ops::Range<i64>) -> (Batch, Window);

pub(crate) fn main() {
    let (cpu_ms, bytes) = append("binance/BTC-USDT/ohlc/1m", 500_000, 1, candles, candles, "");
    println!("figure append_cpu {cpu_ms:.2} ms");
    println!("figure append_written {:.1} kB", bytes as f64 / 1e3);
    append("binance/BTC-USDT/trades", 2_000_000, 1_000, trades, trades, "");
    append("binance/BTC-USDT/ohlc/1m", 500_000, 1, candles, revised, " and the last three revised");
    append("binance/BTC-USDT/ohlc/1m", 500_000, 0, candles, revised, " but the last three revised");
    append("binance/BTC-USDT/trades", 2_000_000, 1_000, trades, late, " and one of half a minute ago");
    accept_beside("binance/BTC-USDT/ohlc/1m", 500_000);
}

/// Accepts candle after candle while another hand publishes, each time with one of the oldest revised.
fn accept_beside(series: &str, held: i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let series: Series = series.parse().expect("a series");
    let settings = StoreSettings::of(7, Micros(BEGIN));
    let (store, _) = Store::open(&Layout::new(folder.path()), settings).expect("an empty folder");
    let (writer, _) = store.writer(&series).expect("an empty series");
    (0..held).step_by(100_000).for_each(|from| drop(put(&writer, candles(from..from + 100_000))));
    let is_over = AtomicBool::new(false);
    let (mut accepts, publishes) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut publishes = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                accept(&writer, revised(3..3));
                publishes.push(time(|| drop(writer.flush().expect("it is published"))));
            }
            publishes
        });
        let mut accepts = Vec::new();
        for minute in held..held + ACCEPTS {
            let page = candles(minute..minute + 1);
            accepts.push(time(|| accept(&writer, page)));
            // Rows come one by one, and nothing else runs on this thread.
            std::thread::sleep(Duration::from_millis(1));
        }
        is_over.store(true, Ordering::Relaxed);
        (accepts, publishing.join().expect("no publish panics"))
    });
    accepts.sort_unstable();
    let millis = |took: Duration| took.as_secs_f64() * 1_000.0;
    let at = |share: usize| millis(accepts[accepts.len() * share / 1_000 - 1]);
    println!(
        "{ACCEPTS} candles accepted one by one while {} publishes wrote {held} of them anew:",
        publishes.len()
    );
    println!(
        "  a publish {:.1} ms on average; accepted in {:.3} ms (median), {:.3} ms (99.9 %), {:.3} ms at most",
        millis(publishes.iter().sum::<Duration>()) / publishes.len() as f64,
        at(500),
        at(999),
        at(1_000),
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn accept(writer: &Writer, (rows, covered): (Batch, Window)) {
    let page = Accepted { rows, covered: Some(covered), empty: None, derived: false };
    writer.accept(page).expect("it is journalled");
}

/// Appends again and again and prints what it cost; returns the processor time of one in milliseconds, and the bytes
/// written.
fn append(series: &str, held: i64, each: i64, first: Rows, rows: Rows, with: &str) -> (f64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let series: Series = series.parse().expect("a series");
    let settings = StoreSettings::of(7, Micros(BEGIN));
    let (store, _) = Store::open(&Layout::new(folder.path()), settings).expect("an empty folder");
    let (writer, _) = store.writer(&series).expect("an empty series");
    (0..held).step_by(100_000).for_each(|from| drop(put(&writer, first(from..from + 100_000))));
    // As a process that has just begun: what it copies from is hashed first.
    drop(writer);
    let (writer, _) = store.writer(&series).expect("its files");
    let (before, mut encoded, mut copied, mut files) = (cpu_secs(), 0, 0, 0);
    for step in 0..APPENDS {
        let from = held + step * each;
        let flushed = put(&writer, rows(from..from + each));
        encoded += flushed.files.iter().map(|file| file.encoded_bytes).sum::<u64>();
        copied += flushed.files.iter().map(|file| file.copied_bytes).sum::<u64>();
        files += flushed.files.iter().filter(|file| file.part == Part::File).count();
    }
    let times = APPENDS as u64;
    println!(
        "{each} row(s) appended{with} to {held} of {series}, mean of {APPENDS}, the file replaced {files} time(s):"
    );
    let cpu_ms = (cpu_secs() - before) * 1_000.0 / times as f64;
    println!(
        "  {cpu_ms:.2} ms CPU, {} bytes encoded, {} bytes copied; peak memory {} MiB",
        encoded / times,
        copied / times,
        peak_mib(),
    );
    (cpu_ms, (encoded + copied) / times)
}

fn put(writer: &Writer, page: (Batch, Window)) -> dccd::store::Flushed {
    accept(writer, page);
    writer.flush().expect("it is published")
}

fn candles(minutes: std::ops::Range<i64>) -> (Batch, Window) {
    let at = |minute: i64| Micros(BEGIN + minute * 60_000_000);
    let mut rows = Batch::of(Kind::Ohlc);
    for minute in minutes.clone() {
        let price = (700_000 + minute * 7_919 % 10_007) as f64 / 100.0;
        let volume = (minute * 104_729 % 999_983) as f64 / 1e5;
        rows.candles_mut().push(Candle {
            ts: at(minute),
            open: price,
            high: price + 3.0,
            low: price - 2.0,
            close: price + 1.0,
            volume,
            quote_volume: Some(volume * price),
            trades: Some(minute % 400),
        });
    }
    (rows, Window { from: at(minutes.start), until: at(minutes.end) })
}

/// Those before once more, each time with another volume.
fn revised(minutes: std::ops::Range<i64>) -> (Batch, Window) {
    static VERSION: AtomicI64 = AtomicI64::new(1);
    let version = VERSION.fetch_add(1, Ordering::Relaxed);
    let (own, window) = candles(minutes.start - 3..minutes.end);
    let mut rows = Batch::of(Kind::Ohlc);
    for candle in own.candles().iter() {
        rows.candles_mut().push(Candle { trades: Some(version), ..candle });
    }
    (rows, window)
}

fn late(ids: std::ops::Range<i64>) -> (Batch, Window) {
    let (mut rows, window) = trades(ids.clone());
    let id = (ids.end + 1_000_000_000).to_string();
    let ts = Micros(window.until.0 - 30_000_000);
    let late = Trade { ts, ts_recv: None, id: Some(&id), price: 1.0, amount: 1.0, side: None };
    rows.trades_mut().push(late);
    (rows, window)
}

fn trades(ids: std::ops::Range<i64>) -> (Batch, Window) {
    // Some twenty-five trades a second: three million fit into the day.
    let at = |id: i64| Micros(BEGIN + id * 28_000);
    let mut rows = Batch::of(Kind::Trades);
    for trade in ids.clone() {
        let id = trade.to_string();
        let side = if trade % 3 == 0 { Side::Sell } else { Side::Buy };
        rows.trades_mut().push(Trade {
            ts: at(trade),
            ts_recv: None,
            id: Some(&id),
            price: (700_000 + trade * 7_919 % 10_007) as f64 / 100.0,
            amount: (trade * 104_729 % 999_983) as f64 / 1e5,
            side: Some(side),
        });
    }
    (rows, Window { from: at(ids.start), until: at(ids.end) })
}

/// User and system time of this process so far.
fn cpu_secs() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or_default() / 1_024
}

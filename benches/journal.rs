//! The cost of accepting a row, and how long a full journal takes to be published after a kill.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dccd::model::{Batch, BookLevel, Candle, Kind, Micros, Series, Side, Trade, Window};
use dccd::store::{Accepted, Layout, Store, StoreSettings, Writer};

use crate::common::{BEGIN, cpu_secs};

const SECOND: i64 = 1_000_000;
/// Rows that are accepted in each form.
const ROWS: i64 = 1_000_000;
/// How often the journal is made durable meanwhile: `journal_sync: 1`.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Trades of one instant, where some share it.
const SHARING: i64 = 4;
/// Rows of a book, which are never parted.
const BOOK_ROWS: i64 = 40;
/// The rows to replay.
const REPLAYED_BYTES: u64 = 256 << 20;
/// Its series; a fourth of the frames are of one row or one book, the others pages of a thousand.
const SERIES: [&str; 8] = [
    "binance/BTC-USDT/ohlc/1m",
    "binance/ETH-USDT/ohlc/1m",
    "okx/BTC-USDT/ohlc/1m",
    "binance/BTC-USDT/trades",
    "binance/ETH-USDT/trades",
    "okx/BTC-USDT/trades",
    "binance/BTC-USDT/orderbook",
    "okx/BTC-USDT/orderbook",
];

pub(crate) fn main() {
    println!("accepted into the journal, with a sync each second beside:");
    for (series, rows) in [(SERIES[0], 1), (SERIES[0], 1_000), (SERIES[3], 1), (SERIES[3], 1_000)] {
        accept(&series.parse().expect("a series"), rows, 1);
    }
    accept(&SERIES[3].parse().expect("a series"), 1_000, SHARING);
    replay();
}

/// Accepts rows in frames of so many, of which trades share an instant with so many.
fn accept(series: &Series, rows: i64, sharing: i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let writer = writer(&store, series);
    let pages: Vec<Accepted> =
        (0..ROWS / rows).map(|number| page(series, number * rows, rows, sharing)).collect();
    let (accepting, ended) = channel::<()>();
    let (cpu, begun) = (cpu_secs(), Instant::now());
    let took = std::thread::scope(|scope| {
        let syncing = store.clone();
        scope.spawn(move || {
            while ended.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                syncing.sync().expect("it is synced");
            }
        });
        for page in pages {
            writer.accept(page).expect("it is accepted");
        }
        let took = begun.elapsed().as_secs_f64();
        drop(accepting);
        took
    });
    let cpu = cpu_secs() - cpu;
    let (wall_rate, cpu_rate) = (ROWS as f64 / took / 1e6, ROWS as f64 / cpu / 1e6);
    println!(
        "  {:<26} {rows:>4} rows a frame, {sharing} an instant: {took:.2} s, {wall_rate:.2} M rows/s; CPU {cpu:.2} s, {cpu_rate:.2} M rows/s",
        series.to_string(),
    );
}

/// Fills a journal, forgets the process, opens the store again.
fn replay() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = fill(folder.path());
    let (cpu, begun) = (cpu_secs(), Instant::now());
    let layout = Layout::new(folder.path());
    let (store, replay) = Store::open(&layout, settings()).expect("it is opened");
    let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_secs() - cpu);
    assert!(replay.failures.is_empty() && replay.rows == rows, "{replay:?}");
    assert_eq!(store.watermarks().bytes, 0, "all of it is published");
    println!(
        "replayed {} MiB of {} series, {} frames, {rows} rows: {took:.2} s, CPU {cpu:.2} s",
        REPLAYED_BYTES >> 20,
        SERIES.len(),
        replay.frames,
    );
}

fn fill(folder: &Path) -> u64 {
    let store = open(folder);
    let all = SERIES.map(|series| series.parse::<Series>().expect("a series"));
    let writers: Vec<Writer> = all.iter().map(|series| writer(&store, series)).collect();
    let (mut next, mut rows) = (vec![0_i64; all.len()], 0);
    for turn in 0_usize.. {
        let at = turn % all.len();
        let least = if all[at].kind() == Kind::OrderBook { BOOK_ROWS } else { 1 };
        let count = if (turn / all.len()).is_multiple_of(4) { least } else { 1_000 };
        let page = page(&all[at], next[at], count, 1);
        next[at] += count;
        rows += page.rows.len() as u64;
        writers[at].accept(page).expect("it is accepted");
        if store.watermarks().bytes >= REPLAYED_BYTES {
            break;
        }
    }
    rows
}

fn settings() -> StoreSettings {
    StoreSettings::of(7, BEGIN)
}

fn open(folder: &Path) -> Store {
    Store::open(&Layout::new(folder), settings()).expect("an empty folder").0
}

fn writer(store: &Store, series: &Series) -> Writer {
    store.writer(series).expect("an empty series").0
}

/// Rows from a number on: a candle a minute, ten trades a second, a level of a book of forty a second.
fn page(series: &Series, from: i64, count: i64, sharing: i64) -> Accepted {
    let mut rows = Batch::of(series.kind());
    rows.reserve(count as usize);
    (from..from + count).for_each(|number| push(&mut rows, number, sharing));
    let (first, last) = rows.ends().expect("there are rows");
    let covered = Window::new(first, Micros(last.0 + 1));
    Accepted { rows, covered, empty: None, derived: false }
}

fn push(rows: &mut Batch, number: i64, sharing: i64) {
    // Prices in cents that wander, amounts that do not repeat.
    let price = (700_000 + number * 7_919 % 10_007 + number % 97) as f64 / 100.0;
    let amount = (number * 104_729 % 999_983) as f64 / 1e5;
    let side = |is_first: bool, first: Side, second: Side| if is_first { first } else { second };
    match rows.kind() {
        Kind::Ohlc => rows.candles_mut().push(Candle {
            ts: Micros(BEGIN.0 + number * 60 * SECOND),
            open: price,
            high: price + 3.0,
            low: price - 2.0,
            close: price + 1.0,
            volume: amount,
            quote_volume: Some(amount * price),
            trades: Some(number % 400),
        }),
        Kind::OrderBook => {
            let (ord, level) = (number / BOOK_ROWS, number % BOOK_ROWS);
            let ts = Micros(BEGIN.0 + ord * SECOND);
            let (is_bid, step) = (level < BOOK_ROWS / 2, (level % (BOOK_ROWS / 2)) as f64 / 100.0);
            rows.book_mut().push(BookLevel {
                ord,
                ts,
                ts_recv: ts,
                seq: Some(ord),
                is_snapshot: true,
                side: side(is_bid, Side::Bid, Side::Ask),
                price: if is_bid { 7_000.0 - step } else { 7_001.0 + step },
                amount,
                count: None,
            });
        }
        _ => rows.trades_mut().push(Trade {
            ts: Micros(BEGIN.0 + number / sharing * sharing * SECOND / 10),
            ts_recv: None,
            id: Some(&number.to_string()),
            price,
            amount,
            side: Some(side(number % 3 == 0, Side::Buy, Side::Sell)),
        }),
    }
}

//! Rows of files and journal as readers find them.

use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::*;
use crate::model::{Batch, BookLevel, Candle, Kind, Side, Trade, Values, fields};
use crate::store::{Accepted, Bounds, Part, Store, StoreSettings, Writer, scan};

const MINUTE: i64 = 60_000_000;
/// 2023-12-31 23:00 UTC: series begin an hour before a period ends.
const BEGIN: i64 = 1_704_063_600_000_000;
const SMALL_ROWS: u64 = 50;

struct World {
    folder: TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds { small_rows: SMALL_ROWS, ..Bounds::default() };
        let settings = StoreSettings { bounds, ..StoreSettings::of(7, Micros(BEGIN)) };
        let (store, _) = Store::open(&Layout::new(folder.path()), settings).unwrap();
        World { folder, store }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.folder.path())
    }

    fn writer(&self, series: &str) -> Writer {
        self.store.writer(&series.parse().unwrap()).unwrap().0
    }

    /// Everything of some series, as rows of one batch with the place of each row's series.
    fn read(&self, series: &[&str]) -> (Batch, Vec<usize>) {
        let series: Vec<Series> = series.iter().map(|series| series.parse().unwrap()).collect();
        read_all(&self.layout(), &whole(series))
    }
}

fn whole(series: Vec<Series>) -> ReadRequest {
    let columns = (0..fields(series[0].kind()).len()).collect();
    ReadRequest { series, from: None, until: None, columns, limit: None }
}

fn read_all(layout: &Layout, request: &ReadRequest) -> (Batch, Vec<usize>) {
    given(RowReader::open(layout, request).unwrap(), request)
}

fn given(mut rows: RowReader, request: &ReadRequest) -> (Batch, Vec<usize>) {
    let (mut all, mut places) = (Batch::of(request.series[0].kind()), Vec::new());
    while let Some(run) = rows.next_run().unwrap() {
        let own = Batch::from_columns(all.kind(), run.columns.to_vec());
        all.take(&own, run.rows.clone());
        places.extend(run.rows.map(|_| run.index));
    }
    (all, places)
}

fn candles(minutes: std::ops::Range<i64>, version: i64) -> Batch {
    let mut rows = Batch::of(Kind::Ohlc);
    for minute in minutes {
        let price = version as f64;
        rows.candles_mut().push(Candle {
            ts: Micros(BEGIN + minute * MINUTE),
            open: price,
            high: price,
            low: price,
            close: minute as f64,
            volume: 1.0,
            quote_volume: (minute % 3 > 0).then_some(2.0),
            trades: None,
        });
    }
    rows
}

fn accept(writer: &Writer, rows: Batch) {
    writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
}

#[test]
fn rows_of_files_and_journal_are_read_as_one_and_the_answer_asked_last_wins() {
    let world = World::new();
    let writer = world.writer("binance/BTC-USDT/ohlc/1m");
    accept(&writer, candles(0..400, 1));
    writer.flush().unwrap();
    accept(&writer, candles(390..450, 2));
    writer.flush().unwrap();
    // Late ones, revised ones amid a file, and new ones: all of them in the journal alone.
    accept(&writer, candles(100..103, 3));
    accept(&writer, candles(448..470, 4));
    accept(&writer, candles(-5..2, 5));

    let (rows, _) = world.read(&["binance/BTC-USDT/ohlc/1m"]);

    let mut expected = candles(-5..2, 5);
    expected.take_all(&candles(2..100, 1));
    expected.take_all(&candles(100..103, 3));
    expected.take_all(&candles(103..390, 1));
    expected.take_all(&candles(390..448, 2));
    expected.take_all(&candles(448..470, 4));
    assert_eq!(rows, expected);
    writer.flush().unwrap();
    assert_eq!(world.read(&["binance/BTC-USDT/ohlc/1m"]).0, expected, "published, it is the same");
}

#[test]
fn rows_of_many_series_come_in_the_order_of_time() {
    let world = World::new();
    let names: Vec<String> = (0..20).map(|number| format!("binance/C{number}-USDT/ohlc/1m")).collect();
    for (number, name) in (0..).zip(&names) {
        let writer = world.writer(name);
        accept(&writer, candles(number..300, number));
        if number % 2 == 0 {
            writer.flush().unwrap();
        }
        accept(&writer, candles(300..320 + number, number));
    }

    let (rows, places) = world.read(&names.iter().map(String::as_str).collect::<Vec<_>>());

    let order: Vec<(i64, usize)> = rows.ts().iter().copied().zip(places.iter().copied()).collect();
    assert!(order.is_sorted(), "by instant, then in the order of the request");
    for (place, name) in names.iter().enumerate() {
        let own: Vec<usize> = (0..rows.len()).filter(|row| places[*row] == place).collect();
        let number = place as i64;
        assert_eq!(rows.gather(&own), candles(number..320 + number, number), "{name}");
    }
}

#[test]
fn rows_that_waited_on_disk_are_those_that_were_decoded() {
    let world = World::new();
    let names: Vec<String> = (0..12).map(|number| format!("binance/C{number}-USDT/trades")).collect();
    for (number, name) in (0..).zip(&names) {
        let writer = world.writer(name);
        let mut rows = Batch::of(Kind::Trades);
        for row in 0..900 + number * 7 {
            rows.trades_mut().push(Trade {
                ts: Micros(BEGIN + row * MINUTE / 2 + number),
                ts_recv: (row % 5 > 0).then_some(Micros(BEGIN + row)),
                id: Some(&format!("{number}-{:0>width$}", row, width = (row % 9) as usize)),
                price: row as f64 + 0.25,
                amount: 1.0,
                side: [None, Some(Side::Buy), Some(Side::Sell)][(row % 3) as usize],
            });
        }
        accept(&writer, rows);
        if number % 4 > 0 {
            writer.flush().unwrap();
        }
    }
    let request = whole(names.iter().map(|name| name.parse().unwrap()).collect());
    let waits = |ahead| {
        let mut rows = RowReader::open_with(&world.layout(), &request, ahead).unwrap();
        let _ = rows.next_run().unwrap();
        rows.spill.is_some_and(|spill| spill.holds_any())
    };
    assert!(waits(1_000) && !waits(ROWS_AHEAD), "only where they would not fit");

    let waited = given(RowReader::open_with(&world.layout(), &request, 1_000).unwrap(), &request);
    // Room for two of the series, or for none.
    let short = [2 * (64 << 10), 1].map(|bytes| {
        let mut rows = RowReader::open_with(&world.layout(), &request, 1_000).unwrap();
        rows.spill.as_mut().unwrap().limit_to(bytes);
        given(rows, &request)
    });

    let all = read_all(&world.layout(), &request);
    assert!(waited == all && short.iter().all(|own| *own == all));
    let own = std::fs::read_dir(world.layout().own()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(own.into_iter().all(|name| !name.to_string_lossy().starts_with('#')), "the file has no name");
}

#[test]
fn columns_range_and_limit_are_kept() {
    let world = World::new();
    let series = "binance/BTC-USDT/ohlc/1m";
    let writer = world.writer(series);
    accept(&writer, candles(0..400, 1));
    writer.flush().unwrap();
    accept(&writer, candles(400..410, 1));
    let at = |minute: i64| Some(Micros(BEGIN + minute * MINUTE));
    let request = ReadRequest {
        series: vec![series.parse().unwrap()],
        from: at(250),
        until: at(405),
        columns: vec![6, 4],
        limit: Some(153),
    };

    let mut rows = RowReader::open(&world.layout(), &request).unwrap();
    let (mut closes, mut present) = (Vec::new(), Vec::new());
    while let Some(run) = rows.next_run().unwrap() {
        let [quote_volume, close] = run.columns else { panic!("{} columns", run.columns.len()) };
        let Values::F64(values) = &close.values else { panic!("closes are numbers") };
        closes.extend_from_slice(&values[run.rows.clone()]);
        present.extend(run.rows.map(|row| quote_volume.has(row)));
    }

    assert_eq!(closes, (250..403).map(|minute| minute as f64).collect::<Vec<_>>());
    assert_eq!(present, (250..403).map(|minute| minute % 3 > 0).collect::<Vec<_>>());
}

#[test]
fn a_book_is_read_in_the_order_of_its_updates() {
    let world = World::new();
    let writer = world.writer("binance/BTC-USDT/orderbook");
    let update = |seconds: &[i64]| {
        let mut rows = Batch::of(Kind::OrderBook);
        for (place, second) in seconds.iter().enumerate() {
            let ts = Micros(BEGIN + second * 1_000_000);
            rows.book_mut().push(BookLevel {
                ord: place as i64,
                ts,
                ts_recv: ts,
                seq: Some(*second),
                is_snapshot: false,
                side: Side::Buy,
                price: 1.0,
                amount: 1.0,
                count: None,
            });
        }
        rows
    };
    let accept = |rows| {
        let page = Accepted { rows, covered: None, empty: None, derived: false };
        writer.accept_updates(page).unwrap();
    };
    accept(update(&[0, 2, 1, 3]));
    writer.flush().unwrap();
    accept(update(&[5, 4, 6]));

    let (rows, _) = world.read(&["binance/BTC-USDT/orderbook"]);

    let seqs: Vec<Option<i64>> = (0..rows.len()).map(|row| rows.book().get(row).seq).collect();
    assert_eq!(seqs, [0, 2, 1, 3, 5, 4, 6].map(Some));
}

#[test]
fn trades_without_ids_are_neither_lost_nor_doubled_while_files_and_journal_hold_them() {
    let world = World::new();
    let writer = world.writer("binance/BTC-USDT/trades");
    let trades = |count: i64| {
        let mut rows = Batch::of(Kind::Trades);
        for number in 0..count {
            let ts = Micros(BEGIN + number / 3);
            rows.trades_mut().push(Trade {
                ts,
                ts_recv: None,
                id: None,
                price: 1.0,
                amount: 2.0,
                side: None,
            });
        }
        rows
    };
    accept(&writer, trades(300));
    writer.flush().unwrap();
    accept(&writer, trades(330));

    assert_eq!(world.read(&["binance/BTC-USDT/trades"]).0, trades(330));
}

#[test]
fn a_damaged_file_ends_the_rows_with_its_name() {
    let world = World::new();
    let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
    let writer = world.writer("binance/BTC-USDT/ohlc/1m");
    accept(&writer, candles(0..400, 1));
    writer.flush().unwrap();
    let path = world.layout().folder(&series).join(Part::File.file_name("2024"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    crate::disk::atomic::replace(&path, &bytes).unwrap();

    let mut rows = RowReader::open(&world.layout(), &whole(vec![series])).unwrap();
    let mut read = 0;
    let error = loop {
        match rows.next_run() {
            Ok(run) => read += run.expect("it does not end in good order").rows.len(),
            Err(error) => break error,
        }
    };

    assert_eq!(read, 60, "the rows of the year before");
    assert!(error.to_string().contains("2024.parquet"), "{error}");
    assert!(matches!(rows.next_run(), Ok(None)), "nothing more is given");
}

/// Each state is held to all rounds before it, so that every one makes the next slower.
const MOST_ROUNDS: i64 = 600;

#[test]
fn beside_a_writer_that_appends_and_folds_each_state_is_what_was_accepted_up_to_one_moment() {
    let world = World::new();
    let names = ["binance/BTC-USDT/ohlc/1m", "binance/ETH-USDT/ohlc/1m", "kraken/BTC-USD/ohlc/1m"];
    let (layout, series) = (world.layout(), names.map(|name| name.parse().unwrap()).to_vec());
    let is_over = AtomicBool::new(false);
    let accepted = names.map(|_| std::sync::atomic::AtomicI64::new(0));
    // Rows of two periods: late ones before those there are, and new ones, some of them revised.
    let rows_of = |place: usize, round: i64| {
        let mut rows = candles(-4 * (round + 1)..-4 * round, round);
        let from = 100 + round * 4 + place as i64;
        rows.take_all(&candles(from - round % 3..from + 4, round));
        rows
    };

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let writers = names.map(|name| world.writer(name));
            for round in 0..MOST_ROUNDS {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                for (place, writer) in writers.iter().enumerate() {
                    accept(writer, rows_of(place, round));
                    accepted[place].store(round + 1, Ordering::SeqCst);
                    if round % 3 == place as i64 {
                        writer.flush().unwrap();
                    }
                }
            }
        });
        let mut reads = 0;
        while reads < 150 || accepted[2].load(Ordering::SeqCst) < 300 {
            let before: Vec<i64> = accepted.iter().map(|own| own.load(Ordering::SeqCst)).collect();
            let (rows, places) = read_all(&layout, &whole(Vec::clone(&series)));
            for (place, before) in before.into_iter().enumerate() {
                let after = accepted[place].load(Ordering::SeqCst) + 1;
                let own: Vec<usize> = (0..rows.len()).filter(|row| places[*row] == place).collect();
                let own = rows.gather(&own);
                let round = (0..own.len()).map(|row| own.candles().get(row).open as i64).max();
                let round = round.map_or(0, |last| last + 1);
                assert!((before..=after).contains(&round), "{round} rounds, not from {before} to {after}");
                let mut expected = Batch::of(Kind::Ohlc);
                for number in 0..round {
                    crate::store::merge::merge_onto(&mut expected, &rows_of(place, number));
                }
                assert!(own == expected, "{}: another state than that of {round} rounds", names[place]);
            }
            reads += 1;
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_published_is_what_a_scan_gives() {
    let world = World::new();
    let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
    let writer = world.writer("binance/BTC-USDT/ohlc/1m");
    for round in 0..30 {
        accept(&writer, candles(round * 17..round * 17 + 20, round));
        writer.flush().unwrap();
    }

    let mut scanned = Batch::of(Kind::Ohlc);
    scan(&world.layout(), &series, None, None).unwrap().for_each(|rows| scanned.take_all(&rows.unwrap()));

    assert_eq!(world.read(&["binance/BTC-USDT/ohlc/1m"]).0, scanned);
}

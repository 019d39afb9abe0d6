//! The stored files as others read them: polars, pandas and DuckDB see the rows that were written.
//!
//! The program does its part here, `readers.py` the rest, with the Python that `make setup` provides.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and its own scratch file need not be whole.

mod needs;

use std::path::{Path, PathBuf};
use std::process::Command;

use dccd::model::{
    Batch, BookLevel, Candle, FundingRate, Kind, Micros, OpenInterest, Series, Side, Trade, Type, Values,
    Window, fields,
};
use dccd::store::{Accepted, Bounds, Layout, Store, StoreSettings};
use serde::Serialize;

/// 2024-01-01 00:00 UTC.
const YEAR_2024: Micros = Micros::from_secs(1_704_067_200);
const SECOND: i64 = 1_000_000;

#[test]
fn polars_pandas_and_duckdb_read_the_rows_that_were_written() {
    let Some(python) = needs::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path().join("data"));
    let written: Vec<Written> = [
        ("binance/BTC-USDT/ohlc/1h", candles(3_600, -30, 100), &["2023", "2024"][..]),
        ("binance/BTC-USDT/ohlc/1m", candles(60, -2_000, 5_000), &["2023", "2024"]),
        ("binance/BTC-USDT/trades", trades(), &["2023-12-31", "2024-01-01"]),
        ("binance/BTC-USDT/orderbook", book(), &["2023-12-31", "2024-01-01"]),
        ("binance/BTC-USDT_PERP/funding", funding(), &["2023", "2024"]),
        ("binance/BTC-USDT_PERP/open_interest/5m", open_interest(), &["2023", "2024"]),
    ]
    .into_iter()
    .map(|(series, rows, periods)| write(&layout, series, rows, periods))
    .chain(
        [
            (
                "kraken/BTC-USDT/ohlc/1m",
                candles(60, -2_000, 5_000),
                &["2023", "2023_open", "2024", "2024_open"][..],
            ),
            (
                "kraken/BTC-USDT/trades",
                trades(),
                &["2023-12-31", "2023-12-31_open", "2024-01-01", "2024-01-01_open"],
            ),
        ]
        .map(|(series, rows, files)| write_as_it_grows(&layout, series, rows, files)),
    )
    .collect();
    let expected = folder.path().join("expected.json");
    std::fs::write(&expected, serde_json::to_vec(&written).unwrap()).unwrap();

    let said = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py"))
        .arg(&expected)
        .output()
        .unwrap();

    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}{err}");
    for (own, read) in written.iter().zip(out.lines()) {
        let rows = own.columns[0].values.len();
        assert_eq!(read, format!("{} {rows} rows in {} files", own.series, own.files.len()), "{out}{err}");
    }
    assert_eq!(out.lines().count(), written.len(), "{out}{err}");
}

#[test]
fn the_lines_of_the_documentation_rebuild_the_books_that_the_program_prints() {
    let Some(python) = needs::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("config.yml"));
    let layout = Layout::new(&data);
    let series: Series = "binance/BTC-USDT/orderbook".parse().unwrap();
    write_live_book(&layout, &series);
    let job = "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n";
    std::fs::write(&config, format!("settings: {{data_path: {}}}\n{job}", data.display())).unwrap();
    let answers = (0..40).map(|number| {
        let said = Command::new(env!("CARGO_BIN_EXE_dccd"))
            .arg("--config")
            .arg(&config)
            .args([
                "book",
                "binance/BTC-USDT",
                "--json",
                "--at",
                &at(number * 181 * SECOND - 3_000_000_123).to_string(),
            ])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{out}{err}");
        out.into_owned()
    });
    let expected = folder.path().join("books.json");
    let books = format!("[{}]", answers.collect::<Vec<_>>().join(","));
    std::fs::write(&expected, books).unwrap();

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = Command::new(python)
        .arg(root.join("tests/readers.py"))
        .args([&expected, &layout.folder(&series), &root.join("docs/data.md")])
        .output()
        .unwrap();

    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}{err}");
    assert_eq!(out.trim(), "40 books", "{out}{err}");
}

/// A book in step over midnight for three hours: whole each hour, else changes, some of which remove a level.
fn write_live_book(layout: &Layout, series: &Series) {
    let (store, _) = Store::open(layout, StoreSettings::of(9, Micros(0))).unwrap();
    let (writer, _) = store.writer(series).unwrap();
    let mut rows = Batch::of(Kind::OrderBook);
    let (from, until) = (-5_400_i64, 5_400);
    for (ord, secs) in (from..until).step_by(7).enumerate() {
        let ord = ord as i64;
        let is_snapshot = ord == 0 || secs.div_euclid(3_600) != (secs - 7).div_euclid(3_600);
        let places = if is_snapshot { (0..20).collect::<Vec<_>>() } else { vec![ord * 7 % 20, ord * 3 % 20] };
        for place in places {
            let amount = if is_snapshot { 1.0 } else { (ord % 4) as f64 * 0.5 };
            rows.book_mut().push(BookLevel {
                ord,
                ts: at(secs * SECOND),
                ts_recv: at(secs * SECOND + 900),
                seq: Some(ord * 2),
                is_snapshot,
                side: if place < 10 { Side::Bid } else { Side::Ask },
                price: 42_000.5 + place as f64,
                amount,
                count: (ord % 2 == 0).then_some(3),
            });
        }
    }
    let covered = Window::new(at(from * SECOND), at(until * SECOND));
    writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
    writer.flush().unwrap();
}

/// A series on disk, and what every reader must find in it.
#[derive(Serialize)]
struct Written {
    series: String,
    folder: PathBuf,
    /// Names of the files, in the order of their rows.
    files: Vec<String>,
    /// Rows are in this order, file by file.
    columns: Vec<Expected>,
}

#[derive(Serialize)]
struct Expected {
    name: &'static str,
    r#type: &'static str,
    values: Vec<Cell>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Cell {
    Null,
    Whole(i64),
    Real(f64),
    Flag(bool),
    Text(String),
}

/// Publishes rows in two steps, so that files are rewritten as they are in daily use.
fn write(layout: &Layout, series: &str, rows: Batch, periods: &[&str]) -> Written {
    let series: Series = series.parse().unwrap();
    let settings = StoreSettings::of(7, Micros(0));
    let (store, _) = Store::open(layout, settings).unwrap();
    let (writer, _) = store.writer(&series).unwrap();
    let half = rows.len() / 2;
    for part in [half..rows.len(), 0..half] {
        let page = Accepted { rows: rows.slice(part), covered: None, empty: None, derived: false };
        writer.accept(page).unwrap();
        writer.flush().unwrap();
    }
    Written::new(layout, &series, &rows, periods)
}

/// Publishes rows a few at a time, the last ones before once more, so that an open file stands beside the last.
fn write_as_it_grows(layout: &Layout, series: &str, rows: Batch, files: &[&str]) -> Written {
    let series: Series = series.parse().unwrap();
    let bounds = Bounds { small_rows: 2, ..Bounds::default() };
    let (store, _) =
        Store::open(layout, StoreSettings { bounds, ..StoreSettings::of(8, Micros(0)) }).unwrap();
    let (writer, _) = store.writer(&series).unwrap();
    let step = rows.len().div_ceil(9);
    for from in (0..rows.len()).step_by(step) {
        let part = from.saturating_sub(2)..rows.len().min(from + step);
        let page = Accepted { rows: rows.slice(part), covered: None, empty: None, derived: false };
        writer.accept(page).unwrap();
        writer.flush().unwrap();
    }
    Written::new(layout, &series, &rows, files)
}

impl Written {
    fn new(layout: &Layout, series: &Series, rows: &Batch, files: &[&str]) -> Self {
        Written {
            series: series.to_string(),
            folder: layout.folder(series),
            files: files.iter().map(|name| format!("{name}.parquet")).collect(),
            columns: columns(rows),
        }
    }
}

fn columns(rows: &Batch) -> Vec<Expected> {
    let columns = fields(rows.kind()).iter().zip(rows.columns());
    columns
        .map(|(field, column)| {
            let value = |row: usize| match &column.values {
                _ if !column.has(row) => Cell::Null,
                Values::I64(values) => Cell::Whole(values[row]),
                Values::I32(values) => Cell::Whole(values[row].into()),
                Values::F64(values) => Cell::Real(values[row]),
                Values::Bool(values) => Cell::Flag(values[row]),
                Values::Text(values) => Cell::Text(values.get(row).to_owned()),
            };
            let r#type = match field.ty {
                Type::Time => "time",
                Type::I64 => "int64",
                Type::I32 => "int32",
                Type::F64 => "float64",
                Type::Bool => "bool",
                Type::Text | Type::Word => "text",
            };
            Expected { name: field.name, r#type, values: (0..rows.len()).map(value).collect() }
        })
        .collect()
}

/// An instant this many microseconds after the year began.
fn at(micros: i64) -> Micros {
    Micros(YEAR_2024.0 + micros)
}

/// Candles from the `first` to before the `last` one of the year, some with values left out.
fn candles(span_secs: i64, first: i64, last: i64) -> Batch {
    let mut rows = Batch::of(Kind::Ohlc);
    for index in first..last {
        let open = 42_000.0 + index as f64 / 7.0;
        rows.candles_mut().push(Candle {
            ts: at(index * span_secs * SECOND),
            open,
            high: open + 0.1,
            low: open - 1e-8,
            close: open + 0.01,
            volume: if index % 5 == 0 { 0.0 } else { 1e-8 * (index - first) as f64 },
            quote_volume: (index % 3 != 0).then_some(open * 1.5),
            trades: (index % 4 != 0).then_some(index - first),
        });
    }
    rows
}

/// Trades to the microsecond over midnight; some share an instant, some have no id, no side or neither.
fn trades() -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    for index in -300_i64..300 {
        let ts = at(index.div_euclid(3) * 250_001);
        let (id, is_even) = (format!("T-{:05}", index + 300), index % 2 == 0);
        rows.trades_mut().push(Trade {
            ts,
            ts_recv: is_even.then(|| Micros(ts.0 + 1_234)),
            id: (index % 3 == 0 || index.abs() < 100).then_some(id.as_str()).filter(|_| index % 30 != 15),
            price: 42_000.01 + index as f64,
            amount: 0.1 + (index + 300) as f64,
            side: [Some(Side::Buy), None, Some(Side::Sell), Some(Side::Buy)][(index + 300) as usize % 4],
        });
    }
    rows
}

/// A book of two sides every minute over midnight.
fn book() -> Batch {
    let mut rows = Batch::of(Kind::OrderBook);
    for ord in 0..20 {
        let ts = at((ord - 10) * 60 * SECOND + 500_000);
        for level in 0..10 {
            let is_bid = level < 5;
            let away = f64::from(if is_bid { level + 1 } else { level - 4 });
            rows.book_mut().push(BookLevel {
                ord,
                ts,
                ts_recv: Micros(ts.0 + 5_000),
                seq: (ord % 2 == 0).then_some((1 << 53) + 1 + ord),
                is_snapshot: ord % 5 == 0,
                side: if is_bid { Side::Bid } else { Side::Ask },
                price: if is_bid { 42_000.0 - away } else { 42_000.0 + away },
                amount: away / 3.0,
                count: (level % 2 == 0).then_some(level + 1),
            });
        }
    }
    rows
}

fn funding() -> Batch {
    let mut rows = Batch::of(Kind::Funding);
    for index in -6_i64..6 {
        rows.funding_mut().push(FundingRate {
            ts: at(index * 8 * 3_600 * SECOND),
            rate: index as f64 * 1e-5,
            mark_price: (index % 2 == 0).then_some(42_000.5),
        });
    }
    rows
}

fn open_interest() -> Batch {
    let mut rows = Batch::of(Kind::OpenInterest);
    for index in -6_i64..6 {
        rows.open_interest_mut().push(OpenInterest {
            ts: at(index * 300 * SECOND),
            open_interest: 80_000.125 + index as f64,
            open_interest_value: (index % 2 != 0).then_some(3.4e9),
        });
    }
    rows
}

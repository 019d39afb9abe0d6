//! `dccd export` as a shell sees it, and the files as Python reads them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and its own scratch file need not be whole.

mod needs;

use std::path::Path;
use std::process::{Command, Output};

use dccd::model::{Batch, Candle, Kind, Micros, Series, Side, Trade};
use dccd::store::{Accepted, Layout, Store, StoreSettings};
use tempfile::TempDir;

/// 2024-01-01 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200_000_000;
const HOUR: i64 = 3_600_000_000;

#[test]
fn a_window_of_candles_comes_out_as_csv_in_the_zone_of_the_settings() {
    let setup = setup("Europe/Paris");
    store(&setup, "binance/BTC-USDT/ohlc/1h", candles(-2, 4));

    let args = ["export", "binance/BTC-USDT/ohlc/1h", "--from", "2024-01-01", "--until", "2024-01-01 02:00"];
    let said = dccd(&setup, &[&args[..], &["--output", "-"]].concat());

    assert_eq!(
        text(&said.stdout),
        "ts,open,high,low,close,volume,quote_volume,trades\n\
         2023-12-31T23:00:00.000000Z,1.1,2,0.5,1.25,0.00000001,,-1\n\
         2024-01-01T00:00:00.000000Z,1.1,2,0.5,1.25,0.00000001,42000.1,0\n",
        "{said:?}"
    );
    assert!(said.status.success());
}

#[test]
fn a_file_is_replaced_only_with_force_and_nothing_lies_beside_it() {
    let setup = setup("UTC");
    store(&setup, "binance/BTC-USDT/ohlc/1h", candles(0, 3));
    let folder = setup.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    let args = ["export", "binance/BTC-USDT/ohlc/1h", "--format", "csv,xlsx", "--output", "out"];

    let first = dccd(&setup, &args);
    let again = dccd(&setup, &args);
    let forced = dccd(&setup, &[&args[..], &["--force"]].concat());

    assert_eq!(
        text(&first.stdout),
        "binance/BTC-USDT/ohlc/1h: 3 rows in out/binance_BTC-USDT_ohlc_1h.csv\n\
         binance/BTC-USDT/ohlc/1h: 3 rows in out/binance_BTC-USDT_ohlc_1h.xlsx\n"
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("--force"), "{again:?}");
    assert_eq!(forced.status.code(), Some(0), "{forced:?}");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["binance_BTC-USDT_ohlc_1h.csv", "binance_BTC-USDT_ohlc_1h.xlsx"]);
}

#[test]
fn force_replaces_what_a_link_leads_to_and_nothing_that_is_no_file() {
    let setup = setup("UTC");
    store(&setup, "binance/BTC-USDT/ohlc/1h", candles(0, 3));
    let path = |name: &str| setup.path().join(name);
    std::fs::write(path("real.csv"), "older").unwrap();
    std::os::unix::fs::symlink("real.csv", path("link.csv")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe.csv")).status().unwrap().success());
    let to = |output: &str| {
        let args = ["export", "binance/BTC-USDT/ohlc/1h", "--format", "csv", "--force", "--output", output];
        dccd(&setup, &args)
    };

    let (linked, piped) = (to("link.csv"), to("pipe.csv"));

    assert_eq!(linked.status.code(), Some(0), "{linked:?}");
    assert!(path("link.csv").symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(path("real.csv")).unwrap().starts_with("ts,open"));
    assert_eq!(piped.status.code(), Some(1));
    assert!(text(&piped.stderr).contains("is no plain file"), "{piped:?}");
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&path("pipe.csv").metadata().unwrap().file_type()));
}

#[test]
fn an_unknown_series_is_refused_with_the_nearest_one_held() {
    let setup = setup("UTC");
    store(&setup, "binance/BTC-USDT/ohlc/1h", candles(0, 1));
    store(&setup, "binance/ETH-USDT/ohlc/1h", candles(0, 1));

    let typo = dccd(&setup, &["export", "binance/ETH-USTD/ohlc/1h"]);
    let other = dccd(&setup, &["export", "binance/BTC-USD"]);

    assert_eq!((typo.status.code(), other.status.code()), (Some(1), Some(1)));
    assert!(text(&typo.stderr).contains("did you mean binance/ETH-USDT/ohlc/1h?"), "{typo:?}");
    assert!(text(&other.stderr).contains("did you mean binance/BTC-USDT?"), "{other:?}");
    assert!(!setup.path().join("binance_ETH-USTD_ohlc_1h.csv").exists());
}

#[test]
fn python_reads_the_exported_rows_with_their_types() {
    let Some(python) = needs::python() else { return };
    let setup = setup("UTC");
    store(&setup, "binance/BTC-USDT/trades", trades());
    let args = ["export", "binance/BTC-USDT/trades", "--format", "csv,xlsx"];
    assert!(dccd(&setup, &args).status.success());

    let read = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exported.py");
    let said = Command::new(python).arg(read).current_dir(setup.path()).output().unwrap();

    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert_eq!(text(&said.stdout), "csv 4 rows\nxlsx 4 rows\n");
}

fn setup(zone: &str) -> TempDir {
    let setup = tempfile::tempdir().unwrap();
    let config = format!(
        "settings: {{data_path: ./data, timezone: {zone}}}\n\
         histo_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], span: 3600}}\n"
    );
    std::fs::write(setup.path().join("config.yml"), config).unwrap();
    setup
}

fn dccd(setup: &TempDir, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dccd"))
        .args(args)
        .current_dir(setup.path())
        .env("HOME", setup.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn store(setup: &TempDir, series: &str, rows: Batch) {
    let series: Series = series.parse().unwrap();
    let layout = Layout::new(setup.path().join("data"));
    let settings = StoreSettings::drawn(&layout, Micros(0), false).unwrap();
    let (writer, _) = Store::open(&layout, settings).unwrap().0.writer(&series).unwrap();
    writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
    writer.flush().unwrap();
}

fn candles(first: i64, last: i64) -> Batch {
    let mut rows = Batch::of(Kind::Ohlc);
    for index in first..last {
        rows.candles_mut().push(Candle {
            ts: Micros(YEAR_2024 + index * HOUR),
            open: 1.1,
            high: 2.0,
            low: 0.5,
            close: 1.25,
            volume: 1e-8,
            quote_volume: (index % 2 == 0).then_some(42_000.1),
            trades: Some(index),
        });
    }
    rows
}

/// The arguments that `exported.py` expects.
fn trades() -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    for index in 0..4_i64 {
        let id = format!("T,\"{index}\"");
        rows.trades_mut().push(Trade {
            ts: Micros(YEAR_2024 + index * 250_001),
            ts_recv: None,
            id: (index != 2).then_some(id.as_str()),
            price: 42_000.01 + index as f64 / 3.0,
            amount: 1e-8,
            side: [Some(Side::Buy), None, Some(Side::Sell), Some(Side::Buy)][index as usize],
        });
    }
    rows
}

//! `dccd tap`: rows received live, as the daemon accepts them, for readers that keep up and readers that stop.

use std::time::Duration;

use dccd::model::{Kind, Micros, Series, Zone};
use dccd::sim::Knobs;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

use crate::program::{command, dccd};
use crate::rig::{Rig, is_siege};
use crate::test_daemon::Metrics;

const SERIES: &str = "binance/BTC-USDT/trades";

#[derive(Deserialize)]
struct Row {
    series: String,
    ts: String,
    id: String,
}

/// Reads so many rows that a process prints.
async fn rows(child: &mut Child, count: usize) -> Vec<Row> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut rows = Vec::new();
    while rows.len() < count {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
        let Some(line) = line.expect("no row comes").unwrap() else {
            let mut why = String::new();
            child.stderr.take().unwrap().read_to_string(&mut why).await.unwrap();
            panic!("it ended after {} rows: {why}", rows.len());
        };
        rows.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_are_printed_as_they_are_accepted_and_a_reader_that_stops_costs_the_series_nothing() {
    // Trades a second, and how long they come while a reader reads nothing.
    let (rate, length) = if is_siege() { (5_000, 60) } else { (500, 12) };
    let knobs = Knobs { ws_rate: rate, ..Knobs::default() };
    let rig = Rig::of_trades("binance", &["BTC/USDT", "ETH/USDT"], knobs).await;
    let daemon = rig.start().await;
    rig.heard_until(dccd::clock::now(), Duration::from_secs(60)).await;

    let unknown = dccd(&rig.setup, &["tap", "binance/SOL-USDT/trades"]).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("no live series"), "{unknown:?}");

    // This one prints into a pipe that is never read.
    let stopped = command(&rig.setup, &["tap", "binance", "--json"]).spawn().unwrap();
    let mut reader = command(&rig.setup, &["tap", SERIES, "--json"]).spawn().unwrap();
    let printed = rows(&mut reader, 1_000).await;
    let from = dccd::clock::now();
    tokio::time::sleep(Duration::from_secs(length)).await;
    let until = dccd::clock::now();
    let readers = || Metrics::of(&daemon.engine).sum("dccd_server_event_readers");
    rig.wait_for(Duration::from_secs(60), || readers() == 0.0, || format!("{} readers", readers())).await;
    rig.heard_until(until, Duration::from_secs(60)).await;
    drop(reader);
    drop(stopped);
    daemon.stop().await;

    let series: Series = SERIES.parse().unwrap();
    let (window, stored) = rig.exact(SERIES);
    assert!(window.from <= from && window.until >= until && stored.kind() == Kind::Trades);
    rig.exact("binance/ETH-USDT/trades");
    assert!(printed.iter().all(|row| row.series == series.to_string()));
    let first = Micros::parse(&printed[0].ts, &Zone::UTC).unwrap();
    let trades = stored.trades();
    let after: Vec<String> =
        trades.iter().filter(|own| own.ts >= first).map(|own| own.id.unwrap().to_string()).collect();
    let start = after.iter().position(|id| *id == printed[0].id).unwrap();
    let ids: Vec<&str> = printed.iter().map(|row| &*row.id).collect();
    assert_eq!(after[start..start + printed.len()], ids[..], "each row is printed once, in order");
}

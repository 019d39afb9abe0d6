//! Rows of many series over HTTP and on the command line.

use std::collections::BTreeMap;
use std::time::Duration;

use dccd::sim::Knobs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::TestDaemon;

const JOBS: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2023-12-01, retry_delay: 0.01}";

async fn setup() -> TestDaemon {
    let symbols = vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()];
    let setup =
        TestDaemon::unlimited(JOBS, "2024-01-01 12:30:00", Knobs { symbols, ..Knobs::default() }).await;
    configure(&setup, &setup.text());
    assert_eq!(dccd(&setup, &["backfill"]).await.code, Some(0));
    setup
}

/// Joins the chunks of an answer's body.
fn joined(body: &str) -> String {
    let (mut rest, mut joined) = (body, String::new());
    while let Some((length, behind)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        joined.push_str(&behind[..length]);
        rest = behind.get(length + 2..).unwrap_or_default();
    }
    joined
}

#[tokio::test]
async fn rows_are_the_same_in_files_on_the_command_line_and_from_a_daemon() {
    let setup = setup().await;
    for pair in ["BTC", "ETH"] {
        let export = ["export", &format!("binance/{pair}-USDT/ohlc/1h"), "-o", &format!("{pair}.csv")];
        assert_eq!(dccd(&setup, &export).await.code, Some(0));
    }
    let exported =
        |pair: &str| std::fs::read_to_string(setup.folder.path().join(format!("{pair}.csv"))).unwrap();

    let one = dccd(&setup, &["read", "binance/BTC-USDT/ohlc/1h"]).await;
    let many = dccd(&setup, &["read", "*/*-USDT/ohlc", "--format", "csv"]).await;

    assert_eq!((one.code, one.err.as_str()), (Some(0), ""));
    assert_eq!(one.out, exported("BTC"));
    let mut lines = many.out.lines();
    assert!(lines.next().unwrap().starts_with("exchange,pair,ts,open,"), "{}", many.out);
    let mut by_pair: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut instants = Vec::new();
    for line in lines {
        let mut parts = line.splitn(3, ',');
        let (_, pair, row) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        instants.push(row.split(',').next().unwrap());
        by_pair.entry(pair).or_default().push(row);
    }
    assert!(instants.is_sorted());
    for (pair, rows) in by_pair {
        let exported = exported(&pair[..3]);
        assert!(exported.lines().skip(1).eq(rows.iter().copied()), "{pair}");
    }

    let daemon = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let range = "from=2023-12-05T00:00:00Z&until=2023-12-20T00:00:00Z&columns=ts,close&limit=700";
    let ask = format!("/api/v1/read?series=binance/BTC-USDT&series=*/ETH-*/ohlc/1h&{range}");
    let answered = request(&setup, "GET", &ask, "").await;
    let args = ["--from", "2023-12-05", "--until", "2023-12-20", "--columns", "ts,close", "--limit", "700"];
    let mut read = vec!["read", "binance", "--format", "jsonl"];
    read.extend(args);
    let printed = dccd(&setup, &read).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(joined(&answered.body), printed.out);
    assert_eq!(printed.out.lines().count(), 700);
    let first = printed.out.lines().next().unwrap();
    assert!(first.starts_with(
        r#"{"exchange":"binance","pair":"BTC/USDT","ts":"2023-12-05T00:00:00.000000Z","close":"#
    ));
    let metrics = request(&setup, "GET", "/metrics", "").await.body;
    assert!(metrics.contains("dccd_server_rows_read_total 700\n"), "{metrics}");

    for (wrong, status, why) in [
        ("", 400, "name one"),
        ("series=binance&columns=price", 400, "has no column `price`; it has ts, open"),
        ("series=binance&from=2024-01-01T00:00:00Z&until=2023-01-01T00:00:00Z", 400, "is not after"),
        ("series=binance&from=1900-01-01T00:00:00Z&until=2020-01-01T00:00:00Z", 400, "hundred years"),
        ("series=binanc", 404, "did you mean binance"),
        ("series=binance&format=xml", 400, "use csv, jsonl, arrow or parquet"),
        ("series=binance&rows=3", 400, "there is no `rows`"),
    ] {
        let refused = request(&setup, "GET", &format!("/api/v1/read?{wrong}"), "").await;
        assert_eq!(refused.status, status, "{wrong}: {refused:?}");
        assert!(refused.body.contains(why), "{wrong}: {refused:?}");
    }
    let wrong = dccd(&setup, &["read", "binance", "--columns", "x"]).await;
    assert_eq!((wrong.code, wrong.err.contains("has no column `x`")), (Some(2), true), "{wrong:?}");
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off_and_others_are_served_meanwhile() {
    let setup = setup().await;
    // Many times the rows, so that they do not fit into the buffers of a socket.
    assert_eq!(
        dccd(
            &setup,
            &[
                "backfill",
                "--exchange",
                "binance",
                "--pairs",
                "BTC/USDT",
                "--type",
                "ohlc",
                "--span",
                "60",
                "--start",
                "2023-12-01",
                "--end",
                "2024-01-01"
            ]
        )
        .await
        .code,
        Some(0)
    );
    let daemon = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let ask = "/api/v1/read?series=binance/BTC-USDT/ohlc/1m";
    let mut idle = Vec::new();
    for _ in 0..4 {
        let socket = setup.data_path().join(".dccd/daemon.sock");
        let mut stream = UnixStream::connect(socket).await.unwrap();
        let request = format!("GET {ask} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        idle.push(stream);
    }

    let fifth = request(&setup, "GET", ask, "").await;
    let health = request(&setup, "GET", "/health", "").await;

    assert_eq!((fifth.status, health.status), (503, 200), "{fifth:?}");
    let cut_off = async || {
        let metrics = request(&setup, "GET", "/metrics", "").await.body;
        metrics.contains("dccd_server_reads_total{outcome=\"cut_off\"} 4\n")
            && metrics.contains("dccd_server_reads_in_progress 0\n")
    };
    tokio::time::timeout(Duration::from_secs(50), wait_for(cut_off)).await.unwrap();
    let again = request(&setup, "GET", ask, "").await;
    assert_eq!((again.status, joined(&again.body).lines().count()), (200, 31 * 1_440));
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
    drop(idle);
}

//! The commands as a shell sees them: what they print and how they end.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::program::{command, configure, dccd, end, terminate};
use crate::test_daemon::{TestDaemon, window};

const TWO_PAIRS: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}";

async fn setup() -> TestDaemon {
    let setup = TestDaemon::with(TWO_PAIRS, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    setup
}

#[tokio::test]
async fn collect_counts_its_jobs_and_status_shows_them_from_metrics_json_alone() {
    let setup = setup().await;
    let none = dccd(&setup, &["status"]).await;
    assert_eq!((none.code, none.out.as_str()), (Some(0), "No metrics yet.\n"));
    assert!(!setup.data_path().exists(), "looking creates nothing");

    let done = dccd(&setup, &["collect"]).await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "Done. successes=2 failures=0\n"), "{done:?}");
    setup.sim.set(|knobs| knobs.symbols = vec!["BTCUSDT".to_owned()]);
    let failed = dccd(&setup, &["collect"]).await;
    assert_eq!((failed.code, failed.out.as_str()), (Some(1), "Done. successes=1 failures=1\n"), "{failed:?}");
    assert!(failed.err.contains("ETH-USDT") && failed.err.contains("-1121"), "{}", failed.err);

    std::fs::remove_file(setup.data_path().join(".dccd/state.db")).unwrap();
    let status = dccd(&setup, &["status"]).await;
    let lines: Vec<&str> = status.out.lines().collect();
    assert_eq!(lines[0], "job                      last_run (UTC)    last_success (UTC)   rows errors");
    assert_eq!(lines[1], "-".repeat(75));
    let (btc, eth) = (lines[2], lines[3]);
    assert!(btc.starts_with("binance/BTC/USDT         20") && btc.ends_with("     36      0"), "{btc}");
    assert!(eth.starts_with("binance/ETH/USDT         20") && eth.ends_with("     36      1"), "{eth}");
    assert_eq!((btc.len(), lines.len()), (75, 4));
    let json = dccd(&setup, &["status", "--json"]).await;
    assert!(
        json.out.contains("\"binance/ETH/USDT\": {") && json.out.contains("\"errors_count\": 1"),
        "{}",
        json.out
    );
    setup.assert_rows("binance/BTC-USDT/ohlc/1h", window("2024-01-30", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn backfill_chooses_its_series_and_a_dry_run_asks_and_creates_nothing() {
    let setup = setup().await;

    let dry = dccd(&setup, &["backfill", "--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(
        dry.out.lines().filter(|line| line.contains("DRY RUN") && line.contains("windows")).count(),
        2
    );
    assert_eq!(setup.sim.requests().len(), 0);
    assert!(!setup.data_path().exists());

    let one =
        dccd(&setup, &["backfill", "--pairs", "BTC/USDT", "--start", "2024-01-29", "--end", "2024-01-30"])
            .await;
    assert_eq!(one.code, Some(0), "{one:?}");
    assert_eq!(one.out, "[Binance  BTC/USDT 1h] done — 24 candles, 0 windows skipped\n");
    setup.assert_rows("binance/BTC-USDT/ohlc/1h", window("2024-01-29", "2024-01-30"));

    let both = dccd(&setup, &["backfill", "--pairs", "BTC/USDT", "ETH/USDT", "--parallel"]).await;
    assert_eq!((both.code, both.out.lines().count()), (Some(0), 2), "{both:?}");
    setup.assert_rows("binance/BTC-USDT/ohlc/1h", window("2024-01-29", "2024-01-31 12:00:00"));
    setup.assert_rows("binance/ETH-USDT/ohlc/1h", window("2024-01-30", "2024-01-31 12:00:00"));
    let again = dccd(&setup, &["backfill"]).await;
    assert!(again.out.lines().all(|line| line.ends_with("already up to date")), "{again:?}");

    let args = ["backfill", "-e", "binance", "-p", "ETH/USDT", "-s", "14400", "--start", "2024-01-30"];
    let ad_hoc = dccd(&setup, &args).await;
    assert_eq!(ad_hoc.code, Some(0), "{ad_hoc:?}");
    setup.assert_rows("binance/ETH-USDT/ohlc/4h", window("2024-01-30", "2024-01-31 12:00:00"));

    let none = dccd(&setup, &["backfill", "--pairs", "DOGE/USDT"]).await;
    assert_eq!(none.code, Some(1));
    assert!(
        none.err.starts_with("Error: No matching jobs — check --exchange / --pairs filters.\n"),
        "{none:?}"
    );
    let one = dccd(&setup, &["backfill", "--pairs", "BTC/USDT", "BTC/USD"]).await;
    assert!(one.code == Some(1) && one.err.contains("`BTC/USD`; did you mean BTC/USDT?"), "{one:?}");
    assert_eq!(one.out, "", "nothing is begun where a name means nothing");
    for wrong in [
        &["backfill", "--span", "61x"][..],
        &["backfill", "--start", "soon"],
        &["fetch"],
        &["backfill", "-e", "krakn"],
    ] {
        let refused = dccd(&setup, wrong).await;
        assert_eq!(refused.code, Some(2), "{wrong:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_failed_window_ends_with_1_and_says_why() {
    let setup = setup().await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]);

    let failed = dccd(&setup, &["backfill", "--pairs", "BTC/USDT"]).await;

    assert_eq!(
        (failed.code, failed.out.as_str()),
        (Some(1), "[Binance  BTC/USDT 1h] done — 0 candles, 1 windows skipped\n")
    );
    assert!(failed.err.contains("after 3 attempts"), "{}", failed.err);
    let gaps = dccd(&setup, &["gaps"]).await;
    assert!(gaps.out.contains("3 attempts failed") && gaps.out.contains("-1000"), "{}", gaps.out);
    let logs = dccd(&setup, &["logs", "binance/BTC-USDT/ohlc/1h"]).await;
    assert!(logs.out.contains("run failed"), "{}", logs.out);
}

#[tokio::test]
async fn what_is_held_is_shown_as_a_table_and_as_json() {
    let setup = setup().await;
    dccd(&setup, &["backfill"]).await;

    let table = dccd(&setup, &["inventory"]).await;
    let row = table.out.lines().find(|line| line.contains("ETH/USDT")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[..7], ["binance", "ETH/USDT", "ohlc", "1h", "2024-01-30", "2024-01-31", "36"]);
    let json = dccd(&setup, &["inventory", "--json"]).await;
    assert!(
        json.out.contains("\"series\": \"binance/ETH-USDT/ohlc/1h\"") && json.out.contains("\"rows\": 36")
    );
    let verified = dccd(&setup, &["verify"]).await;
    assert_eq!((verified.code, verified.out.as_str()), (Some(0), "Verified 2 series: 0 fault(s).\n"));
    let gaps = dccd(&setup, &["gaps", "--json"]).await;
    assert_eq!(gaps.code, Some(0));
    assert!(gaps.out.starts_with('[') && gaps.out.trim_end().ends_with(']'), "{}", gaps.out);

    let path = setup.layout().folder(&"binance/ETH-USDT/ohlc/1h".parse().unwrap()).join("2024.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let broken = dccd(&setup, &["verify"]).await;
    assert_eq!(broken.code, Some(1));
    assert!(broken.out.contains("2024.parquet") && broken.out.contains("1 fault(s)"), "{}", broken.out);
    let json = dccd(&setup, &["verify", "--json"]).await;
    assert_eq!(json.code, Some(1));
    assert!(json.out.starts_with("[\n") && json.out.contains("\"fault\": \""), "{}", json.out);
}

#[tokio::test]
async fn every_exit_code_says_what_was_wrong() {
    let setup = setup().await;
    configure(&setup, &setup.text().replace("span: 3600", "span: often"));
    assert_eq!(dccd(&setup, &["validate"]).await.code, Some(1));
    for command in ["backfill", "collect", "start", "status", "inventory", "gaps", "verify", "logs"] {
        let refused = dccd(&setup, &[command]).await;
        assert_eq!(refused.code, Some(78), "{command}: {refused:?}");
        assert!(refused.err.contains("histo_jobs[0].span"), "{}", refused.err);
    }

    let file = setup.folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let below = file.join("data").display().to_string();
    configure(&setup, &setup.text().replace(&setup.data_path().display().to_string(), &below));
    for command in ["backfill", "collect", "start"] {
        let refused = dccd(&setup, &[command]).await;
        assert_eq!(refused.code, Some(74), "{command}: {refused:?}");
    }

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("listen: [\"{}\"]", taken.local_addr().unwrap());
    configure(&setup, &setup.text().replace("listen: []", &listen));
    let refused = dccd(&setup, &["start"]).await;
    assert_eq!(refused.code, Some(69), "{refused:?}");
    let refused = dccd(&setup, &["sim", "--listen", &taken.local_addr().unwrap().to_string()]).await;
    assert_eq!(refused.code, Some(69), "{refused:?}");
}

#[tokio::test]
async fn a_run_that_cannot_write_ends_with_74_and_claims_nothing() {
    let setup = setup().await;
    // A file stands where the folder of the candles would be.
    std::fs::create_dir_all(setup.data_path().join("binance")).unwrap();
    std::fs::write(setup.data_path().join("binance/ohlc"), "in the way").unwrap();

    for command in ["backfill", "collect"] {
        let refused = dccd(&setup, &[command]).await;
        assert_eq!(refused.code, Some(74), "{command}: {refused:?}");
    }
    let status = dccd(&setup, &["status"]).await;
    assert!(status.out.lines().nth(2).unwrap().ends_with("      0      2"), "{}", status.out);
}

#[tokio::test]
async fn a_daemon_holds_its_data_path_and_ends_when_it_is_told_to() {
    let setup = setup().await;
    let mut daemon = command(&setup, &["start"]).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "Starting daemon. Press Ctrl-C to stop.");
    let ready = tokio::time::timeout(Duration::from_secs(10), async {
        while setup.asked(Endpoint::Ohlc).len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    ready.await.unwrap();

    let refused = dccd(&setup, &["start"]).await;
    assert_eq!(refused.code, Some(75), "{refused:?}");
    let holder = format!("dccd start (process {})", daemon.id().unwrap());
    assert!(refused.err.contains(&holder), "{}", refused.err);
    for reading in ["status", "inventory", "gaps", "verify", "logs", "validate"] {
        assert_eq!(dccd(&setup, &[reading]).await.code, Some(0), "{reading}");
    }

    terminate(&daemon).await;
    let told = tokio::time::Instant::now();
    let rest = async {
        let mut rest = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            rest.push(line);
        }
        rest
    };
    let (ended, rest) = tokio::join!(end(daemon), rest);
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    assert_eq!(
        (ended.code, rest),
        (Some(0), vec!["Stopping daemon…".to_owned(), "Daemon stopped.".to_owned()]),
        "{}",
        ended.err
    );
    setup.assert_rows("binance/BTC-USDT/ohlc/1h", window("2024-01-30", "2024-01-31 12:00:00"));
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0), "the path is free again");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_panic() {
    let setup = setup().await;
    dccd(&setup, &["backfill"]).await;
    for args in [
        &["inventory"][..],
        &["status"],
        &["gaps", "--json"],
        &["verify"],
        &["logs"],
        &["validate"],
        &["backfill"],
        &["collect"],
        &["completions", "bash"],
        &["sim", "--listen", "127.0.0.1:0"],
    ] {
        let mut child = command(&setup, args).spawn().unwrap();
        drop(child.stdout.take());
        if args[0] == "sim" {
            tokio::time::sleep(Duration::from_millis(300)).await;
            terminate(&child).await;
        }
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
        let status = child.wait().await.unwrap();
        assert!(!err.contains("panicked"), "{args:?}: {err}");
        assert_ne!(status.code(), Some(101), "{args:?}");
    }
}

#[tokio::test]
async fn stream_jobs_of_what_an_exchange_does_not_send_are_said_not_to_run() {
    let setup = setup().await;
    let streams = "stream_jobs:\n  - {exchange: coinbase, pairs: [BTC/USD], channels: [ohlc], spans: [60]}\n";
    configure(&setup, &format!("{}{streams}", setup.text()));

    for command in ["validate", "status"] {
        let told = dccd(&setup, &[command]).await;
        let text = format!("{}{}", told.out, told.err);
        assert!(text.contains("stream") && text.contains("not running"), "{command}: {told:?}");
        assert_eq!(told.code, Some(0));
    }
    let daemon = command(&setup, &["start"]).spawn().unwrap();
    let ready = tokio::time::timeout(Duration::from_secs(10), async {
        while setup.asked(Endpoint::Ohlc).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    ready.await.unwrap();
    terminate(&daemon).await;
    let told = end(daemon).await;
    assert!(told.err.contains("stream") && told.err.contains("not running"), "{told:?}");
}

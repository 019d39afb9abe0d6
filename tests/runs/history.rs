//! The history of metrics of a whole program: kept by itself, written at the end, the same over HTTP and on the command line.

use dccd::sim::Knobs;

use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::TestDaemon;

const JOB: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}";
const RUNS: &str = "job:binance/BTC-USDT/ohlc/1h:runs";

async fn setup(telemetry: &str) -> TestDaemon {
    let setup = TestDaemon::with(JOB, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &format!("{}{telemetry}", setup.text()));
    setup
}

/// Text that differs in its spaces only becomes the same.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The whole value of a counter over all that is kept.
async fn total(setup: &TestDaemon, key: &str) -> Option<f64> {
    let shown = dccd(setup, &["history", key, "--resolution", "1d", "--json"]).await;
    let json = dense(&shown.out);
    let of_key = json.split(&format!("\"key\":\"{key}\"")).nth(1)?;
    let value = of_key.split("\"value\":").nth(1)?;
    value.split([',', '}']).next()?.parse().ok()
}

#[tokio::test]
async fn one_shot_commands_add_to_one_history() {
    let setup = setup("").await;
    let before = dccd(&setup, &["history"]).await;
    assert_eq!((before.code, before.out.as_str()), (Some(1), ""), "{before:?}");
    assert!(before.err.contains("nothing has been recorded yet"), "{before:?}");

    for runs in 1..=3_u8 {
        assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));
        assert_eq!(total(&setup, RUNS).await, Some(f64::from(runs)));
    }

    let rows = total(&setup, "job:binance/BTC-USDT/ohlc/1h:rows").await;
    assert_eq!(rows, Some(36.0));
    assert!(total(&setup, "exchange:binance:requests").await >= Some(3.0));
    let shown = dccd(&setup, &["history", "job", "--resolution", "1h"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let line = shown.out.lines().find(|line| line.starts_with(RUNS)).unwrap();
    assert!(line.contains(" 3 ") && line.contains("runs") && line.ends_with('█'), "{line}");
    assert!(
        shown.out.lines().any(|line| line.starts_with("job:binance/BTC-USDT/ohlc/1h:latency")),
        "{shown:?}"
    );
}

#[tokio::test]
async fn the_last_minute_of_a_daemon_is_written_when_it_stops() {
    let setup = setup("").await;
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let ran = r#"dccd_job_runs_total{exchange="binance",kind="ohlc",pair="BTC/USDT",span="1h"} 1"#;
    wait_for(|| async { request(&setup, "GET", "/metrics", "").await.body.contains(ran) }).await;
    assert_eq!(total(&setup, RUNS).await, None, "it is written once a minute");

    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));

    assert_eq!(total(&setup, RUNS).await, Some(1.0));
    assert!(total(&setup, "exchange:binance:requests").await >= Some(1.0));
    assert!(total(&setup, "publish:ohlc:written").await >= Some(1.0));
}

#[tokio::test]
async fn a_daemon_answers_as_the_command_line_does_and_goes_on_after_a_kill() {
    let setup = setup("telemetry: {collect_interval: 1, history_interval: 1}\n").await;
    for runs in 1..=2_u8 {
        let mut child = command(&setup, &["start"]).spawn().unwrap();
        wait_for_exit(&setup, &["healthcheck"], 0).await;
        assert_eq!(dccd(&setup, &["jobs", "run", "binance"]).await.code, Some(0));
        wait_for(|| async { total(&setup, RUNS).await >= Some(f64::from(runs)) }).await;
        let asked = "/api/v1/metrics?prefix=job%3Abinance/BTC-USDT/ohlc/1h&resolution=1d";
        let args = ["history", "job:binance/BTC-USDT/ohlc/1h", "--resolution", "1d", "--json"];
        // The next write may come between the two.
        wait_for(|| async {
            let answer = request(&setup, "GET", asked, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            dense(&answer.body) == dense(&dccd(&setup, &args).await.out)
        })
        .await;
        let all = request(&setup, "GET", "/api/v1/metrics?limit=2&resolution=1h", "").await.body;
        let next = all.split("\"next\":\"").nth(1).unwrap().split('"').next().unwrap();
        let page =
            request(&setup, "GET", &format!("/api/v1/metrics?limit=2&resolution=1h&cursor={next}"), "").await;
        assert!(page.status == 200 && !page.body.contains(&format!("\"key\":\"{next}\"")), "{page:?}");
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }
    let runs = total(&setup, RUNS).await.unwrap();
    assert!((2.0..=4.0).contains(&runs), "{runs}");

    // Each page of the queue, the exchange and the journal is there.
    for prefix in
        ["queue:binance:depth", "queue:binance:oldest_age", "exchange:binance:latency", "journal:sync"]
    {
        let shown = dccd(&setup, &["history", prefix, "--resolution", "1h"]).await;
        assert_eq!(shown.code, Some(0), "{prefix}: {shown:?}");
    }
}

#[tokio::test]
async fn a_wrong_question_is_answered_with_what_is_wrong() {
    let setup = setup("").await;
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    for (query, parameter, word) in [
        ("resolution=2min", "\"resolution\"", "1m, 5m, 1h, 1d"),
        ("since=1926-01-01T00:00:00Z", "\"since\"", "the oldest that is kept"),
        ("since=2026-01-01T00:00:00", "\"since\"", "has no zone"),
        ("resolution=1m&since=2h", "\"since\"", "resolution 5m"),
        ("limit=0", "\"limit\"", "from 1 to 200"),
        ("worker=a%20b", "\"worker\"", "letters"),
        ("worker=nobody", "\"worker\"", "no worker `nobody`"),
        ("prefix=queue&cursor=job:a", "\"cursor\"", "not of this query"),
        ("prefix=%00", "\"prefix\"", "NUL"),
        ("colour=red", "\"colour\"", "there is no parameter `colour`; use cursor, limit"),
        ("limit=1&limit=2", "\"limit\"", "`limit` is given twice"),
    ] {
        let answer = request(&setup, "GET", &format!("/api/v1/metrics?{query}"), "").await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.body.contains(parameter) && answer.body.contains(word), "{query}: {}", answer.body);
        assert!(answer.body.contains("\"title\":\"Bad Request\""), "{query}: {}", answer.body);
    }
    let none = request(&setup, "GET", "/api/v1/metrics?prefix=que&resolution=1d", "").await;
    assert!(none.status == 200 && none.body.contains("\"metrics\":[],\"next\":null"), "{none:?}");
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));

    for (args, word) in [
        (["--resolution", "2min"], "resolution: `2min` is not a resolution"),
        (["--since", "100000d"], "the oldest that is kept at resolution 1d"),
        (["--worker", "nobody"], "no worker `nobody` has written history"),
        (["que", "--json"], "\"metrics\": []"),
        (["que", "--resolution=1d"], "nothing is kept under `que` at 1d"),
    ] {
        let ended = dccd(&setup, &[&["history"], &args[..]].concat()).await;
        let is_json = args.contains(&"--json");
        assert_eq!(ended.code, Some(i32::from(!is_json)), "{args:?}: {ended:?}");
        assert!(
            if is_json { ended.out.contains(word) } else { ended.err.contains(word) },
            "{args:?}: {ended:?}"
        );
    }
}

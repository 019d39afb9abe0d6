//! A new configuration for a daemon that runs: what changes, what goes on, and what is refused.

use std::time::Duration;

use dccd::sim::{Endpoint, Knobs};
use tokio::process::Child;

use crate::program::{command, configure, dccd, end, request, signal, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{TestDaemon, window};

const LONG: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 60, start: 2024-01-01, retry_delay: 0.01}";
const OTHER: &str = "  - {exchange: binance, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01}\n";

async fn daemon(knobs: Knobs) -> (TestDaemon, Child) {
    let setup =
        TestDaemon::with(LONG, "2024-01-31 12:00:05", Knobs { weight_limit: 1_000_000, ..knobs }).await;
    configure(&setup, &setup.text());
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    (setup, child)
}

async fn metrics(setup: &TestDaemon) -> String {
    request(setup, "GET", "/metrics", "").await.body
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

fn of(family: &str, pair: &str, span: &str) -> String {
    format!("dccd_{family}{{exchange=\"binance\",kind=\"ohlc\",pair=\"{pair}\",span=\"{span}\"}}")
}

#[tokio::test]
async fn fifty_reloads_good_and_bad_interrupt_no_run_and_lose_no_row() {
    let knobs = Knobs { latency: Duration::from_millis(120), page_limit: 150, ..Knobs::default() };
    let (setup, child) = daemon(knobs).await;
    let good = [setup.text(), format!("{}{OTHER}", setup.text())];
    let bad = [setup.text().replace("span: 60", "span: 30"), "settings: {".to_owned()];
    let is_accepted = |index: usize| index % 3 != 2;

    for index in 0..50 {
        let text = if is_accepted(index) { &good[(index / 3 + index) % 2] } else { &bad[index % 2] };
        configure(&setup, text);
        let outcome = if is_accepted(index) { "accepted" } else { "refused" };
        let loads = format!("dccd_config_loads_total{{outcome=\"{outcome}\"}}");
        let before = value(&metrics(&setup).await, &loads).unwrap();
        if index % 2 == 0 {
            let answer = request(&setup, "POST", "/-/reload", "").await;
            assert_eq!(answer.status, if is_accepted(index) { 200 } else { 400 }, "{}", answer.body);
            assert!(is_accepted(index) || answer.body.contains("\"problems\":[\""), "{}", answer.body);
        } else {
            signal(&child, "HUP").await;
        }
        wait_for(|| async { value(&metrics(&setup).await, &loads) == Some(before + 1.0) }).await;

        let now = metrics(&setup).await;
        let successful = f64::from(u8::from(is_accepted(index)));
        assert_eq!(value(&now, "dccd_config_last_reload_successful"), Some(successful), "reload {index}");
        if is_accepted(index) {
            // Its label sets come with a job, and go with it once a run that is under way has ended.
            wait_for(|| async { metrics(&setup).await.contains("span=\"1h\"") == (text == &good[1]) }).await;
        }
        if index == 25 {
            for pair in ["BTC/USDT", "ETH/USDT"] {
                assert_eq!(
                    value(&now, &of("job_runs_total", pair, "1m")),
                    Some(0.0),
                    "too fast to prove anything"
                );
            }
        }
    }

    for pair in ["BTC/USDT", "ETH/USDT"] {
        let ended =
            || async { value(&metrics(&setup).await, &of("job_runs_total", pair, "1m")) == Some(1.0) };
        wait_for(ended).await;
        let now = metrics(&setup).await;
        assert_eq!(value(&now, &of("job_consecutive_errors", pair, "1m")), Some(0.0));
        let stored = setup.stored(&format!("binance/{}/ohlc/1m", pair.replace('/', "-"))).len();
        assert_eq!(value(&now, &of("rows_written_total", pair, "1m")), Some(stored as f64));
    }
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
    let log = dccd(&setup, &["logs"]).await.out;
    assert!(!log.contains("run stopped") && !log.contains("run failed"), "{log}");
    let held = |series: &str| setup.stored(series).len() as u64;
    let pairs = dccd::telemetry::read_pairs(&setup.data_path()).unwrap();
    let hourly = held("binance/BTC-USDT/ohlc/1h");
    assert!(hourly > 0);
    for (pair, more) in [("BTC/USDT", hourly), ("ETH/USDT", 0)] {
        let series = format!("binance/{}/ohlc/1m", pair.replace('/', "-"));
        setup.assert_rows(&series, window("2024-01-01", "2024-01-31 12:00:00"));
        // A job that came and went several times is not counted twice either.
        assert_eq!(pairs[&format!("binance/{pair}")].rows_collected, held(&series) + more, "{pair}");
    }
}

#[tokio::test]
async fn a_removed_job_ends_its_run_normally_and_then_is_gone_and_a_new_one_runs_at_once() {
    let knobs = Knobs { latency: Duration::from_millis(300), page_limit: 500, ..Knobs::default() };
    let (setup, child) = daemon(knobs).await;
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > 4 }).await;

    let only_hourly =
        format!("{}{OTHER}", setup.text().split("  - {exchange: binance, pairs: [BTC").next().unwrap());
    configure(&setup, &only_hourly);
    let answer = request(&setup, "POST", "/-/reload", "").await;
    assert!(answer.body.contains("\"added\":1,\"removed\":2,\"changed\":0"), "{}", answer.body);
    assert!(metrics(&setup).await.contains("span=\"1m\""), "they run");
    wait_for(|| async {
        value(&metrics(&setup).await, &of("job_runs_total", "BTC/USDT", "1h")) == Some(1.0)
    })
    .await;
    wait_for(|| async { !metrics(&setup).await.contains("span=\"1m\"") }).await;

    assert_eq!(value(&metrics(&setup).await, "dccd_jobs{status=\"waiting\"}"), Some(1.0));
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
    for pair in ["BTC-USDT", "ETH-USDT"] {
        setup.assert_rows(&format!("binance/{pair}/ohlc/1m"), window("2024-01-01", "2024-01-31 12:00:00"));
    }
}

#[tokio::test]
async fn what_cannot_change_while_it_runs_is_said_plainly_and_stays() {
    let (setup, child) = daemon(Knobs::default()).await;
    let text = setup.text().replace("listen: []", "listen: [\"127.0.0.1:1\"]");
    configure(&setup, &text.replace("data_path: ", "environment: elsewhere, data_path: "));

    let answer = request(&setup, "POST", "/-/reload", "").await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    for setting in ["settings.environment", "http"] {
        let line = format!("{setting} changed, which applies at the next start");
        assert!(answer.body.contains(&line), "{}", answer.body);
    }
    assert_eq!(value(&metrics(&setup).await, "dccd_config_settings_awaiting_restart"), Some(2.0));
    configure(&setup, "nonsense: true");
    let refused = request(&setup, "POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("nonsense: unknown key") && refused.body.contains("at least one job"),
        "{}",
        refused.body
    );
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
}

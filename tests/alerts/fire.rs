//! From an exchange that fails to a message in the place of Slack, and back: the program on a simulated exchange, a
//! real Prometheus, a real Alertmanager, and the shipped files. On the way every alert and every panel is asked of that
//! Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use dccd::sim::{Fault, Knobs, Rule, Sim};
use tempfile::TempDir;

use crate::answers::assert_answers;
use crate::daemon::Daemon;
use crate::needs;
use crate::overlay::{self, Timing};
use crate::post::{PostBox, Posted};
use crate::process::wait_for;

/// Failed runs in a row that make an alert, by exchange: each of its own daemon and configuration.
const THRESHOLDS: [(&str, &str, u32); 2] = [("binance", "BTC/USDT", 3), ("kraken", "ETH/USD", 5)];

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_fails_is_told_of_once_and_its_recovery_once() {
    if !needs::programs(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let (folder, slack) = (TempDir::new().unwrap(), PostBox::open().await);
    fs::create_dir(folder.path().join("secrets")).unwrap();
    for name in ["slack_url", "second_url"] {
        fs::write(folder.path().join("secrets").join(name), slack.url(name)).unwrap();
    }
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs()).await.unwrap();
    let mut daemons = Vec::new();
    for (exchange, pair, threshold) in THRESHOLDS {
        daemons.push(Daemon::start(&sim, exchange, pair, threshold).await);
    }
    let addresses: Vec<SocketAddr> = daemons.iter().map(|daemon| daemon.address).collect();
    let alertmanager = overlay::alertmanager(folder.path(), Timing::Quick).await;
    let prometheus =
        overlay::prometheus(folder.path(), Timing::Quick, alertmanager.address, &addresses).await;
    for daemon in &daemons {
        daemon.wait_for("dccd_job_last_success_timestamp_seconds", |at| at > 0.0).await;
    }
    wait_for("the first scrapes", async || {
        let scraped = prometheus.get("/api/v1/query?query=count(up==1)").await;
        scraped.contains(r#""4"]"#).then_some(())
    })
    .await;

    sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500)]);
    for (daemon, (exchange, pair, threshold)) in daemons.iter().zip(THRESHOLDS) {
        daemon.wait_for("dccd_job_consecutive_errors", |errors| errors >= f64::from(threshold)).await;
        let failed = Instant::now();
        let message =
            wait_for("a message that it fails", async || first(&slack, exchange, "danger|warning")).await;
        println!("{exchange}: {:?} from failure {threshold} to the message", message.at - failed);
        assert_firing(&message, exchange, pair, threshold);
    }
    sim.set(|knobs| knobs.faults.clear());
    tokio::join!(
        recovery(&daemons[0], &slack, THRESHOLDS[0].0),
        recovery(&daemons[1], &slack, THRESHOLDS[1].0)
    );

    assert_answers(&prometheus).await;
    let told: Vec<String> = slack.messages().iter().map(|message| message.attachment().title).collect();
    assert_eq!(
        told.len(),
        2 * THRESHOLDS.len(),
        "one message each when it fails and when it is over: {told:#?}"
    );
    for daemon in daemons {
        daemon.end().await;
    }
    sim.stop().await;
}

async fn recovery(daemon: &Daemon, slack: &PostBox, exchange: &str) {
    daemon.wait_for("dccd_job_consecutive_errors", |errors| errors == 0.0).await;
    let recovered = Instant::now();
    let message = wait_for("a message that it is over", async || first(slack, exchange, "good")).await;
    println!("{exchange}: {:?} from recovery to \"resolved\"", message.at - recovered);
}

fn knobs() -> Knobs {
    Knobs { symbols: vec!["BTCUSDT".to_owned(), "ETHUSD".to_owned()], ..Knobs::default() }
}

fn first(slack: &PostBox, exchange: &str, colors: &str) -> Option<Posted> {
    slack.messages().into_iter().find(|message| {
        let attachment = message.attachment();
        attachment.title.contains(exchange) && colors.contains(&attachment.color)
    })
}

fn assert_firing(message: &Posted, exchange: &str, pair: &str, threshold: u32) {
    let told = message.attachment();
    assert_eq!(message.path, "/slack_url");
    assert_eq!(told.title, format!(":warning: dccd: {threshold} consecutive errors on {exchange} {pair}"));
    assert!(
        told.text.starts_with(&told.title) && told.text.contains("*DccdConsecutiveErrors*"),
        "{}",
        told.text
    );
    let links: BTreeMap<&str, &str> =
        told.actions.iter().map(|action| (action.text.as_str(), action.url.as_str())).collect();
    assert!(links["Runbook"].ends_with("/docs/runbooks/DccdConsecutiveErrors.md"), "{links:?}");
    assert!(links.contains_key("Dashboard"), "{links:?}");
}

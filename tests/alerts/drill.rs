//! `dccd alerts test` on a running daemon, Prometheus and Alertmanager, and what it says where one of them is not in order.

use std::fs;
use std::process::Output;

use dccd::sim::{Knobs, Sim};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::needs;
use crate::overlay::{self, Timing};
use crate::post::PostBox;
use crate::process::{Server, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_times_every_hop_and_fails_where_slack_is_dead() {
    if !needs::programs(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let (folder, slack) = (TempDir::new().unwrap(), PostBox::open().await);
    let secret = folder.path().join("secrets/slack_url");
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(&secret, slack.url("slack")).unwrap();
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), Knobs::default()).await.unwrap();
    let daemon = Daemon::start(&sim, "binance", "BTC/USDT", 3).await;
    let alertmanager = overlay::alertmanager(folder.path(), Timing::Quick).await;
    let prometheus =
        overlay::prometheus(folder.path(), Timing::Quick, alertmanager.address, &[daemon.address]).await;

    let drill = drill(&daemon, &prometheus, &alertmanager, &[]).await;

    let said = printed(&drill);
    println!("{said}");
    assert!(drill.status.success(), "{said}");
    let hops: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(" s  ")).map(|(_, hop)| hop).collect();
    assert_eq!(
        hops,
        ["raised by the daemon", "firing in Prometheus", "active in Alertmanager", "sent to the receiver"]
    );
    let message = slack.messages().remove(0);
    assert_eq!((message.path.as_str(), message.attachment().color.as_str()), ("/slack", "warning"));
    assert!(message.attachment().title.starts_with(":warning: dccd: fire drill of dccd on "), "{message:?}");
    daemon.wait_for("dccd_test_alert_active", |active| active == 0.0).await;
    wait_for("the message that it is over", async || (slack.messages().len() > 1).then_some(())).await;

    fs::remove_file(&secret).unwrap();
    let direct = self::drill(&daemon, &prometheus, &alertmanager, &["--direct"]).await;
    assert_eq!(direct.status.code(), Some(1));
    assert!(printed(&direct).contains("tried to notify and failed"), "{}", printed(&direct));
    daemon.end().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_without_alertmanager_or_without_a_daemon_says_so() {
    if !needs::programs(&["prometheus-alertmanager"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), Knobs::default()).await.unwrap();
    let daemon = Daemon::start(&sim, "binance", "BTC/USDT", 3).await;
    let alertmanager = overlay::alertmanager(folder.path(), Timing::Quick).await;
    let unreachable = "http://127.0.0.1:1";
    let at = format!("http://{}", alertmanager.address);

    let alone = daemon.command(&["alerts", "test", "--alertmanager", unreachable]).await;
    let unwatched =
        daemon.command(&["alerts", "test", "--alertmanager", &at, "--prometheus", unreachable]).await;

    for (output, hint) in [
        (alone, "127.0.0.1:1/metrics does not answer"),
        (unwatched, "127.0.0.1:1/api/v1/alerts does not answer"),
    ] {
        assert_eq!(output.status.code(), Some(1));
        assert!(printed(&output).contains(hint), "{}", printed(&output));
    }
    daemon.end().await;
    sim.stop().await;
}

async fn drill(daemon: &Daemon, prometheus: &Server, alertmanager: &Server, more: &[&str]) -> Output {
    let (prometheus, alertmanager) =
        (format!("http://{}", prometheus.address), format!("http://{}", alertmanager.address));
    let always =
        ["alerts", "test", "--for", "40", "--prometheus", &prometheus, "--alertmanager", &alertmanager];
    daemon.command(&[&always[..], more].concat()).await
}

fn printed(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

//! A stalled exchange: its sockets stay open and send nothing. An alert says so within two minutes, as everything is
//! shipped but for the waits of Alertmanager and the scrapes, and is over by itself once it sends again.

use std::fs;
use std::time::Duration;

use dccd::sim::{Knobs, Rate, Sim, WsFault, WsRule};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::answers;
use crate::daemon::Daemon;
use crate::needs;
use crate::overlay::{self, Timing};
use crate::post::{PostBox, Posted};

/// How soon an operator is to know.
const TOLD_WITHIN: Duration = Duration::from_secs(120);
/// A topic that stays quiet is looked at ever less often, at least this often.
const OVER_WITHIN: Duration = Duration::from_secs(360);

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_exchange_is_told_of_within_two_minutes_and_its_recovery_by_itself() {
    if !needs::programs(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let (folder, slack) = (TempDir::new().unwrap(), PostBox::open().await);
    fs::create_dir(folder.path().join("secrets")).unwrap();
    for name in ["slack_url", "second_url"] {
        fs::write(folder.path().join("secrets").join(name), slack.url(name)).unwrap();
    }
    let sim =
        Sim::start("127.0.0.1:0".parse().unwrap(), Knobs { ws_rate: 5, ..Knobs::default() }).await.unwrap();
    let sections = format!(
        "exchanges:\n  binance: {{rest_url: \"{rest}/binance\", ws_url: \"{ws}/binance\"}}\n  \
         kraken: {{rest_url: \"{rest}/kraken\", ws_url: \"{ws}/kraken\"}}\n\
         stream_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades]}}\n  \
         - {{exchange: kraken, pairs: [BTC/USDT], channels: [book]}}\n",
        rest = sim.url(),
        ws = sim.ws_url(),
    );
    let daemon = Daemon::with(&sections, "").await;
    let alertmanager = overlay::alertmanager(folder.path(), Timing::Quick).await;
    let prometheus =
        overlay::prometheus(folder.path(), Timing::Quick, alertmanager.address, &[daemon.address]).await;
    daemon.wait_for("dccd_websocket_last_message_timestamp_seconds", |secs| secs > 0.0).await;

    let stalled = Instant::now();
    sim.set(|knobs| knobs.ws_faults = vec![WsRule { fault: WsFault::Stall, rate: Rate::EveryNth(1) }]);
    let message = told(&slack, "danger", stalled + TOLD_WITHIN).await;
    println!("{:?} from the stall to the message", stalled.elapsed());
    let text = message.attachment();
    assert_eq!(text.title, ":rotating_light: dccd: no live series of binance comes in");
    assert!(text.text.contains("*DccdStreamsDown*"), "{}", text.text);

    sim.set(|knobs| knobs.ws_faults.clear());
    let mended = Instant::now();
    let message = told(&slack, "good", mended + OVER_WITHIN).await;
    println!("{:?} from its end to \"resolved\"", mended.elapsed());
    assert!(message.attachment().text.contains("DccdStreamsDown"), "{}", message.body);

    answers::assert_live_answers(&prometheus).await;
    daemon.end().await;
    sim.stop().await;
}

/// The first message of a colour about live series.
async fn told(slack: &PostBox, color: &str, deadline: Instant) -> Posted {
    loop {
        let is_meant = |message: &Posted| {
            let told = message.attachment();
            told.color == color && told.title.contains("live series of binance")
        };
        if let Some(message) = slack.messages().into_iter().find(is_meant) {
            return message;
        }
        let said: Vec<String> = slack.messages().iter().map(|message| message.attachment().title).collect();
        assert!(Instant::now() < deadline, "no such message in time; there are {said:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

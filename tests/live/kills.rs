//! A program that is killed while it listens: what it had accepted is there once, and the time in between is filled.

use std::time::Duration;

use dccd::model::{Micros, Window};
use dccd::sim::Knobs;

use crate::dice::{Dice, times};
use crate::program::{command, end, terminate, try_request};
use crate::rig::{Rig, is_siege};

const TRADES: &str = "binance/BTC-USDT/trades";

/// How long the last process may take until nothing is missing: many minutes of trades are asked for, page by page.
const FILLED_WITHIN: Duration = Duration::from_secs(600);

/// A process that was killed.
struct Killed {
    /// From before its start until after its end.
    lived: Window,
    /// Trades that it said it had accepted, before it was killed.
    accepted: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_while_it_listens_loses_and_doubles_nothing() {
    let rate = if is_siege() { 5_000 } else { 500 };
    let rig = Rig::of("binance", &["BTC/USDT"], Knobs { ws_rate: rate, ..Knobs::default() }).await;
    let mut dice = Dice::drawn();
    let mut killed = Vec::new();
    for _ in 0..times(5, 50) {
        let after = Duration::from_millis(300 + dice.below(3_000));
        killed.push(kill(&rig, after).await);
    }
    let restarted = dccd::clock::now();
    let last = command(&rig.setup, &["start"]).spawn().unwrap();
    // History is believed up to some seconds ago, so its own hole is filled last.
    rig.complete_until(restarted + Duration::from_secs(20), FILLED_WITHIN).await;
    rig.without_gaps(FILLED_WITHIN).await;
    terminate(&last).await;
    let ended = end(last).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let (window, stored) = rig.exact(TRADES);
    assert!(window.until > restarted, "{window:?}");
    rig.series.iter().for_each(|name| drop(rig.exact(name)));
    let received: Vec<Micros> = stored.trades().iter().filter_map(|trade| trade.ts_recv).collect();
    for own in &killed {
        let held = received.iter().filter(|at| own.lived.holds(**at)).count() as u64;
        assert!(
            held >= own.accepted,
            "{held} of {} accepted trades are there: {:?}",
            own.accepted,
            own.lived
        );
    }
    let accepted: u64 = killed.iter().map(|own| own.accepted).sum();
    let busy = killed.iter().filter(|own| own.accepted > 0).count();
    assert!(busy * 2 > killed.len(), "only {busy} of {} had accepted anything", killed.len());
    let filled = stored.len() - received.len();
    println!(
        "{} killed, {busy} of them with {accepted} trades known to be accepted, none lost or doubled; {} stored, {} of them live, \
         {filled} filled from history",
        killed.len(),
        stored.len(),
        received.len(),
    );
}

/// Starts a process, asks it again and again what it has accepted, and kills it.
async fn kill(rig: &Rig, after: Duration) -> Killed {
    let from = dccd::clock::now();
    let mut child = command(&rig.setup, &["start"]).spawn().unwrap();
    let mut accepted = 0;
    let asking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            accepted = accepted_by(rig).await.unwrap_or(accepted);
        }
    };
    let _ = tokio::time::timeout(after, asking).await;
    child.start_kill().unwrap();
    let status = child.wait().await.unwrap();
    assert!(status.code().is_none(), "it ended by itself: {status}");
    Killed { lived: Window::new(from, dccd::clock::now()).unwrap(), accepted }
}

/// The trades that the process says it has accepted.
async fn accepted_by(rig: &Rig) -> Option<u64> {
    let reply = try_request(&rig.setup, "GET", "/metrics", "").await?;
    let sample = r#"dccd_websocket_rows_total{exchange="binance",kind="trades"} "#;
    reply.body.lines().find_map(|line| line.strip_prefix(sample)?.parse().ok())
}

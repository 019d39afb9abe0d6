//! Live books that are compared with the same over REST: found the same where they are, and not believed where they are
//! not, though nothing on their connection shows it.

use std::time::Duration;

use dccd::clock::now;
use dccd::sim::{Endpoint, Fault, Knobs, Rate, Rule, WsFault};

use crate::dice::Dice;
use crate::rebuilt::Stored;
use crate::rig::{Daemon, Rig};
use crate::test_daemon::Metrics;

/// How many times as often as it is books are compared here.
const HASTE: u32 = 360;

const MINUTE: Duration = Duration::from_secs(60);

/// Books that have fewer levels than are asked for, so that none is ever used up.
fn calm() -> Knobs {
    Knobs { book_levels: 40, ..Knobs::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_of_binance_are_found_the_same_over_rest_again_and_again() {
    tokio::join!(are_the_same("binance", "BTC/USDT"), are_the_same("binance", "BTC/USDT:perp"));
    are_the_same("binancecoinm", "BTC/USD:perp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_without_numbers_are_found_the_same_over_rest_again_and_again() {
    tokio::join!(are_the_same("kraken", "BTC/USD"), are_the_same("coinbase", "BTC/USD"));
    tokio::join!(are_the_same("okx", "BTC/USDT"), are_the_same("okx", "BTC/USDT:perp"));
    tokio::join!(are_the_same("bybit", "BTC/USDT"), are_the_same("bybit", "BTC/USDT:perp"));
}

async fn are_the_same(exchange: &'static str, pair: &str) {
    let rig = Rig::of_books(exchange, &[pair], "depth: 10, book_deltas: true", calm()).await;
    let daemon = rig.start_hastened(HASTE).await;
    let told = || format!("{:?}", outcomes(&daemon));
    rig.wait_for(MINUTE, || of(&daemon, "same") >= 2.0, told).await;
    assert_eq!((of(&daemon, "differs"), of(&daemon, "behind")), (0.0, 0.0), "{exchange} {pair}");
    assert_eq!(breaks(&daemon, "audit"), 0.0, "{exchange} {pair}");
    println!("{exchange} {pair}: {}", told());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_that_loses_updates_which_nothing_numbers_is_found_wrong_and_asked_for_anew() {
    let keys = "depth: 10, book_deltas: true";
    let rig = Rig::of_books("coinbase", &["BTC/USD"], keys, calm()).await;
    let daemon = rig.start_hastened(HASTE).await;
    let told = || format!("{:?}", outcomes(&daemon));
    rig.wait_for(MINUTE, || of(&daemon, "same") >= 1.0, told).await;
    // Some hundred updates in a row.
    (0..300).for_each(|_| rig.setup.sim.strike(WsFault::Hole));
    rig.wait_for(MINUTE, || breaks(&daemon, "audit") >= 1.0, told).await;
    rig.struck(300, MINUTE).await;
    let before = of(&daemon, "same");
    rig.wait_for(MINUTE, || of(&daemon, "same") > before, told).await;
    println!("{}", told());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_of_a_book_since_its_last_proof_is_taken_back_where_two_answers_contradict_it() {
    // Every answer is an old one, which nothing shows where whole books have no number.
    let stale =
        Rule { fault: Fault::StaleSnapshot, endpoint: Some(Endpoint::BookSnapshot), rate: Rate::EveryNth(1) };
    let knobs = Knobs { faults: vec![stale], ..Knobs::default() };
    let rig = Rig::of_books("coinbase", &["BTC/USD"], "depth: 10, book_deltas: true", knobs).await;
    let daemon = rig.start_hastened(HASTE).await;
    rig.wait_for(MINUTE, || breaks(&daemon, "audit") >= 1.0, || format!("{:?}", outcomes(&daemon))).await;
    let found = now();
    rig.in_step_until(found + Duration::from_secs(3), MINUTE).await;
    daemon.stop().await;

    let ledger = rig.setup.ledger(&rig.series[0]);
    let note = &ledger.unfillable[0];
    assert!(note.reason.contains("(audit)") && note.window.secs() > 5.0, "{:?}", ledger.unfillable);
    assert!(ledger.covered.first().unwrap().from >= note.window.until, "{ledger:?}");
    assert!(found.since(note.window.from) > Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_that_is_no_longer_sent_on_an_open_connection_covers_nothing_and_is_asked_for_anew() {
    let pairs = ["BTC/USDT", "ETH/USDT"];
    let rig = Rig::of_books("binance", &pairs, "depth: 10, book_deltas: true", calm()).await;
    let daemon = rig.start_hastened(HASTE).await;
    rig.in_step_until(now() + Duration::from_secs(2), MINUTE).await;
    rig.setup.sim.strike(WsFault::Stall);
    rig.struck(1, MINUTE).await;
    let since = now();
    rig.in_step_until(since + Duration::from_secs(60), 2 * MINUTE).await;
    println!("{:?}", outcomes(&daemon));
    daemon.stop().await;
    assert!(rig.setup.sim.sockets()["binance"].connections == 1, "the connection is kept");
    for name in &rig.series {
        Stored::read(&rig, name).hold_to_the_exchange(&rig, &mut Dice::drawn(), 300);
    }
}

fn of(daemon: &Daemon, outcome: &str) -> f64 {
    counted(daemon, "dccd_book_audits_total", &format!("outcome=\"{outcome}\""))
}

fn counted(daemon: &Daemon, family: &str, label: &str) -> f64 {
    let metrics = Metrics::of(&daemon.engine);
    let own = metrics.lines(family).filter(|line| line.contains(label));
    own.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

fn outcomes(daemon: &Daemon) -> Vec<(&'static str, f64)> {
    ["same", "differs", "behind", "undecided"].map(|outcome| (outcome, of(daemon, outcome))).to_vec()
}

/// How often books were begun anew for a reason.
fn breaks(daemon: &Daemon, reason: &str) -> f64 {
    counted(daemon, "dccd_book_resyncs_total", &format!("reason=\"{reason}\""))
}

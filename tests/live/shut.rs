//! Sockets that misbehave while the exchange's history cannot be asked: what is missing is a gap, no more and no less,
//! and closes once history is open again.
//!
//! "No more and no less" is meant to the microsecond, and is worked out from two lists alone: the trades that the exchange
//! has, and those that are stored, which with history shut are the ones that came over the sockets. Trades of one
//! instant are known apart by their numbers only, so wherever numbers are missing, the gap begins with the instant of
//! the trade before them, of which more may be missing, and ends behind the instant of the trade after them, for the
//! same reason: `[before, after + 1 µs)`. A candle that is missing is a gap from its open to the next one.

use std::time::Duration;

use dccd::model::{Micros, Series, Window, Windows};
use dccd::sim::{Endpoint, Fault, Knobs, Rule, WsFault};
use tokio::task::JoinSet;

use crate::rig::{Rig, is_siege};

const LOSING: [WsFault; 9] = [
    WsFault::Hole,
    WsFault::Swap,
    WsFault::Cut,
    WsFault::Hole,
    WsFault::Swap,
    WsFault::Double,
    WsFault::Reset,
    WsFault::Swap,
    WsFault::Hole,
];

/// How long the first rows may take, whatever the exchange's limits are.
const BEGUN_WITHIN: Duration = Duration::from_secs(60);
/// How long gaps may stay once history is open: the longest wait after failures, and a request a second for each.
const CLOSED_WITHIN: Duration = Duration::from_secs(300);

const EXCHANGES: [(&str, [&str; 2]); 3] = [
    ("binance", ["BTC/USDT", "ETH/USDT"]),
    ("kraken", ["BTC/USD", "ETH/USD"]),
    ("coinbase", ["BTC/USD", "ETH/USD"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_history_shut_gaps_are_what_did_not_come_and_close_when_it_is_open() {
    let mut proofs = JoinSet::new();
    for (exchange, pairs) in EXCHANGES {
        proofs.spawn(async move {
            let rig = Rig::of(exchange, &pairs, Knobs { ws_rate: 20, ..Knobs::default() }).await;
            prove(&rig).await
        });
    }
    let mut failed = 0;
    while let Some(proven) = proofs.join_next().await {
        failed += usize::from(proven.is_err());
        println!("{}", proven.unwrap_or_else(|error| error.to_string()));
    }
    assert_eq!(failed, 0, "exchanges of which gaps are not what is missing");
}

async fn prove(rig: &Rig) -> String {
    let daemon = rig.start().await;
    // What was listened to meets the history before it.
    rig.complete_until(dccd::clock::now() + Duration::from_secs(8), BEGUN_WITHIN).await;
    let shut = [Endpoint::Trades, Endpoint::Ohlc].map(|endpoint| Rule::always(Fault::Status503).at(endpoint));
    rig.setup.sim.set(|knobs| knobs.faults = shut.to_vec());
    let times = if is_siege() { 10 } else { 1 };
    for fault in LOSING.repeat(times) {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        rig.setup.sim.strike(fault);
    }
    rig.struck(LOSING.len() as u64 * times as u64, BEGUN_WITHIN).await;
    let last = dccd::clock::now() + Duration::from_secs(1);
    rig.heard_until(last, BEGUN_WITHIN).await;
    let mut gaps = 0;
    for name in &rig.series {
        gaps += compare(rig, name).await;
    }
    // A snapshot of the newest trades may bridge what the others miss.
    assert!(gaps >= 2, "{}: only {gaps} gaps", rig.exchange);

    let opened = std::time::Instant::now();
    rig.setup.sim.set(|knobs| knobs.faults = Vec::new());
    rig.complete_until(last, CLOSED_WITHIN).await;
    rig.without_gaps(CLOSED_WITHIN).await;
    let closed = opened.elapsed();
    daemon.stop().await;
    rig.series.iter().for_each(|name| drop(rig.exact(name)));
    format!(
        "{}: {gaps} gaps, each what was missing; all closed {closed:?} after history was open",
        rig.exchange
    )
}

/// Holds the gaps of a series to what did not come. Returns how many there are.
async fn compare(rig: &Rig, name: &str) -> usize {
    let ((ledger, stored), series) = (rig.at_rest(name).await, name.parse::<Series>().unwrap());
    let (first, last) = (ledger.covered.first().unwrap(), ledger.covered.last().unwrap());
    let whole = Window::new(first.from, last.until).unwrap();
    let gaps = ledger.covered.missing(whole);
    let existing = rig.setup.existing(name, whole);
    let expected = match series.span() {
        Some(span) => {
            let missing = existing.ts().iter().filter(|ts| !stored.ts().contains(ts));
            missing.map(|ts| Window { from: Micros(*ts), until: span.grid().next(Micros(*ts)) }).collect()
        }
        None => between(&keys(&existing), &keys(&stored), |after| after),
    };
    if rig.exchange == "coinbase" {
        // Its heartbeats name the newest trade: a gap may end there, before the trade behind it comes.
        let least = between(&keys(&existing), &keys(&stored), |after| after - 1);
        let has = |all: &Windows, some: &Windows| some.iter().all(|window| all.missing(window).is_empty());
        assert!(
            has(&gaps, &least) && has(&expected, &gaps),
            "{name}: {gaps:?} are not between {least:?} and {expected:?}"
        );
    } else {
        assert_eq!(gaps, expected, "{name}: gaps, and what is missing");
    }
    gaps.len()
}

fn keys(rows: &dccd::model::Batch) -> Vec<(Micros, u64)> {
    rows.trades().iter().map(|trade| (trade.ts, trade.id.unwrap().parse().unwrap())).collect()
}

/// From each trade before some that are missing up to and with the one at an end, made of the place behind them.
fn between(existing: &[(Micros, u64)], stored: &[(Micros, u64)], end: impl Fn(usize) -> usize) -> Windows {
    let held: Vec<bool> = existing.iter().map(|key| stored.contains(key)).collect();
    let mut gaps = Windows::new();
    for (place, _) in held.iter().enumerate().filter(|(_, is_held)| !**is_held) {
        let before = held[..place].iter().rposition(|is_held| *is_held).expect("the first one is stored");
        let after =
            place + held[place..].iter().position(|is_held| *is_held).expect("the last one is stored");
        let until = existing[end(after)].0 + Duration::from_micros(1);
        gaps.add(Window { from: existing[before].0, until });
    }
    gaps
}

//! Sockets that misbehave in every way there is: everything that was listened to is stored once, and nothing is missing
//! half a minute after the last fault.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dccd::exchange::History;
use dccd::model::{Kind, Micros, Series};
use dccd::sim::{Knobs, WsFault};
use tokio::task::JoinSet;

use crate::rig::{Rig, is_siege, lines_of_trades};

/// A refusal strikes the subscription behind the next cut.
const FAULTS: [WsFault; 10] = [
    WsFault::Refuse,
    WsFault::Cut,
    WsFault::HalfOpen,
    WsFault::Hole,
    WsFault::Stall,
    WsFault::Double,
    WsFault::Reset,
    WsFault::Swap,
    WsFault::Notice,
    WsFault::Burst,
];

/// Where exchanges begin with them, so that side by side they are in different troubles. What takes up to a minute to be found
/// out, a half-open connection or topics that stall, comes three others before the last one at the latest.
const FIRST: [usize; 3] = [0, 8, 9];

/// How long after the last fault nothing may be missing any more.
const HEALED_WITHIN: Duration = Duration::from_secs(30);
/// The same beside other tests, which take the processor and let checks of quiet topics wait for their share.
const HEALED_BESIDE_OTHERS: Duration = Duration::from_secs(120);
/// How long faults may wait for a frame they can strike: a connection that is silent has none.
const STRUCK_WITHIN: Duration = Duration::from_secs(180);

/// The exchanges that tell before they close a connection.
const TELLING: [&str; 4] = ["binance", "binancecoinm", "bitfinex", "okx"];

/// Those of which nothing shows that a frame was left out.
const UNNUMBERED: [&str; 2] = ["bitmex", "bybit"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_stored_once_through_every_fault_of_the_sockets() {
    let (times, every) = if is_siege() { (6, 10) } else { (1, 5) };
    let mut proofs = JoinSet::new();
    for (place, (exchange, pairs)) in lines_of_trades().into_iter().enumerate() {
        proofs.spawn(async move {
            let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
            let rig = Rig::of(exchange, &pairs, knobs(exchange)).await;
            let mut faults = FAULTS.repeat(times);
            faults.rotate_left(FIRST[place % FIRST.len()]);
            if !TELLING.contains(&exchange) {
                faults.retain(|fault| *fault != WsFault::Notice);
            }
            if UNNUMBERED.contains(&exchange) {
                faults.retain(|fault| *fault != WsFault::Hole);
            }
            prove(&rig, &faults, Duration::from_secs(every)).await
        });
    }
    let mut failed = 0;
    while let Some(proven) = proofs.join_next().await {
        failed += usize::from(proven.is_err());
        println!("{}", proven.unwrap_or_else(|error| error.to_string()));
    }
    assert_eq!(failed, 0, "exchanges of which something is missing");
}

/// A few trades a second of each pair; where history shows only the newest, no more of them than come in four minutes.
fn knobs(exchange: &str) -> Knobs {
    let exchange = dccd::exchange::find(exchange).unwrap();
    let mut trades = exchange.offers().iter().filter(|offer| offer.kind == Kind::Trades);
    if trades.any(|offer| matches!(offer.history, History::Rows(_))) {
        // Evenly spaced: of a market that is quiet for longer than the time to heal nothing is proven by then.
        return Knobs { trades_per_hour: 900, cluster: 1, ..Knobs::default() };
    }
    Knobs { ws_rate: 5, ..Knobs::default() }
}

async fn prove(rig: &Rig, faults: &[WsFault], every: Duration) -> String {
    let (started, daemon) = (dccd::clock::now(), rig.start().await);
    // Where time alone proves anything it takes a while to.
    rig.heard_until(started + Duration::from_secs(6), STRUCK_WITHIN).await;
    for fault in faults {
        tokio::time::sleep(every).await;
        rig.setup.sim.strike(*fault);
    }
    rig.struck(faults.len() as u64, STRUCK_WITHIN).await;
    let (last, struck) = (dccd::clock::now(), Instant::now());
    let within = if is_siege() { HEALED_WITHIN } else { HEALED_BESIDE_OTHERS };
    rig.complete_until(last, within).await;
    rig.without_gaps(within).await;
    let healed = struck.elapsed();
    daemon.stop().await;
    tell(rig, started, last, healed)
}

/// Compares every series with the exchange, and says what there was.
fn tell(rig: &Rig, started: Micros, last: Micros, healed: Duration) -> String {
    let (mut rows, mut live) = (BTreeMap::new(), 0);
    for name in &rig.series {
        let series: Series = name.parse().unwrap();
        let (window, stored) = rig.exact(name);
        let by_then =
            series.span().map_or(started, |span| span.grid().next(started)) + Duration::from_secs(20);
        let until = series.span().map_or(last, |span| span.grid().floor(last));
        let ledger = rig.setup.ledger(name);
        let told = (ledger.wanted_since, &ledger.covered, &ledger.empty, &ledger.unfillable);
        assert!(
            window.from <= by_then && window.until >= until,
            "{name}: {window:?}, until {until}: {told:?}"
        );
        *rows.entry(series.kind().name()).or_insert(0) += stored.len();
        if series.span().is_none() {
            live += stored.trades().iter().filter(|trade| trade.ts_recv.is_some()).count();
        }
    }
    assert!(live * 10 > rows["trades"], "{}: only {live} of {rows:?} came live", rig.exchange);
    let sockets = rig.setup.sim.sockets();
    let of = |own: &dccd::sim::SocketCounts| (own.connections, own.faults.clone());
    let seen: Vec<_> = sockets.values().map(of).collect();
    format!(
        "{}: {rows:?} stored, {live} trades live, healed {healed:?} after the last fault; {seen:?}",
        rig.exchange
    )
}

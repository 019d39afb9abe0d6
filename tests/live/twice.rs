//! The same trades over the socket and then from history: none is added, none is changed, receipts stay.

use std::time::Duration;

use dccd::engine::Engine;
use dccd::jobs::Order;
use dccd::model::{Kind, Micros, Series, Windows};
use dccd::sim::{Endpoint, Knobs};
use dccd::store::Ledger;
use tokio::task::JoinSet;

use crate::rig::{Rig, is_siege, lines_of_trades};
use crate::test_daemon::{backfill, run, set_limits};

/// How long the first rows, and the last ones, may take.
const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_that_came_live_are_not_touched_by_their_own_history() {
    let (trades, rate) = if is_siege() { (100_000, 1_000) } else { (5_000, 400) };
    let mut proofs = JoinSet::new();
    for (exchange, pairs) in lines_of_trades() {
        // Where history shows only the newest trades, no more of them than it shows.
        let is_brief = shows_only_newest(exchange);
        let (trades, rate) = if is_brief { (30, 0) } else { (trades, rate) };
        proofs.spawn(async move {
            let rig = Rig::of(exchange, &[&*pairs[0]], Knobs { ws_rate: rate, ..Knobs::default() }).await;
            prove(&rig, trades).await
        });
    }
    let mut failed = 0;
    while let Some(proven) = proofs.join_next().await {
        failed += usize::from(proven.is_err());
        println!("{}", proven.unwrap_or_else(|error| error.to_string()));
    }
    assert_eq!(failed, 0, "exchanges of which history changed what came live");
}

async fn prove(rig: &Rig, trades: usize) -> String {
    let name = rig.series[0].clone();
    let series: Series = name.parse().unwrap();
    assert_eq!(series.kind(), Kind::Trades);
    let live = || {
        let stored = rig.setup.stored(&name);
        stored.trades().iter().filter(|trade| trade.ts_recv.is_some()).count()
    };
    let daemon = rig.start().await;
    let patience = WITHIN + Duration::from_secs(trades as u64 / 400);
    rig.wait_for(patience, || live() >= trades, || format!("{} of {trades} came", live())).await;
    let until = dccd::clock::now();
    rig.complete_until(until, WITHIN).await;
    daemon.stop().await;

    let (window, before) = rig.exact(&name);
    let live = live();
    forget_coverage(rig, &series);
    let requests = || rig.setup.asked(Endpoint::Trades).len();
    let earlier = requests();
    rig.setup.sim.set(|knobs| knobs.weight_limit = u32::MAX);
    let engine = Engine::open(&rig.config_of_job(), "test").await.unwrap();
    set_limits(&engine, None);
    let order = Order { until: Some(window.until), ..backfill(&name, &window.from.to_string()) };
    let outcome = run(&engine, &order).await;
    engine.close().await;

    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!((outcome.rows, outcome.revised), (0, 0), "{name}: added and changed");
    let asked = requests() - earlier;
    assert!(asked * 1_000 >= trades, "{name}: {asked} requests cannot have brought {trades} trades");
    assert_eq!(rig.setup.stored(&name), before, "{name}: every row is as it was, its receipt too");
    let (again, _) = rig.exact(&name);
    let known = before.ts().iter().filter(|ts| again.holds(Micros(**ts))).count();
    assert!(known * 3 >= live, "{name}: only {known} of {live} came again");
    format!("{name}: {live} trades came live; {asked} requests for them again added and changed none")
}

fn shows_only_newest(exchange: &str) -> bool {
    let offers = dccd::exchange::find(exchange).unwrap().offers();
    offers.iter().any(|offer| offer.kind == Kind::Trades && offer.is_recent_only())
}

/// Has everything asked for again, as if nothing of it had been proven.
fn forget_coverage(rig: &Rig, series: &Series) {
    let path = rig.setup.layout().ledger(series);
    let mut ledger = Ledger::read(&path, series).unwrap().unwrap();
    (ledger.covered, ledger.derived, ledger.wanted_since) = (Windows::new(), Windows::new(), None);
    ledger.empty.clear();
    ledger.write(&path, series).unwrap();
}

//! Holes that history does not reach back to: they are unfillable at once, and everything beside them is stored.

use std::time::Duration;

use dccd::clock::now;
use dccd::model::{Micros, Window};
use dccd::sim::{Knobs, WsFault};

use crate::rig::{Rig, assert_same, trades};

const WITHIN: Duration = Duration::from_secs(60);

/// How long a connection may go on that sends nothing any more.
const NOTICED_WITHIN: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_that_the_newest_page_does_not_show_any_more_are_unfillable_at_once_and_no_other() {
    // The newest 60 are 3 seconds of them.
    let knobs = Knobs { ws_rate: 20, ..Knobs::default() };
    let rig = Rig::of_trades("bybit", &["BTC/USDT", "ETH/USDT"], knobs).await;
    let daemon = rig.start().await;
    rig.heard_until(now() + Duration::from_secs(12), WITHIN).await;
    for fault in [WsFault::HalfOpen, WsFault::Cut] {
        let before = rig.setup.sim.sockets()["bybit"].faults.values().sum::<u64>();
        rig.setup.sim.strike(fault);
        rig.struck(before + 1, WITHIN).await;
        rig.heard_until(now() + NOTICED_WITHIN + Duration::from_secs(5), WITHIN * 2).await;
    }
    rig.without_gaps(WITHIN).await;
    daemon.stop().await;

    for name in &rig.series {
        let (ledger, stored) = (rig.setup.ledger(name), rig.setup.stored(name));
        let ends = ledger.wanted_since.zip(ledger.covered.last());
        let all = ends.and_then(|(from, last)| Window::new(from, last.until)).unwrap();
        assert_eq!(ledger.settled().missing(all).iter().count(), 0, "{name}: {ledger:?}");
        let reason = "bybit does not go back this far";
        let holes = &ledger.unfillable;
        assert!(holes.iter().all(|note| note.reason == reason), "{name}: {holes:?}");
        let longest = holes.iter().map(|note| note.window.secs()).fold(0.0, f64::max);
        assert!((5.0..NOTICED_WITHIN.as_secs_f64()).contains(&longest), "{name}: {holes:?}");
        for window in ledger.covered.iter() {
            let existing = rig.setup.existing(name, window);
            assert_same(name, &trades(&stored, window), &trades(&existing, window));
        }
        // Rows that came live stand beside a hole too.
        let known = stored.ts().iter().filter(|ts| ledger.covered.holds(Micros(**ts))).count();
        assert!(known * 2 > stored.len(), "{name}: {known} of {}", stored.len());
        println!("{name}: {} trades, unfillable {holes:?}", stored.len());
    }
}

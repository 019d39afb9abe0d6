//! Outages of exchanges: of seconds, of minutes, again and again, of one, of all, around a restart.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::site::{Plan, Samples, TestSetup, fails, jobs, recovers};
use crate::overlay::Timing;

const ERRORS: &str = "dccd_job_consecutive_errors";
const BOTH: [(&str, &str); 2] = [("binance", "BTC/USDT, ETH/USDT"), ("kraken", "ETH/USD")];
const FAILING: &str = "most series of binance are failing";

/// A run or two fail, which retries see to.
pub(super) async fn seconds(timing: Timing) {
    let site = TestSetup::start("seconds", timing, Plan::of(jobs(timing, &BOTH))).await;
    site.pass(60).await;
    fails(&site.binance);
    site.wait_for("a run fails", |metrics| metrics.any(ERRORS, |errors| errors > 0.0)).await;
    recovers(&site.binance);
    site.wait_for("it recovers", is_well).await;

    assert_eq!(site.rest().await, [""; 0]);
}

/// The one of three minutes that was told of four times, once hours long and once after it was over.
pub(super) async fn minutes(timing: Timing) {
    let only = [("binance", "BTC/USDT, ETH/USDT")];
    let site = TestSetup::start("minutes", timing, Plan::of(jobs(timing, &only))).await;
    site.pass(660).await;

    fail_for(&site, 180).await;

    assert_eq!(site.rest().await, [FAILING, "resolved: most series of binance are failing"]);
}

pub(super) async fn within_the_first_ten_minutes(timing: Timing) {
    let site = TestSetup::start("within the first ten minutes", timing, Plan::of(jobs(timing, &BOTH))).await;

    fail_for(&site, 180).await;

    assert_eq!(site.rest().await, [FAILING, "resolved: most series of binance are failing"]);
}

/// The one with a single series: it is told of as the reference tells of it.
pub(super) async fn one_exchange_of_two(timing: Timing) {
    let site = TestSetup::start("one exchange of two", timing, Plan::of(jobs(timing, &BOTH))).await;
    site.pass(60).await;
    fails(&site.kraken);
    let failed = third_failure(&site).await;
    site.is_told(0, failed).await;
    site.pass(200).await;
    recovers(&site.kraken);
    let recovered = site.wait_for("it recovers", is_well).await;
    site.is_resolved(1, recovered).await;

    let expected =
        ["N consecutive errors on kraken ETH/USD", "resolved: N consecutive errors on kraken ETH/USD"];
    assert_eq!(site.rest().await, expected);
}

pub(super) async fn every_exchange(timing: Timing) {
    let site = TestSetup::start("every exchange", timing, Plan::of(jobs(timing, &BOTH))).await;
    site.pass(60).await;
    fails(&site.binance);
    fails(&site.kraken);
    let failed = third_failure(&site).await;
    site.is_told(0, failed).await;
    site.pass(200).await;
    recovers(&site.binance);
    recovers(&site.kraken);
    let recovered = site.wait_for("it recovers", is_well).await;
    site.is_resolved(1, recovered).await;

    let expected = [
        "all exchanges are failing for dccd on DCCD",
        "resolved: all exchanges are failing for dccd on DCCD",
    ];
    assert_eq!(site.rest().await, expected);
}

/// A failure that recurs within a quarter of an hour is reported once more, and then only when it is over for good.
pub(super) async fn again_and_again(timing: Timing) {
    let site = TestSetup::start("again and again", timing, Plan::of(jobs(timing, &BOTH))).await;
    let is_failing = |metrics: &Samples| metrics.any("dccd_exchange_failing", |failing| failing == 1.0);
    for _ in 0..3 {
        fails(&site.binance);
        site.wait_for("it fails", is_failing).await;
        site.pass(30).await;
        recovers(&site.binance);
        site.wait_for("it recovers", is_well).await;
        site.pass(120).await;
    }
    site.message(3, Instant::now()).await;

    let resolved = "resolved: most series of binance are failing";
    assert_eq!(site.rest().await, [FAILING, resolved, FAILING, resolved]);
}

/// A daemon that restarts amid an outage begins nothing anew and takes nothing back.
pub(super) async fn during_a_restart(timing: Timing) {
    let mut site = TestSetup::start("during a restart", timing, Plan::of(jobs(timing, &BOTH))).await;
    fails(&site.binance);
    let failed = third_failure(&site).await;
    site.is_told(0, failed).await;
    site.pass(60).await;
    site.daemon.restart(Duration::from_secs(if timing == Timing::Quick { 3 } else { 45 })).await;
    site.pass(60).await;
    recovers(&site.binance);
    let recovered = site.wait_for("it recovers", is_well).await;
    site.is_resolved(1, recovered).await;

    assert_eq!(site.rest().await, [FAILING, "resolved: most series of binance are failing"]);
}

/// A process that ended has not recovered, and what it comes back with is told of once.
pub(super) async fn while_the_daemon_is_down(timing: Timing) {
    let mut site = TestSetup::start("while the daemon is down", timing, Plan::of(jobs(timing, &BOTH))).await;
    fails(&site.binance);
    let failed = third_failure(&site).await;
    site.is_told(0, failed).await;
    site.daemon.signal(Signal::KILL);
    site.message(1, Instant::now()).await;
    recovers(&site.binance);
    site.daemon.start_again().await;
    site.wait_for("it recovers", is_well).await;

    let mut told = site.rest().await;
    told[2..].sort();
    let down = "dccd on DCCD does not answer";
    let resolved = ["resolved: dccd on DCCD does not answer", "resolved: most series of binance are failing"];
    assert_eq!(told, [FAILING, down, resolved[0], resolved[1]]);
}

/// Binance fails for so many seconds at least, and until it was told of.
async fn fail_for(site: &TestSetup, secs: u64) {
    let began = Instant::now();
    fails(&site.binance);
    let failed = third_failure(site).await;
    site.is_told(0, failed).await;
    site.pass(secs.saturating_sub(began.elapsed().as_secs())).await;
    recovers(&site.binance);
    let recovered = site.wait_for("it recovers", is_well).await;
    site.is_resolved(1, recovered).await;
}

/// The moment of the third failure in a row of some series.
async fn third_failure(site: &TestSetup) -> Instant {
    site.wait_for("three failures in a row", |metrics| metrics.any(ERRORS, |errors| errors >= 3.0)).await
}

fn is_well(metrics: &Samples) -> bool {
    metrics.all(ERRORS, |errors| errors == 0.0)
}

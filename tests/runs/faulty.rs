//! An exchange that breaks one answer in ten, and what a client may cost it.

use std::collections::HashSet;
use std::time::Duration;

use dccd::jobs::{Order, Retry};
use dccd::sim::{Endpoint, Fault, RetryAfter, Rule};

use crate::test_daemon::{TestDaemon, error_of};

/// The fault of one answer in ten.
const MIXED: [Fault; 13] = [
    Fault::Empty,
    Fault::Short,
    Fault::Shuffled,
    Fault::Doubled,
    Fault::Status429,
    Fault::Status500,
    Fault::Status503,
    Fault::Html,
    Fault::Truncated,
    Fault::Reset,
    Fault::ErrorBody,
    Fault::WrongType,
    Fault::Impossible,
];

/// How long a 429 asks to wait, in seconds.
const WAIT_SECS: u64 = 1;

/// Breaks one answer in ten of an endpoint, and besides refuses, shuffles, doubles, cuts short and empties at least
/// one each of the `least` there will be; leaves rows out of the middle of some too where that can be told.
pub(crate) fn break_one_in_ten(setup: &TestDaemon, endpoint: Endpoint, least: usize, holes: bool) {
    let part = (least as u64 / 8).max(1);
    let sure = [
        // Few enough to wait for, and no multiple of what others strike alone.
        (Fault::Status429, if least < 16 { 8 } else { least as u64 / 2 }),
        (Fault::Empty, part * 2),
        (Fault::Shuffled, part * 3),
        (Fault::Doubled, part * 5),
        (Fault::Short, part * 7),
    ];
    let share = 0.1 / MIXED.len() as f64;
    setup.sim.set(|knobs| {
        knobs.retry_after = RetryAfter::Seconds(WAIT_SECS);
        knobs.faults = sure.map(|(fault, nth)| Rule::every(fault, nth)).to_vec();
        if holes {
            knobs.faults.push(Rule::every(Fault::Holed, part * 3 + 1));
        }
        knobs.faults.extend(MIXED.iter().map(|fault| Rule::share(*fault, share)));
        knobs.faults.iter_mut().for_each(|rule| *rule = rule.at(endpoint));
    });
}

/// Runs an order in an exchange that breaks one answer in ten until nothing is missing, and checks what it cost:
/// at most one and a half times the `least` requests and the faults, and none inside a wait. Gives the faults.
pub(crate) async fn run_through(
    setup: &TestDaemon,
    order: &Order,
    endpoint: Endpoint,
    least: usize,
) -> HashSet<Fault> {
    let order = Order { retry: Retry { attempts: 10, ..order.retry }, ..order.clone() };
    let outcome = setup.run(&order).await;
    let series = &order.series;
    assert_eq!(error_of(&outcome), "", "{series}");
    let asked = setup.asked(endpoint);
    let struck: Vec<Fault> = asked.iter().filter_map(|seen| seen.fault).collect();
    assert!(struck.len() >= least / 20, "{series}: {} of {} were broken", struck.len(), asked.len());
    println!("{series}: {} requests, {} broken, {least} at the least", asked.len(), struck.len());
    assert!(
        asked.len() <= least * 3 / 2 + struck.len(),
        "{series}: {} requests, of which at least {least} were needed and {} broken",
        asked.len(),
        struck.len()
    );
    assert_eq!(inside_a_wait(setup), 0, "{series}: requests inside a wait");
    struck.into_iter().collect()
}

/// Requests inside a wait that an answer before them asked for, but for those already on their way.
pub(crate) fn inside_a_wait(setup: &TestDaemon) -> usize {
    let requests = setup.sim.requests();
    let (wait, on_their_way) = (Duration::from_secs(WAIT_SECS), Duration::from_millis(400));
    let limited: Vec<Duration> = requests
        .iter()
        .filter(|seen| seen.status == 429 || seen.fault == Some(Fault::Status429))
        .map(|seen| seen.at)
        .collect();
    let early = |at: &Duration| {
        limited.iter().any(|from| *at > *from + on_their_way && *at + on_their_way < *from + wait)
    };
    requests.iter().filter(|seen| early(&seen.at)).count()
}

/// Requests the exchange refused because they came too fast, and not on purpose.
pub(crate) fn refused(setup: &TestDaemon) -> usize {
    setup.sim.requests().iter().filter(|seen| seen.status == 429 && seen.fault.is_none()).count()
}

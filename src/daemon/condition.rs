//! Whether the daemon is healthy: one decision, shared by `/-/ready`, `/health` and `dccd healthcheck`.
//!
//! An *unhealthy* daemon collects nothing: it is starting, stopping or stuck, or its disk refuses writes. One that
//! collects despite another problem, such as an unreachable state store, is *degraded*: it reports why and since
//! when but stays ready, since a restart would not help. Pure: only looks at values it is given.

use std::collections::BTreeMap;
use std::time::Duration;

pub use crate::api::Trouble;
use crate::daemon::{OutOfStep, Snapshot, StreamView};

/// A live series without a connection, or a book out of step, for longer than this is a problem.
const CONNECTS_WITHIN: Duration = Duration::from_secs(60);

/// How well the daemon works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No problem.
    Healthy,
    /// It collects, but something else is wrong.
    Degraded,
    /// It collects nothing.
    Unhealthy,
}

impl Condition {
    /// The condition as printed in `/health` and `health.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Condition::Healthy => "healthy",
            Condition::Degraded => "degraded",
            Condition::Unhealthy => "unhealthy",
        }
    }

    /// The condition of a daemon with these reasons for not being ready.
    #[must_use]
    pub fn of(snapshot: &Snapshot, unready: &[Trouble]) -> Self {
        let stuck = |state: &str| state == "stuck";
        match snapshot.workers.first() {
            Some(own) if unready.is_empty() && !stuck(own.state) => {}
            _ => return Condition::Unhealthy,
        }
        if troubles(snapshot).is_empty() { Condition::Healthy } else { Condition::Degraded }
    }
}

/// Problems that do not make a daemon unready.
#[must_use]
pub(crate) fn troubles(snapshot: &Snapshot) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut add = |about: String, why: String| {
        let since = snapshot.since.get(&about).copied().unwrap_or(snapshot.at);
        found.push(Trouble { about, why, since });
    };
    snapshot.store.error.iter().for_each(|why| add("state store".to_owned(), why.clone()));
    snapshot.disk.error.iter().for_each(|why| add("disk".to_owned(), why.clone()));
    for exchange in &snapshot.exchanges {
        if let Some(until) = exchange.banned_until {
            add(format!("exchange {}", exchange.name), format!("it refuses every request until {until}"));
        } else if exchange.is_down {
            add(format!("exchange {}", exchange.name), "it did not answer the last request".to_owned());
        }
    }
    for queue in &snapshot.queues {
        if queue.failed > 0 {
            add(format!("jobs of {}", queue.name), format!("{} failed when they last ran", queue.failed));
        }
        if queue.exhausted > 0 {
            let why =
                format!("{} were given up; `dccd jobs ls --status exhausted` lists them", queue.exhausted);
            add(format!("tasks of {}", queue.name), why);
        }
    }
    for (exchange, (count, first)) in streams_in_trouble(snapshot) {
        let why = first.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        let why = format!("{count} not live; {} is {} since {}{why}", first.series, first.state, first.since);
        add(format!("streams of {exchange}"), why);
    }
    for (exchange, (count, first, fallen)) in books_in_trouble(snapshot) {
        let why =
            format!("{count} out of step; {} is since {}: {}", first.series, fallen.since, fallen.reason);
        add(format!("books of {exchange}"), why);
    }
    for remote in &snapshot.remotes {
        if let Some(error) = &remote.last_error {
            let count = remote.consecutive_errors;
            let often = if count > 1 { format!("{count} syncs failed in a row: ") } else { String::new() };
            add(format!("remote {}", remote.name), format!("{often}{error}"));
        }
    }
    for worker in snapshot.workers.iter().skip(1).filter(|worker| ["stale", "dead"].contains(&worker.state)) {
        add(format!("worker {}", worker.id), format!("it was last heard of {:.0} s ago", worker.last_seen_s));
    }
    found
}

/// By exchange, how many live series are refused, stale, or without a connection for too long, and the first of them.
fn streams_in_trouble(snapshot: &Snapshot) -> BTreeMap<&str, (usize, &StreamView)> {
    let mut found = BTreeMap::new();
    let waits_long = |own: &StreamView| snapshot.at.since(own.since) >= CONNECTS_WITHIN;
    let is_in_trouble = |own: &&StreamView| match own.state {
        "refused" | "stale" => true,
        "connecting" => waits_long(own),
        _ => false,
    };
    for own in snapshot.streams.iter().filter(is_in_trouble) {
        let exchange = own.series.split('/').next().unwrap_or_default();
        found.entry(exchange).or_insert((0, own)).0 += 1;
    }
    found
}

/// By exchange, how many books are out of step for too long, and the first of them.
fn books_in_trouble(snapshot: &Snapshot) -> BTreeMap<&str, (usize, &StreamView, &OutOfStep)> {
    let mut found = BTreeMap::new();
    for own in &snapshot.streams {
        let fallen = own.out_of_step.as_ref();
        let fallen = fallen.filter(|fallen| snapshot.at.since(fallen.since) >= CONNECTS_WITHIN);
        // Without a connection it is among the streams in trouble.
        if let Some(fallen) = fallen.filter(|_| own.state == "live") {
            let exchange = own.series.split('/').next().unwrap_or_default();
            found.entry(exchange).or_insert((0, own, fallen)).0 += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::{ExchangeView, QueueView, StoreView, WorkerView};
    use crate::model::Micros;

    const AT: Micros = Micros(1_700_000_000_000_000);

    fn snapshot() -> Snapshot {
        let own = WorkerView { id: "host:7:1".to_owned(), state: "running", ..WorkerView::default() };
        Snapshot { at: AT, workers: vec![own], ..Snapshot::default() }
    }

    fn trouble(about: &str) -> Trouble {
        Trouble { about: about.to_owned(), why: "no space left".to_owned(), since: AT }
    }

    #[test]
    fn it_is_healthy_while_it_collects_and_nothing_else_is_wrong() {
        assert_eq!(Condition::of(&snapshot(), &[]), Condition::Healthy);
        assert_eq!(Condition::of(&snapshot(), &[trouble("storage")]), Condition::Unhealthy);
        assert_eq!(Condition::of(&Snapshot::default(), &[]), Condition::Unhealthy, "nothing is known");
        let mut stuck = snapshot();
        stuck.workers[0].state = "stuck";
        assert_eq!(Condition::of(&stuck, &[]), Condition::Unhealthy);
    }

    #[test]
    fn whatever_else_is_wrong_degrades_it_and_is_told_with_the_time_it_began() {
        let mut unwell = snapshot();
        let began = Micros(AT.0 - 60_000_000);
        unwell.since.insert("state store".to_owned(), began);
        unwell.store = StoreView { error: Some("it does not answer".to_owned()), ..StoreView::default() };
        unwell.exchanges =
            vec![ExchangeView { name: "okx", banned_until: Some(AT), ..ExchangeView::default() }];
        unwell.queues =
            vec![QueueView { name: "okx".to_owned(), failed: 2, exhausted: 1, ..QueueView::default() }];
        let stream = |series: &str, state, secs: u64| StreamView {
            series: series.to_owned(),
            state,
            since: AT - Duration::from_secs(secs),
            why: Some("no route".to_owned()),
            ..StreamView::default()
        };
        unwell.streams = vec![
            stream("kraken/BTC-USD/trades", "off", 900),
            stream("okx/BTC-USDT/trades", "connecting", 59),
            stream("okx/ETH-USDT/trades", "connecting", 60),
            stream("okx/LTC-USDT/trades", "refused", 1),
        ];
        let dead = WorkerView { id: "other:9:2".to_owned(), state: "dead", ..WorkerView::default() };
        unwell.workers.push(dead);

        let told = troubles(&unwell);

        assert_eq!(Condition::of(&unwell, &[]), Condition::Degraded);
        let abouts: Vec<&str> = told.iter().map(|one| one.about.as_str()).collect();
        assert_eq!(
            abouts,
            [
                "state store",
                "exchange okx",
                "jobs of okx",
                "tasks of okx",
                "streams of okx",
                "worker other:9:2"
            ]
        );
        let words = "2 not live; okx/ETH-USDT/trades is connecting since 2023-11-14T22:12:20Z: no route";
        assert_eq!(told[4].why, words);
        assert_eq!((told[0].since, told[1].since), (began, AT));
        assert!(serde_json::to_string(&told[0]).unwrap().contains("\"since\":\"2023-11-14T22:12:20Z\""));
    }
}

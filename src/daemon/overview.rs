//! The overview of a daemon, from its snapshot and its jobs. Pure.

use std::collections::BTreeMap;

use crate::api::{
    JobSums, Overview, OverviewExchange, OverviewFailing, OverviewJob, OverviewReason, OverviewRemote,
    OverviewWorker,
};
use crate::daemon::condition::{Condition, Trouble, troubles};
use crate::daemon::snapshot::{ExchangeView, RemoteView, Snapshot, WorkerView};
use crate::daemon::status::JobRow;
use crate::model::Micros;

/// Failing series of an exchange that are named; the rest are only counted.
const NAMED: usize = 3;
/// In the error of a run whose exchange does not list its pair.
const UNLISTED: &str = "is not listed";
/// The most jobs of an overview; the rest are only counted.
const MOST_JOBS: usize = 300;

/// Builds an overview; `unready` are the reasons for not being ready.
pub(crate) fn overview(snapshot: &Snapshot, jobs: &[JobRow], unready: Vec<Trouble>) -> Overview {
    let status = Condition::of(snapshot, &unready).name().to_owned();
    let reason =
        |Trouble { about, why, since }: Trouble| OverviewReason { about, why, since: since.to_string() };
    let mut streams: BTreeMap<String, u64> = BTreeMap::new();
    for own in &snapshot.streams {
        *streams.entry(own.state.to_owned()).or_default() += 1;
    }
    let mut first: Vec<&JobRow> = jobs.iter().collect();
    first.sort_by_key(|job| (job.consecutive_errors == 0, !job.is_running));
    Overview {
        status,
        environment: snapshot.environment.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: snapshot.at.to_string(),
        reasons: unready.into_iter().chain(troubles(snapshot)).map(reason).collect(),
        jobs: sums(snapshot, jobs),
        freshness: snapshot.freshness.clone(),
        alerts: snapshot.alerts.clone(),
        disk_free_bytes: snapshot.disk.free_bytes,
        disk_size_bytes: snapshot.disk.size_bytes,
        store: snapshot.store.kind.to_owned(),
        store_latency_ms: snapshot.store.latency_ms,
        exchanges: snapshot.exchanges.iter().map(exchange).collect(),
        streams,
        remotes: snapshot.remotes.iter().map(remote).collect(),
        workers: snapshot.workers.iter().map(worker).collect(),
        failing: failing(jobs),
        series: first.into_iter().take(MOST_JOBS).map(job).collect(),
    }
}

fn sums(snapshot: &Snapshot, jobs: &[JobRow]) -> JobSums {
    let count = |is_so: fn(&JobRow) -> bool| jobs.iter().filter(|job| is_so(job)).count() as u64;
    JobSums {
        total: jobs.len() as u64,
        running: count(|job| job.is_running),
        waiting: snapshot.sums().depth,
        failing: count(|job| job.consecutive_errors > 0),
        paused: count(|job| job.is_paused),
        rows: jobs.iter().map(|job| job.rows).sum(),
    }
}

fn failing(jobs: &[JobRow]) -> Vec<OverviewFailing> {
    let mut found: BTreeMap<(String, bool), OverviewFailing> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.consecutive_errors > 0) {
        let exchange = job.series.exchange();
        let unlisted = is_unlisted(job);
        let own = found.entry((exchange.to_owned(), unlisted)).or_insert_with(|| OverviewFailing {
            exchange: exchange.to_owned(),
            unlisted,
            last_error: job.last_error.clone(),
            ..OverviewFailing::default()
        });
        own.series += 1;
        if own.first.len() < NAMED {
            own.first.push(job.series.to_string());
        }
    }
    found.into_values().collect()
}

/// Whether it fails because its exchange does not list the pair.
fn is_unlisted(job: &JobRow) -> bool {
    job.consecutive_errors > 0 && job.last_error.as_deref().is_some_and(|error| error.contains(UNLISTED))
}

fn exchange(own: &ExchangeView) -> OverviewExchange {
    let (state, until) = match (own.banned_until, own.limited_until) {
        (Some(until), _) => ("banned", Some(until)),
        (None, Some(until)) => ("limited", Some(until)),
        (None, None) if own.is_up => ("up", None),
        (None, None) if own.is_down => ("down", None),
        (None, None) => ("unknown", None),
    };
    OverviewExchange { name: own.name.to_owned(), state: state.to_owned(), until: text(until) }
}

fn remote(own: &RemoteView) -> OverviewRemote {
    OverviewRemote {
        name: own.name.clone(),
        pending_files: own.pending_files,
        pending_bytes: own.pending_bytes,
        last_success: text(own.last_success),
        last_error: own.last_error.clone(),
    }
}

fn worker(own: &WorkerView) -> OverviewWorker {
    OverviewWorker {
        id: own.id.clone(),
        state: own.state.to_owned(),
        last_seen_s: own.last_seen_s,
        in_progress: own.in_progress,
        rss_bytes: own.rss_bytes,
    }
}

fn job(own: &JobRow) -> OverviewJob {
    let state = match own {
        JobRow { is_running: true, .. } => "running",
        JobRow { is_paused: true, .. } => "paused",
        JobRow { consecutive_errors: 1.., .. } => "failed",
        JobRow { last_run_at: None, .. } => "new",
        _ => "ok",
    };
    OverviewJob {
        series: own.series.to_string(),
        state: state.to_owned(),
        unlisted: is_unlisted(own),
        rows: own.rows,
        newest_row: text(own.newest_row),
        last_run_at: text(own.last_run_at),
        next_run_at: text(own.next_run_at),
        consecutive_errors: own.consecutive_errors,
        last_error: own.last_error.clone().filter(|_| own.consecutive_errors > 0),
    }
}

fn text(at: Option<Micros>) -> Option<String> {
    at.map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_jobs_are_counted_by_exchange_and_unlisted_pairs_by_themselves() {
        let job = |series: &str, error: Option<&str>| JobRow {
            series: series.parse().unwrap(),
            last_run_at: None,
            last_success_at: None,
            rows: 0,
            consecutive_errors: u32::from(error.is_some()),
            last_error: error.map(str::to_owned),
            newest_row: None,
            next_run_at: None,
            is_running: false,
            is_paused: false,
        };
        let mut jobs: Vec<JobRow> = (0..500)
            .map(|number| {
                job(&format!("okx/A{number}-USDT/trades"), Some("A/USDT is not listed (code unlisted)"))
            })
            .collect();
        jobs.push(job("okx/BTC-USDT/trades", Some("timed out")));
        jobs.push(job("kraken/BTC-USD/trades", None));

        let found = failing(&jobs);

        let shown: Vec<_> = found.iter().map(|own| (&*own.exchange, own.unlisted, own.series)).collect();
        assert_eq!(shown, [("okx", false, 1), ("okx", true, 500)]);
        assert_eq!(found[1].first, ["okx/A0-USDT/trades", "okx/A1-USDT/trades", "okx/A2-USDT/trades"]);
        assert_eq!(found[0].last_error.as_deref(), Some("timed out"));
    }
}

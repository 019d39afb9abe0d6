//! The overview of a daemon, from its snapshot and its jobs. Pure.

use std::collections::BTreeMap;

use crate::api::{
    JobSums, Overview, OverviewExchange, OverviewJob, OverviewReason, OverviewRemote, OverviewWorker,
};
use crate::daemon::condition::{Condition, Trouble, troubles};
use crate::daemon::snapshot::{ExchangeView, RemoteView, Snapshot, WorkerView};
use crate::daemon::status::JobRow;
use crate::model::Micros;

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

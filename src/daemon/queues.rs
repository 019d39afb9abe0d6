//! Merges the schedule's queues with the store's counts, and lists the store's other workers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::daemon::{QueueView, WorkerView};
use crate::tracker::{QueueCounts, Status, WorkerRow};

/// The view of another worker, last read from the store `since` ago.
pub(super) fn view(row: &WorkerRow, since: Duration) -> WorkerView {
    // Worker names are `name:process:start`, followed by `:once` for a command.
    let mut parts = row.id.trim_end_matches(":once").rsplit(':').skip(1);
    WorkerView {
        id: row.id.clone(),
        pid: parts.next().and_then(|pid| pid.parse().ok()).unwrap_or_default(),
        version: row.version.clone(),
        state: row.state().name(),
        last_seen_s: (row.as_of.since(row.last_seen) + since).as_secs_f64(),
        loop_lag_s: row.lag.as_secs_f64(),
        in_progress: u64::from(row.held),
        rss_bytes: Some(row.rss_bytes),
    }
}

/// The store's counts, which cover the tasks of all processes and windows too, corrected by the schedule for jobs
/// that are not in the store yet or have changed since it counted.
pub(super) fn joined(scheduled: Vec<QueueView>, counts: &[QueueCounts]) -> Vec<QueueView> {
    let by_name = scheduled.into_iter().map(|queue| (queue.name.clone(), queue));
    let mut queues: BTreeMap<String, QueueView> = by_name.collect();
    let is_empty = |own: &QueueCounts| own.due == 0 && Status::ALL.iter().all(|status| own.of(*status) == 0);
    for own in counts.iter().filter(|own| !is_empty(own)) {
        let queue = queues
            .entry(own.queue.clone())
            .or_insert_with(|| QueueView { name: own.queue.clone(), ..QueueView::default() });
        queue.depth = queue.depth.max(own.due);
        // Paused jobs are not scheduled.
        queue.scheduled = queue.scheduled.max(own.scheduled().saturating_sub(queue.paused));
        queue.in_progress = queue.in_progress.max(own.of(Status::InProgress));
        queue.failed = queue.failed.max(own.of(Status::Failed));
        queue.exhausted = own.of(Status::Exhausted);
        queue.oldest_due = queue.oldest_due.into_iter().chain(own.oldest_due).min();
    }
    queues.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Database;
    use crate::model::Micros;
    use crate::telemetry::Telemetry;
    use crate::tracker::{NewTask, Tracker};

    #[tokio::test]
    async fn queues_show_what_the_store_holds_and_what_only_the_schedule_knows() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).await.unwrap();
        let tracker = Tracker::new(&database, &Telemetry::new());
        for (id, queue, at) in [("a", "kraken", 5), ("b", "kraken", 7), ("later", "kraken", i64::MAX / 2)] {
            let new = NewTask { run_at: Some(Micros(at)), ..NewTask::named(id, queue) };
            tracker.enqueue(&new).await.unwrap();
        }
        let own = QueueView { name: "kraken".into(), depth: 1, paused: 1, ..QueueView::default() };
        let other = QueueView { name: "binance".into(), depth: 3, ..QueueView::default() };

        let queues = joined(vec![own, other.clone()], &tracker.counts().await.unwrap());

        assert_eq!(queues[0], other);
        assert_eq!((queues[1].depth, queues[1].scheduled), (2, 0));
        assert_eq!((queues[1].paused, queues[1].oldest_due), (1, Some(Micros(5))));
    }
}

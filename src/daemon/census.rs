//! The tracker's queues as its store last counted them, and how that joins what the schedule knows. Whoever asks
//! is answered from here: asking costs the store nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::{QueueView, WorkerView};
use crate::tracker::{QueueCounts, Status, Tracker, WorkerRow};

/// How often the store counts at most.
const EVERY: Duration = Duration::from_secs(1);
/// Counting takes no more than one part in so many of the time.
const SHARE: u32 = 20;
/// Counts older than this say nothing of the present.
const FRESH: Duration = Duration::from_secs(30);

/// The last count, and the workers last seen.
#[derive(Default)]
pub(super) struct Census {
    taken: Mutex<Option<Taken>>,
    workers: Mutex<(Option<Instant>, Vec<WorkerRow>)>,
}

struct Taken {
    at: Instant,
    took: Duration,
    counts: Vec<QueueCounts>,
}

impl Census {
    /// Has the store count where that is due.
    pub(super) async fn take(&self, tracker: &Tracker) {
        let is_due = |taken: &Taken| taken.at.elapsed() >= EVERY.max(taken.took * SHARE);
        if !self.last().as_ref().is_none_or(is_due) {
            return;
        }
        let began = Instant::now();
        // What failed was told; the last count then grows old.
        if let Ok(counts) = tracker.counts().await {
            let (at, took) = (Instant::now(), began.elapsed());
            *self.last() = Some(Taken { at, took, counts });
        }
    }

    /// Keeps who works in the store.
    pub(super) fn saw(&self, workers: Vec<WorkerRow>) {
        *self.seen() = (Some(Instant::now()), workers);
    }

    /// The workers of the store but one, as they were when they were last seen.
    pub(super) fn others(&self, own: &str) -> Vec<WorkerView> {
        let seen = self.seen();
        let since = seen.0.map_or(Duration::ZERO, |at| at.elapsed());
        seen.1.iter().filter(|row| row.id != own).map(|row| view(row, since)).collect()
    }

    fn seen(&self) -> MutexGuard<'_, (Option<Instant>, Vec<WorkerRow>)> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queues of the schedule together with what the store knows: tasks of all processes, windows too. What
    /// is not planned there yet, or has changed since it counted, is in the schedule alone.
    pub(super) fn join(&self, scheduled: Vec<QueueView>) -> Vec<QueueView> {
        let last = self.last();
        let Some(taken) = last.as_ref().filter(|taken| taken.at.elapsed() < FRESH) else { return scheduled };
        joined(scheduled, &taken.counts)
    }

    fn last(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view(row: &WorkerRow, since: Duration) -> WorkerView {
    // `name:process:start`, and `:once` behind it where it is a command.
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

fn joined(scheduled: Vec<QueueView>, counts: &[QueueCounts]) -> Vec<QueueView> {
    let by_name = scheduled.into_iter().map(|queue| (queue.name.clone(), queue));
    let mut queues: BTreeMap<String, QueueView> = by_name.collect();
    let is_empty = |own: &QueueCounts| own.due == 0 && Status::ALL.iter().all(|status| own.of(*status) == 0);
    for own in counts.iter().filter(|own| !is_empty(own)) {
        let queue = queues
            .entry(own.queue.clone())
            .or_insert_with(|| QueueView { name: own.queue.clone(), ..QueueView::default() });
        queue.depth = queue.depth.max(own.due);
        // Paused jobs wait for no time.
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
    use crate::tracker::NewTask;

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
        let census = Census::default();
        assert_eq!(
            census.join(vec![own.clone()]),
            std::slice::from_ref(&own),
            "the store has not counted yet"
        );

        census.take(&tracker).await;
        let queues = census.join(vec![own, other.clone()]);

        assert_eq!(queues[0], other);
        assert_eq!((queues[1].depth, queues[1].scheduled), (2, 0));
        assert_eq!((queues[1].paused, queues[1].oldest_due), (1, Some(Micros(5))));
    }

    #[tokio::test(start_paused = true)]
    async fn counts_of_a_store_that_answers_no_more_are_not_shown_for_long() {
        let census = Census::default();
        let mut own = QueueCounts::default();
        (own.queue, own.due) = ("kraken".to_owned(), 9);
        *census.last() = Some(Taken { at: Instant::now(), took: Duration::ZERO, counts: vec![own] });
        let depth =
            || census.join(vec![QueueView { name: "kraken".into(), depth: 3, ..QueueView::default() }]);
        assert_eq!(depth()[0].depth, 9);

        tokio::time::advance(FRESH).await;

        assert_eq!(depth()[0].depth, 3);
    }
}

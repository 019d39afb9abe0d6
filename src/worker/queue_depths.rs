//! The tracker's queues and workers as last counted: reading them here costs the store nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::tracker::{QueueCounts, Tracker, WorkerRow};

/// The shortest time between two counts.
const EVERY: Duration = Duration::from_secs(1);
/// Counting takes at most one part in this many of the time.
const SHARE: u32 = 20;
/// Counts older than this are stale.
const FRESH: Duration = Duration::from_secs(30);

/// The last count, and the workers last seen.
#[derive(Default)]
pub(crate) struct QueueDepths {
    taken: Mutex<Option<Taken>>,
    workers: Mutex<(Option<Instant>, Vec<WorkerRow>)>,
}

struct Taken {
    at: Instant,
    took: Duration,
    counts: Vec<QueueCounts>,
}

impl QueueDepths {
    /// Counts again if it is time.
    pub(crate) async fn take(&self, tracker: &Tracker) {
        let is_due = |taken: &Taken| taken.at.elapsed() >= EVERY.max(taken.took * SHARE);
        if !self.last().as_ref().is_none_or(is_due) {
            return;
        }
        let began = Instant::now();
        // Errors are reported there; the last count becomes stale.
        if let Ok(counts) = tracker.counts().await {
            let (at, took) = (Instant::now(), began.elapsed());
            *self.last() = Some(Taken { at, took, counts });
        }
    }

    /// Updates the workers of the store.
    pub(crate) fn saw(&self, workers: Vec<WorkerRow>) {
        *self.seen() = (Some(Instant::now()), workers);
    }

    /// The store's workers except `own`, as last seen, each with how long ago that was.
    pub(crate) fn others(&self, own: &str) -> Vec<(WorkerRow, Duration)> {
        let seen = self.seen();
        let since = seen.0.map_or(Duration::ZERO, |at| at.elapsed());
        seen.1.iter().filter(|row| row.id != own).map(|row| (row.clone(), since)).collect()
    }

    fn seen(&self) -> MutexGuard<'_, (Option<Instant>, Vec<WorkerRow>)> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last counts of the store. `None` if they are stale.
    pub(crate) fn counts(&self) -> Option<Vec<QueueCounts>> {
        let last = self.last();
        last.as_ref().filter(|taken| taken.at.elapsed() < FRESH).map(|taken| taken.counts.clone())
    }

    fn last(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counts_of_a_store_that_answers_no_more_are_not_shown_for_long() {
        let queue_depths = QueueDepths::default();
        assert!(queue_depths.counts().is_none(), "the store has not counted yet");
        let mut own = QueueCounts::default();
        (own.queue, own.due) = ("kraken".to_owned(), 9);
        *queue_depths.last() = Some(Taken { at: Instant::now(), took: Duration::ZERO, counts: vec![own] });
        let due = || queue_depths.counts().map(|counts| counts[0].due);
        assert_eq!(due(), Some(9));

        tokio::time::advance(FRESH).await;

        assert_eq!(due(), None);
    }
}

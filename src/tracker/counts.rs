//! Counts tasks by queue and state without reading every row.

use std::collections::BTreeMap;

use crate::model::Micros;
use crate::telemetry::events::{CountsCorrected, QueueCounted};
use crate::tracker::connection::values;
use crate::tracker::{Status, Tracker, TrackerError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Its name: an exchange.
    pub queue: String,
    by_status: [u64; Status::ALL.len()],
    /// Pending tasks that are due; counted up to 20 000 of each priority.
    pub due: u64,
    /// When the one that has waited longest became due.
    pub oldest_due: Option<Micros>,
}

impl QueueCounts {
    /// The number of tasks in a state.
    #[must_use]
    pub fn of(&self, status: Status) -> u64 {
        self.by_status[place(status)]
    }

    /// The number of pending tasks that are not due.
    #[must_use]
    pub fn scheduled(&self) -> u64 {
        (self.of(Status::Pending) + self.of(Status::Failed)).saturating_sub(self.due)
    }
}

fn place(status: Status) -> usize {
    Status::ALL.iter().position(|own| *own == status).unwrap_or_default()
}

/// A kept count that differed from the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The queue.
    pub queue: String,
    /// The state.
    pub status: i64,
    /// The counted rows minus the kept count.
    pub difference: i64,
}

impl Tracker {
    /// The counts of every queue that ever had a task, ordered by name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn counts(&self) -> Result<Vec<QueueCounts>, TrackerError> {
        let mut queues: BTreeMap<String, QueueCounts> = BTreeMap::new();
        let of = |queue: &String| QueueCounts { queue: queue.clone(), ..QueueCounts::default() };
        let kept: Vec<(String, i64, i64)> = self.read(|sql| sql.counts, values![]).await?;
        for (queue, status, count) in &kept {
            let Some(status) = Status::of_code(*status) else { continue };
            let counts = queues.entry(queue.clone()).or_insert_with(|| of(queue));
            counts.by_status[place(status)] = (*count).max(0).unsigned_abs();
        }
        let due: Vec<(String, Option<i64>, i64)> = self.read(|sql| sql.due, values![self.now()]).await?;
        for (queue, oldest, count) in &due {
            let counts = queues.entry(queue.clone()).or_insert_with(|| of(queue));
            (counts.oldest_due, counts.due) = (oldest.map(Micros), (*count).max(0).unsigned_abs());
        }
        for counts in queues.values() {
            let by_status = Status::ALL.map(|status| (status.name(), counts.of(status)));
            self.telemetry.emit(QueueCounted {
                exchange: &counts.queue,
                by_status: &by_status,
                due: counts.due,
                oldest_due: counts.oldest_due,
            });
        }
        Ok(queues.into_values().collect())
    }

    /// Folds the count changes appended since the last time, for stores that append them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn fold_counts(&self) -> Result<(), TrackerError> {
        self.trying("fold", || async {
            let mut change = self.change().await?;
            if !change.sql.fold.is_empty() {
                change.run(change.sql.fold, values![]).await?;
            }
            change.commit().await
        })
        .await
    }

    /// Counts every row and corrects the kept counts; meant for once a day. Returns the corrections.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn recount(&self) -> Result<Vec<Drift>, TrackerError> {
        let drifts = self.trying("recount", || self.recount_once()).await?;
        self.telemetry.emit(CountsCorrected { counts: drifts.len() as u64 });
        Ok(drifts)
    }

    async fn recount_once(&self) -> sqlx::Result<Vec<Drift>> {
        let mut change = self.change().await?;
        let compared: Vec<(String, i64, i64)> = change.rows(change.sql.recount, values![]).await?;
        let mut drifts = Vec::new();
        for (queue, status, difference) in compared {
            change.run(change.sql.adjust, values![&queue, status, difference]).await?;
            drifts.push(Drift { queue, status, difference });
        }
        change.commit().await?;
        Ok(drifts)
    }
}

//! Heartbeats of workers, and the rows they are recorded in.

use std::time::Duration;

use crate::model::Micros;
use crate::telemetry::events::{WorkerBeat, WorkersSeen};
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{Tracker, TrackerError, WorkerRow, WorkerState};

#[derive(Clone, Debug)]
pub struct Beat<'a> {
    /// The worker's name, unique among all processes that ever ran.
    pub worker: &'a str,
    /// The host and data path it works on; processes of one data path never run at the same time.
    pub place: &'a str,
    /// When it began.
    pub started_at: Micros,
    /// The number of tasks it can run at once.
    pub slots: u32,
    /// The number of tasks it holds.
    pub held: u32,
    /// How late its loop is.
    pub lag: Duration,
    /// Its memory, in bytes.
    pub rss_bytes: u64,
}

impl Tracker {
    /// Records a heartbeat.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn beat(&self, beat: &Beat<'_>) -> Result<(), TrackerError> {
        let values = values![
            self.now(),
            beat.worker,
            beat.place,
            beat.started_at.0,
            i64::from(beat.slots),
            i64::from(beat.held),
            micros(beat.lag),
            i64::try_from(beat.rss_bytes).unwrap_or(i64::MAX),
            env!("CARGO_PKG_VERSION"),
        ];
        let _: Vec<(String,)> = self.write("beat", |sql| sql.beat, values).await?;
        self.telemetry.emit(WorkerBeat { at: self.about_now(), lag: beat.lag, held: beat.held });
        Ok(())
    }

    /// Every worker seen within a day, ordered by name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, TrackerError> {
        let workers: Vec<WorkerRow> = self.read(|sql| sql.workers, values![self.now()]).await?;
        self.telemetry.emit(WorkersSeen { by_state: &counted(&workers) });
        Ok(workers)
    }

    /// Deletes the rows of the other workers of a data path. Only for a caller that knows they are dead and
    /// took over what they held.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn forget_place(&self, place: &str, worker: &str) -> Result<(), TrackerError> {
        let _: Vec<(String,)> = self.write("leave", |sql| sql.forget_place, values![place, worker]).await?;
        Ok(())
    }

    /// Deletes the row of a worker that ends cleanly.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn leave(&self, worker: &str) -> Result<(), TrackerError> {
        let _: Vec<(String,)> = self.write("leave", |sql| sql.leave, values![worker]).await?;
        Ok(())
    }
}

/// The number of workers in each state, without those that a later worker on the same data path has replaced: a
/// process that was killed and restarted leaves no dead worker.
fn counted(workers: &[WorkerRow]) -> [(&'static str, u64); WorkerState::ALL.len()] {
    let has_follower = |one: &WorkerRow| {
        workers.iter().any(|other| other.place == one.place && other.started_at > one.started_at)
    };
    let current: Vec<&WorkerRow> = workers.iter().filter(|one| !has_follower(one)).collect();
    WorkerState::ALL
        .map(|state| (state.name(), current.iter().filter(|worker| worker.state() == state).count() as u64))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Micros;

    #[test]
    fn a_worker_that_was_killed_and_started_again_in_its_place_leaves_nobody_dead() {
        let killed = worker("a:1", "a /data", 100, 200);
        let gone = worker("b:1", "b /data", 100, 200);
        let again = worker("a:2", "a /data", 290, 300);

        assert_eq!(counted(&[killed.clone(), gone.clone()]).map(|(_, count)| count), [0, 0, 2]);
        assert_eq!(counted(&[killed, gone, again]).map(|(_, count)| count), [1, 0, 1]);
    }

    /// A worker as read at second 300.
    fn worker(id: &str, place: &str, started: i64, seen: i64) -> WorkerRow {
        WorkerRow {
            id: id.to_owned(),
            place: place.to_owned(),
            started_at: Micros::from_secs(started),
            last_seen: Micros::from_secs(seen),
            slots: 8,
            held: 0,
            lag: Duration::ZERO,
            rss_bytes: 0,
            version: String::new(),
            as_of: Micros::from_secs(300),
        }
    }
}

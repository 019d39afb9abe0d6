//! The rows by which workers show that they live.

use std::time::Duration;

use crate::model::Micros;
use crate::telemetry::events::{WorkerBeat, WorkersSeen};
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{Tracker, TrackerError, WorkerRow, WorkerState};

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Beat<'a> {
    /// The worker's name, one of each process that ever ran.
    pub worker: &'a str,
    /// The host and data path it works on: processes of one place never run at the same time.
    pub place: &'a str,
    /// When it began.
    pub started_at: Micros,
    /// How many tasks it runs at once.
    pub slots: u32,
    /// How many it holds.
    pub held: u32,
    /// How late the loop is that beats.
    pub lag: Duration,
    /// Its memory, in bytes.
    pub rss_bytes: u64,
}

impl Tracker {
    /// Writes a sign of life.
    ///
    /// # Errors
    /// Where the store fails.
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

    /// Every worker seen within a day, by name.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, TrackerError> {
        let workers: Vec<WorkerRow> = self.read(|sql| sql.workers, values![self.now()]).await?;
        let counts = WorkerState::ALL.map(|state| {
            (state.name(), workers.iter().filter(|worker| worker.state() == state).count() as u64)
        });
        self.telemetry.emit(WorkersSeen { by_state: &counts });
        Ok(workers)
    }

    /// Takes a worker that ends in good order out of the table.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn leave(&self, worker: &str) -> Result<(), TrackerError> {
        let _: Vec<(String,)> = self.write("leave", |sql| sql.leave, values![worker]).await?;
        Ok(())
    }
}

//! How the runs of series went, from the state store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::api::SeriesStatus;
use crate::config::Config;
use crate::db::Database;
use crate::engine::tasks::StreamProgress;
use crate::engine::{Job, LiveJob};
use crate::model::{Micros, Series};
use crate::telemetry::{SeriesHealth, Telemetry};
use crate::tracker::{Filter, Task, TaskKind, Tracker, TrackerError};

/// More live series than any configuration has.
const MOST_STREAMS: u32 = 100_000;

/// Series as the state store knows them.
#[derive(Default)]
pub(crate) struct SeriesRuns {
    health: Vec<SeriesHealth>,
    paused: HashSet<Series>,
    /// The state of each live series.
    streams: HashMap<String, String>,
}

/// The series of the jobs and of the streams of a configuration.
pub(crate) fn configured(config: &Config) -> BTreeSet<Series> {
    let jobs = Job::all(config);
    let live = LiveJob::all(config);
    let jobs = jobs.iter().map(|job| (**job.series()).clone());
    jobs.chain(live.iter().map(|job| (*job.series).clone())).collect()
}

impl SeriesRuns {
    /// Reads a store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) async fn read(db: &Database) -> Result<Self, TrackerError> {
        let (health, paused) = (db.series_health().await?, db.paused().await?);
        let filter = Filter { kind: Some(TaskKind::Stream), ..Filter::default() };
        let streams = Tracker::new(db, &Telemetry::new()).tasks(&filter, MOST_STREAMS).await?;
        Ok(SeriesRuns {
            health,
            paused: paused.into_iter().collect(),
            streams: streams.iter().map(stream).collect(),
        })
    }

    /// Every series that is configured, or ever ran, in the order of their names.
    pub(crate) fn lines(&self, configured: &BTreeSet<Series>) -> Vec<SeriesStatus> {
        let mut lines: BTreeMap<String, SeriesStatus> = BTreeMap::new();
        for health in &self.health {
            let line = self.line(&health.series, Some(health), configured.contains(&health.series));
            lines.insert(line.series.clone(), line);
        }
        for series in configured {
            lines.entry(series.to_string()).or_insert_with(|| self.line(series, None, true));
        }
        lines.into_values().collect()
    }

    fn line(&self, series: &Series, health: Option<&SeriesHealth>, is_configured: bool) -> SeriesStatus {
        let seconds = |at: Option<Micros>| at.map(Micros::as_secs_f64);
        let name = series.to_string();
        SeriesStatus {
            last_run_at: seconds(health.and_then(|health| health.last_run_at)),
            last_success_at: seconds(health.and_then(|health| health.last_success_at)),
            rows: health.map_or(0, |health| health.rows),
            consecutive_errors: health.map_or(0, |health| health.consecutive_errors),
            paused: self.paused.contains(series),
            configured: is_configured,
            stream: self.streams.get(&name).cloned(),
            last_error: health.and_then(|health| health.last_error.clone()),
            series: name,
        }
    }
}

/// A live series and its state.
fn stream(task: &Task) -> (String, String) {
    let state = StreamProgress::of(task).map_or_else(|| task.status.name().to_owned(), |own| own.state);
    (task.series.clone(), state)
}

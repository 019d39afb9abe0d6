//! `dccd status --wide`: how each series stands, from the state store.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::SeriesStatus;
use crate::cli::Exit;
use crate::cli::jobs::{StreamProgress, live};
use crate::cli::output::Output;
use crate::cli::state;
use crate::cli::table::{Column, Table};
use crate::config::Config;
use crate::engine::Job;
use crate::model::{Micros, Series, Zone};
use crate::telemetry::events::Chain;
use crate::telemetry::{SeriesHealth, Telemetry};
use crate::tracker::{Filter, Task, TaskKind, Tracker, TrackerError};

/// More live series than any configuration has.
const MOST_STREAMS: u32 = 100_000;

/// Prints every series that is configured, or ever ran.
pub(super) async fn run(json: bool, config: &Config, out: &mut Output) -> Exit {
    let known = match look(config, out).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let lines = lines(config, &known);
    if json {
        return out.json(&lines);
    }
    let mut table = Table::new([
        Column::left("series", 36),
        Column::time("last_run", 17, &config.zone_name),
        Column::time("last_success", 17, &config.zone_name),
        Column::right("rows", 10),
        Column::right("errors", 6),
        Column::left("state", 0).apart(),
    ]);
    lines.iter().for_each(|line| table.row(row(line, &config.zone)));
    table.print(out);
    Exit::Done
}

/// The series as the state store knows them.
#[derive(Default)]
struct Known {
    health: Vec<SeriesHealth>,
    paused: Vec<Series>,
    streams: BTreeMap<String, String>,
}

async fn look(config: &Config, out: &mut Output) -> Result<Known, Exit> {
    let Some(db) = state::open(config, "status", out).await? else {
        return Ok(Known::default());
    };
    let found = async {
        let (health, paused) = (db.series_health().await?, db.paused().await?);
        let filter = Filter { kind: Some(TaskKind::Stream), ..Filter::default() };
        let streams = Tracker::new(&db, &Telemetry::new()).tasks(&filter, MOST_STREAMS).await?;
        Ok(Known { health, paused, streams: streams.iter().map(stream).collect() })
    };
    let found = found.await.map_err(|error: TrackerError| out.fail(Exit::Storage, Chain(&error)));
    db.close().await;
    found
}

/// A live series and how it stands.
fn stream(task: &Task) -> (String, String) {
    let state = StreamProgress::of(task).map_or_else(|| task.status.name().to_owned(), |own| own.state);
    (task.series.clone(), state)
}

fn lines(config: &Config, known: &Known) -> Vec<SeriesStatus> {
    let jobs = Job::all(config).iter().map(|job| (**job.series()).clone()).collect::<Vec<_>>();
    let jobs: BTreeSet<Series> = jobs.into_iter().chain(live(config)).collect();
    let configured = |series: &Series| jobs.contains(series);
    let (paused, streams) = (&known.paused, &known.streams);
    let known = &known.health;
    let seconds = |at: Option<Micros>| at.map(Micros::as_secs_f64);
    let line = |health: &SeriesHealth| SeriesStatus {
        series: health.series.to_string(),
        last_run_at: seconds(health.last_run_at),
        last_success_at: seconds(health.last_success_at),
        rows: health.rows,
        consecutive_errors: health.consecutive_errors,
        paused: paused.contains(&health.series),
        configured: configured(&health.series),
        stream: streams.get(&health.series.to_string()).cloned(),
        last_error: health.last_error.clone(),
    };
    let mut lines: Vec<SeriesStatus> = known.iter().map(line).collect();
    let never_ran = jobs.iter().filter(|series| !known.iter().any(|known| known.series == **series));
    lines.extend(never_ran.map(|series| SeriesStatus {
        series: series.to_string(),
        last_run_at: None,
        last_success_at: None,
        rows: 0,
        consecutive_errors: 0,
        paused: paused.contains(series),
        configured: true,
        stream: streams.get(&series.to_string()).cloned(),
        last_error: None,
    }));
    lines.sort_by(|one, other| one.series.cmp(&other.series));
    lines
}

fn row(line: &SeriesStatus, zone: &Zone) -> [String; 6] {
    let time =
        |at: Option<f64>| at.map_or_else(|| "-".to_owned(), |at| zone.minute(Micros::from_secs_f64(at)));
    let state = match (line.configured, line.paused, &line.last_error, &line.stream) {
        (false, ..) => "not configured".to_owned(),
        (true, true, ..) => "paused".to_owned(),
        (true, false, Some(error), None) => error.clone(),
        (true, false, Some(error), Some(stream)) => format!("{stream}: {error}"),
        (true, false, None, Some(stream)) => stream.clone(),
        (true, false, None, None) if line.last_run_at.is_none() => "no run ended yet".to_owned(),
        (true, false, None, None) => "ok".to_owned(),
    };
    [
        line.series.clone(),
        time(line.last_run_at),
        time(line.last_success_at),
        line.rows.to_string(),
        line.consecutive_errors.to_string(),
        state,
    ]
}

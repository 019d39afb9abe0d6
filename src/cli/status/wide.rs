//! `dccd status --wide`: how each series stands, from the state store.

use crate::api::SeriesStatus;
use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::state;
use crate::cli::table::{Column, Table};
use crate::config::Config;
use crate::db::DbError;
use crate::engine::Job;
use crate::model::{Micros, Series, Zone};
use crate::telemetry::SeriesHealth;
use crate::telemetry::events::Chain;

/// Prints every series that is configured, or ever ran.
pub(super) async fn run(json: bool, config: &Config, out: &mut Output) -> Exit {
    let (known, paused) = match look(config, out).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let lines = lines(config, known, &paused);
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

async fn look(config: &Config, out: &mut Output) -> Result<(Vec<SeriesHealth>, Vec<Series>), Exit> {
    let Some(db) = state::open(config, "status", out).await? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let found = async { Ok((db.series_health().await?, db.paused().await?)) };
    let found = found.await.map_err(|error: DbError| out.fail(Exit::Storage, Chain(&error)));
    db.close().await;
    found
}

fn lines(config: &Config, known: Vec<SeriesHealth>, paused: &[Series]) -> Vec<SeriesStatus> {
    let jobs = Job::all(config);
    let configured = |series: &Series| jobs.iter().any(|job| **job.series() == *series);
    let seconds = |at: Option<Micros>| at.map(Micros::as_secs_f64);
    let line = |health: &SeriesHealth| SeriesStatus {
        series: health.series.to_string(),
        last_run_at: seconds(health.last_run_at),
        last_success_at: seconds(health.last_success_at),
        rows: health.rows,
        consecutive_errors: health.consecutive_errors,
        paused: paused.contains(&health.series),
        configured: configured(&health.series),
        last_error: health.last_error.clone(),
    };
    let mut lines: Vec<SeriesStatus> = known.iter().map(line).collect();
    let never_ran = jobs.iter().filter(|job| !known.iter().any(|known| known.series == **job.series()));
    lines.extend(never_ran.map(|job| SeriesStatus {
        series: job.series().to_string(),
        last_run_at: None,
        last_success_at: None,
        rows: 0,
        consecutive_errors: 0,
        paused: paused.contains(job.series()),
        configured: true,
        last_error: None,
    }));
    lines.sort_by(|one, other| one.series.cmp(&other.series));
    lines
}

fn row(line: &SeriesStatus, zone: &Zone) -> [String; 6] {
    let time =
        |at: Option<f64>| at.map_or_else(|| "-".to_owned(), |at| zone.minute(Micros::from_secs_f64(at)));
    let state = match (line.configured, line.paused, &line.last_error) {
        (false, ..) => "not configured".to_owned(),
        (true, true, _) => "paused".to_owned(),
        (true, false, Some(error)) => error.clone(),
        (true, false, None) if line.last_run_at.is_none() => "no run ended yet".to_owned(),
        (true, false, None) => "ok".to_owned(),
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

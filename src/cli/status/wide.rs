//! `dccd status --wide`: how each series stands, from the state store.

use crate::api::SeriesStatus;
use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::state;
use crate::cli::table::{Column, Table};
use crate::config::Config;
use crate::engine::series::{SeriesRuns, configured};
use crate::model::{Micros, Zone};
use crate::telemetry::events::Chain;

/// Prints every series that is configured, or ever ran.
pub(super) async fn run(json: bool, config: &Config, out: &mut Output) -> Exit {
    let known = match look(config, out).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let lines = known.lines(&configured(config));
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

/// The series as the state store knows them; nothing if there is no store yet.
async fn look(config: &Config, out: &mut Output) -> Result<SeriesRuns, Exit> {
    let Some(db) = state::open(config, "status", out).await? else {
        return Ok(SeriesRuns::default());
    };
    let found = SeriesRuns::read(&db).await.map_err(|error| out.fail(Exit::Storage, Chain(&error)));
    db.close().await;
    found
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

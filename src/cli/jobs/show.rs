//! `dccd jobs show`: everything known of one task, with its attempts.

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::jobs::ask::Asked;
use crate::cli::jobs::table::{AttemptLine, Line, outcome};
use crate::cli::jobs::why::state;
use crate::tracker::{Attempt, Task, Tracker, TrackerError};

/// Show everything known of one task, with its attempts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task, as `dccd jobs ls` names it; that of a job is its series.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    task: Line,
    attempts_kept: Vec<AttemptLine>,
}

pub(super) async fn run(args: &Args, asked: &mut Asked<'_>) -> Exit {
    let Some(tracker) = asked.tracker.clone() else { return asked.unknown(&args.id) };
    let (task, attempts) = match known(&tracker, &args.id).await {
        Ok(Some(known)) => known,
        Ok(None) => return asked.unknown(&args.id),
        Err(error) => return asked.failed(&error),
    };
    if args.json {
        let attempts_kept = attempts.iter().map(AttemptLine::of).collect();
        return asked.json(&Shown { task: Line::of(&task), attempts_kept });
    }
    let zone = asked.zone.clone();
    asked.out.line(format!("{} ({}, {})", task.id, task.kind, task.queue));
    asked.out.line(format!("  {}", state(&task, &zone)));
    if let Some(window) = task.window {
        asked.out.line(format!("  window {window}"));
    }
    asked.out.line(format!("  {} attempt(s) in all, progress {}", task.attempts_total, task.data));
    for attempt in &attempts {
        asked.out.line(line(attempt, &zone));
        attempt.causes.iter().for_each(|cause| asked.out.line(format!("       caused by: {cause}")));
    }
    Exit::Done
}

async fn known(tracker: &Tracker, id: &str) -> Result<Option<(Task, Vec<Attempt>)>, TrackerError> {
    let Some(task) = tracker.task(id).await? else { return Ok(None) };
    Ok(Some((task, tracker.attempts(id).await?)))
}

fn line(attempt: &Attempt, zone: &crate::model::Zone) -> String {
    let took = attempt
        .ended_at
        .map_or_else(String::new, |at| format!(" after {:.1} s", at.since(attempt.started_at).as_secs_f64()));
    let error = attempt.error.as_deref().map_or_else(String::new, |error| {
        format!(": [{}] {error}", attempt.error_class.as_deref().unwrap_or("other"))
    });
    let (began, how) = (zone.minute(attempt.started_at), outcome(attempt));
    format!("  {:>4} {began} {how}{took} by {}{error}", attempt.number, attempt.worker)
}

//! The state of a task, in a sentence.

use crate::model::{Micros, Zone};
use crate::tracker::{EXHAUSTED_REST, Status, Task, TaskKind};

/// Why a paused job does not run.
pub(super) fn paused(series: &str) -> String {
    format!("It is paused and does not run by itself until `dccd jobs resume {series}`.")
}

/// The state of a task and what happens next.
pub(super) fn state(task: &Task, zone: &Zone) -> String {
    let at = |at: Micros| zone.minute(at);
    let due = if task.run_at <= task.as_of {
        format!("due since {}", at(task.run_at))
    } else {
        format!("due at {}, in {} s", at(task.run_at), task.run_at.since(task.as_of).as_secs())
    };
    match task.status {
        Status::Pending => format!("It is pending: {due}."),
        Status::InProgress => in_progress(task, &at),
        Status::Failed => {
            let most = task.max_attempts.map_or_else(String::new, |most| format!(" of at most {most}"));
            format!("{} attempt(s){most} failed; it is tried again: {due}.", task.attempts)
        }
        Status::Exhausted => exhausted(task, &at),
        Status::Succeeded => format!("It succeeded at {}.", at(task.finished_at.unwrap_or(task.updated_at))),
        Status::Ignored => format!(
            "It is ignored ({}) until `dccd jobs retry`.",
            task.reason.as_deref().unwrap_or("no reason was given")
        ),
    }
}

fn in_progress(task: &Task, at: &impl Fn(Micros) -> String) -> String {
    let Some(lease) = &task.lease else { return "It is in progress, and no worker holds it.".to_owned() };
    let cancelled = if task.cancel_requested { " It was asked to stop." } else { "" };
    if lease.until <= task.as_of {
        return format!(
            "{} held it and has stopped renewing its lease, which ended at {}; the next worker that polls takes it.{cancelled}",
            lease.worker,
            at(lease.until)
        );
    }
    let left = lease.until.since(task.as_of).as_secs();
    format!(
        "{} works on it since {}; its lease lasts {left} s unless it is renewed.{cancelled}",
        lease.worker,
        at(lease.since)
    )
}

fn exhausted(task: &Task, at: &impl Fn(Micros) -> String) -> String {
    let again = match (task.kind, task.finished_at) {
        (TaskKind::Backfill | TaskKind::Repair, Some(ended)) => format!(
            "a backfill that names it plans it again at once, any other plan from {} on; `dccd jobs retry` does so now",
            at(ended + EXHAUSTED_REST)
        ),
        _ => "`dccd jobs retry` has it tried again".to_owned(),
    };
    format!("It is exhausted: {} attempt(s) failed; {again}.", task.attempts)
}

//! One piece of work on one series, as a command requests it, and its result.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{Files, How, Report, RestoredFiles};
use crate::engine::{Engine, Job, series};
use crate::exchange::find;
use crate::jobs::{Order, Outcome, Precedence, Progress, Retry, RunError, RunErrorKind, Since};
use crate::model::{Micros, Series, Windows};
use crate::store::{Layout, Ledger, StoreError};
use crate::telemetry::events::Chain;
use crate::worker::RunPermit;

/// Work on one series.
#[derive(Clone, Debug)]
pub struct Work {
    /// The range to fetch, and how.
    pub order: Order,
    /// How the range is worked on.
    pub kind: WorkKind,
    /// The task that stands for it already; otherwise one is made.
    pub task: Option<String>,
    /// Cancelled when the requester withdraws the work.
    pub withdrawn: CancellationToken,
}

/// How a series is worked on.
#[derive(Clone, Debug)]
pub enum WorkKind {
    /// Fetches the windows that are not settled.
    Backfill,
    /// Checks every file first and sets damaged ones aside, then fetches what is missing.
    Repair,
    /// Restores the remotes' copies and fetches nothing.
    Restore,
    /// Runs a configured job.
    JobRun {
        /// The job.
        job: Job,
        /// Its failed runs in a row.
        failed: u32,
    },
}

/// The result of work.
pub struct Done {
    /// The outcome of the run.
    pub outcome: Outcome,
    /// The result of the check of the files, if requested.
    pub files: Option<Files>,
    /// When the job is due next, if this was a run of one.
    pub due: Option<Micros>,
    /// Files restored from each remote, if requested.
    pub restored: Vec<RestoredFiles>,
    /// Errors of the restore.
    pub missing: Vec<String>,
}

impl Done {
    /// A run with this outcome and nothing else.
    fn of(outcome: Outcome) -> Self {
        Done { outcome, files: None, due: None, restored: Vec::new(), missing: Vec::new() }
    }
}

impl Work {
    /// Backfills a series, apart from any job.
    #[must_use]
    pub fn fetch(order: Order) -> Self {
        Work::new(WorkKind::Backfill, order)
    }

    /// Checks the files of a series and fetches what is missing.
    #[must_use]
    pub fn repair(order: Order) -> Self {
        Work::new(WorkKind::Repair, order)
    }

    /// Restores the remotes' copies of a series.
    #[must_use]
    pub fn restore(series: Arc<Series>) -> Self {
        let order = Order {
            series,
            since: Since::Known,
            until: None,
            retry: Retry { attempts: 1, delay: Duration::ZERO },
            depth: 1,
            precedence: Precedence::Ordinary,
        };
        Work::new(WorkKind::Restore, order)
    }

    /// Runs a job, after `failed` failed runs in a row.
    #[must_use]
    pub(crate) fn of_job(job: Job, failed: u32) -> Self {
        let order = job.order.clone();
        Work::new(WorkKind::JobRun { job, failed }, order)
    }

    /// Whether it is a run of a configured job.
    #[must_use]
    pub(crate) fn is_of_job(&self) -> bool {
        matches!(self.kind, WorkKind::JobRun { .. })
    }

    fn new(kind: WorkKind, order: Order) -> Self {
        Work { order, kind, task: None, withdrawn: CancellationToken::new() }
    }
}

impl Report {
    /// The report of this result.
    #[must_use]
    pub fn of(engine: &Engine, series: &Series, done: &Done) -> Self {
        let (outcome, files) = (&done.outcome, done.files.clone());
        if !done.missing.is_empty() {
            let error = Some(done.missing.join("\n"));
            return Report { error, restored: done.restored.clone(), ..Report::new(series, How::Failed) };
        }
        let error = outcome.error.as_ref();
        let known = engine.telemetry().health().of(series);
        Report {
            rows: outcome.rows,
            revised: outcome.revised,
            took_secs: outcome.took.as_secs_f64(),
            last_run_secs: known.as_ref().and_then(|known| known.last_run_at).map(Micros::as_secs_f64),
            last_success_secs: known.and_then(|known| known.last_success_at).map(Micros::as_secs_f64),
            error: error.map(|error| Chain(error).to_string()),
            files,
            restored: done.restored.clone(),
            ..Report::new(series, How::of(error))
        }
    }
}

impl How {
    /// A file in an unknown format fails its series; any other trouble with files is the storage's.
    fn of(error: Option<&RunError>) -> Self {
        let Some(error) = error else { return How::Done };
        match &error.kind {
            RunErrorKind::Windows { failed, .. } => How::Skipped(*failed),
            RunErrorKind::Stopped => How::Stopped,
            RunErrorKind::Refused(_) | RunErrorKind::NotOwner { .. } => How::Refused,
            RunErrorKind::Store(StoreError::Foreign { .. }) => How::Failed,
            RunErrorKind::NotTakenOver(_) | RunErrorKind::Store(_) => How::Storage,
            RunErrorKind::Unprepared(_)
            | RunErrorKind::NoOffer { .. }
            | RunErrorKind::NotLive { .. }
            | RunErrorKind::Broken { .. } => How::Failed,
        }
    }
}

/// Carries out the work, `delay` after it was due, with a task of the tracker for the run of a job or a window of
/// history.
pub async fn carry_out(
    engine: &Engine,
    work: &Work,
    delay: Duration,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Done {
    let run = engine.under_way().begin(&work.order.series);
    let progress: &(dyn Fn(Progress) + Sync) = &|at| {
        run.show(at);
        progress(at);
    };
    if let WorkKind::JobRun { job, failed } = &work.kind {
        let run = engine.run_job(job, *failed, delay, progress, stop).await;
        return Done { due: run.due, ..Done::of(run.outcome) };
    }
    let permit = match engine.fleet().enter(&work.order.series, stop, true).await {
        Ok(permit) => permit,
        Err(error) => return Done::of(Outcome::of_error(error)),
    };
    if matches!(work.kind, WorkKind::Restore) {
        let (restored, missing) = engine.restore_from_remotes(&work.order.series, &permit.stop).await;
        let nothing = Outcome::nothing();
        return Done { restored, missing, ..Done::of(nothing) };
    }
    let leases = match engine.claim_window(work, &permit.stop).await {
        Ok(leases) => leases,
        Err(outcome) => return Done::of(outcome),
    };
    let (outcome, files) = match work.kind {
        WorkKind::Repair => repair(engine, &work.order, delay, progress, &permit).await,
        _ => (engine.run_as_owner(&work.order, delay, progress, &permit).await, None),
    };
    engine.settle_window(leases, &outcome, work).await;
    Done { files, ..Done::of(outcome) }
}

async fn repair(
    engine: &Engine,
    order: &Order,
    delay: Duration,
    progress: &(dyn Fn(Progress) + Sync),
    permit: &RunPermit,
) -> (Outcome, Option<Files>) {
    let series = &order.series;
    let checked = engine.set_aside_damaged(series).await;
    let before = gaps(engine.layout(), series).secs();
    let set_aside = match checked {
        Ok(set_aside) => set_aside,
        Err(source) => {
            let files = Files { gap_seconds_before: before, gap_seconds_after: before, ..Files::default() };
            return (Outcome::of_error(RunErrorKind::Store(source).of(series)), Some(files));
        }
    };
    // Without an adapter nothing can be fetched, so gaps remain.
    let outcome = match find(series.exchange()) {
        Some(_) => engine.run_as_owner(order, delay, progress, permit).await,
        None => Outcome::nothing(),
    };
    let after = gaps(engine.layout(), series).secs();
    (outcome, Some(Files { set_aside, gap_seconds_before: before, gap_seconds_after: after }))
}

fn gaps(layout: &Layout, series: &Series) -> Windows {
    let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten();
    ledger.map(|ledger| series::gaps(series, &ledger)).unwrap_or_default()
}

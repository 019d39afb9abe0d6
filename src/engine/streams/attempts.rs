//! The task of each live series: claimed before it is listened to, one attempt a session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::engine::Engine;
use crate::jobs::stream::{LiveStatus, Tasks};
use crate::jobs::{RunError, RunErrorKind};
use crate::model::{Micros, Series};
use crate::tracker::{Fault, NewTask, Next, Refusal, TrackerError, Verdict};
use crate::worker::{TAKES_WITHIN, TaskLease};

/// How many attempts are recorded at a time.
const AT_ONCE: usize = 8;
/// The back-off of a task whose worker died; otherwise streams say when they try again.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// How long an attempt may take to be settled while the program ends.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// How long nothing is recorded after that broke off.
const AFTER_FAULT: Duration = Duration::from_secs(5);

/// Sessions that ended and are to be recorded, and those being recorded.
pub(super) struct Attempts {
    engine: Arc<Engine>,
    ended: BTreeMap<Arc<Series>, Option<Fault>>,
    recording: Tasks<Arc<Series>, Result<Option<TaskLease>, Refusal>>,
    not_before: Option<Instant>,
}

/// The state of a live series in its task's data.
#[derive(Serialize)]
struct Progress<'a> {
    state: &'static str,
    since: String,
    why: Option<&'a str>,
}

/// A session was recorded, and the next attempt began.
pub(super) struct Recorded {
    pub(super) series: Arc<Series>,
    /// The lease of the next attempt, unless the state store is away.
    pub(super) begun: Result<Option<TaskLease>, Refusal>,
}

impl Attempts {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Attempts {
            engine: Arc::clone(engine),
            ended: BTreeMap::new(),
            recording: Tasks::new("recording a session"),
            not_before: None,
        }
    }

    /// Notes that a session ended; an earlier one that is not recorded yet is dropped.
    pub(super) fn ended(&mut self, series: &Arc<Series>, fault: Option<Fault>) {
        self.ended.insert(Arc::clone(series), fault);
    }

    /// Whether another session may be recorded now.
    pub(super) fn has_room(&self) -> bool {
        self.recording.len() < AT_ONCE && self.not_before.is_none_or(|at| at <= Instant::now())
    }

    /// Whether a session of a series is to be recorded.
    pub(super) fn is_due(&self, series: &Series) -> bool {
        self.ended.contains_key(series)
    }

    /// Whether a session of a series is being recorded.
    pub(super) fn is_recording(&self, series: &Series) -> bool {
        self.recording.has(|own| **own == *series)
    }

    /// Records the session that a series' lease stands for and begins the next attempt, with whatever lease is missing.
    pub(super) fn record(
        &mut self,
        series: &Arc<Series>,
        lease: Option<TaskLease>,
        stop: &CancellationToken,
    ) {
        let fault = self.ended.remove(series).flatten();
        let (engine, own, stop) = (Arc::clone(&self.engine), Arc::clone(series), stop.clone());
        self.recording.spawn(Arc::clone(series), async move {
            let at = now();
            let verdict = match fault {
                Some(fault) => Verdict::Failed { fault, next: Next::At(at) },
                None => Verdict::Succeeded { again_at: Some(at) },
            };
            if let Some(lease) = lease {
                engine.worker().settle(lease, verdict).await;
            }
            claim(&engine, &own, &stop).await
        });
    }

    /// Drops what is to be recorded of a series.
    pub(super) fn forget(&mut self, series: &Series) {
        self.ended.remove(series);
    }

    /// The next one recorded. One that broke off has no lease, and the next attempt is begun later.
    pub(super) async fn next(&mut self) -> Option<Recorded> {
        let (series, begun) = self.recording.next().await?;
        if begun.is_err() {
            self.not_before = Some(Instant::now() + AFTER_FAULT);
        }
        Some(Recorded { series, begun: begun.unwrap_or(Ok(None)) })
    }
}

/// Claims the task of a live series, planning it first if needed; `None` while the state store is away.
///
/// # Errors
/// If it is ignored, or another worker holds it.
pub(super) async fn claim(
    engine: &Engine,
    series: &Series,
    stop: &CancellationToken,
) -> Result<Option<TaskLease>, Refusal> {
    if engine.database().is_away() {
        return Ok(None);
    }
    let new = NewTask::stream(series, RETRY_DELAY);
    match timeout(TAKES_WITHIN, engine.worker().claim_job(&new, stop)).await {
        Ok(Ok(lease)) => Ok(Some(lease)),
        Ok(Err(TrackerError::Refused(refusal))) => Err(refusal),
        Ok(Err(TrackerError::Store(_))) | Err(_) => Ok(None),
    }
}

/// Settles the attempt of a series that is no longer listened to.
pub(super) async fn settle(engine: &Engine, lease: TaskLease, verdict: Verdict) {
    if timeout(SETTLES_WITHIN, engine.worker().settle(lease, verdict)).await.is_err() {
        tracing::warn!("the state store does not take how a stream ended; its lease expires");
    }
}

/// How to settle an attempt that could not begin to listen, and is tried again at `again_at`.
pub(super) fn verdict_of(error: &RunError, again_at: Micros) -> Verdict {
    match &error.kind {
        RunErrorKind::Stopped => Verdict::GivenBack,
        _ => Verdict::Failed { fault: Fault::of(error.reason().name(), error), next: Next::At(again_at) },
    }
}

/// The state of a live series as its task keeps it.
pub(super) fn progress(status: &LiveStatus) -> String {
    let progress =
        Progress { state: status.state.name(), since: status.since.to_string(), why: status.why.as_deref() };
    serde_json::to_string(&progress).unwrap_or_default()
}

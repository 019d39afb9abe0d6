//! One wanted series: admitted, placed on a connection, or waiting for its next attempt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::streams::attempts::claim;
use crate::engine::streams::back_off::BackOff;
use crate::engine::streams::connections::{NewTopic, Place};
use crate::engine::{Engine, LiveJob};
use crate::exchange::find;
use crate::jobs::stream::{LiveSeries, resolve};
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Micros;
use crate::telemetry::LiveState;
use crate::worker::{RunPermit, TaskLease};

/// The longest wait after failures in a row, and after refusals: what an exchange refuses it will refuse for long.
const AFTER_FAILURES: Duration = Duration::from_secs(60);
const AFTER_REFUSALS: Duration = Duration::from_secs(600);

/// A wanted series.
pub(super) struct Entry {
    pub(super) job: LiveJob,
    pub(super) state: EntryState,
    /// Its failures that are not the exchange's refusal.
    pub(super) failures: BackOff,
    pub(super) refusals: BackOff,
}

/// How far a wanted series is.
#[allow(clippy::large_enum_variant, reason = "most are placed for as long as they are wanted")]
pub(super) enum EntryState {
    /// It is admitted at an instant, or as soon as this process owns it.
    Waiting {
        until: Instant,
        for_owner: bool,
    },
    Admitting,
    /// It has a place on a connection, under this process's ownership.
    Placed {
        place: Place,
        held: Held,
    },
}

/// Held by a placed series for as long as it is listened to.
pub(super) struct Held {
    pub(super) permit: RunPermit,
    /// Its task; `None` while the state store is away, and while a session is recorded.
    pub(super) lease: Option<TaskLease>,
    /// Whether a session of it is being recorded.
    pub(super) is_recording: bool,
    /// When the contract that its pair names expires.
    pub(super) ends: Option<Micros>,
}

/// Why a series may not be listened to.
pub(super) struct NotAdmitted {
    pub(super) error: RunError,
    /// Its task, if it was claimed.
    pub(super) lease: Option<TaskLease>,
}

impl From<RunError> for NotAdmitted {
    fn from(error: RunError) -> Self {
        NotAdmitted { error, lease: None }
    }
}

/// A series that may be listened to.
pub(super) struct Admitted {
    held: Held,
    topic: NewTopic,
}

impl Entry {
    pub(super) fn new(job: LiveJob) -> Self {
        Entry {
            job,
            state: EntryState::waiting(Duration::ZERO),
            failures: BackOff::new(AFTER_FAILURES),
            refusals: BackOff::new(AFTER_REFUSALS),
        }
    }

    /// Whether it is to be admitted now.
    pub(super) fn is_due(&self, at: Instant, is_ours: impl FnOnce() -> bool) -> bool {
        match self.state {
            EntryState::Waiting { until, for_owner } => until <= at || (for_owner && is_ours()),
            EntryState::Admitting | EntryState::Placed { .. } => false,
        }
    }

    /// Whether it has a place that it must leave: another process owns it, or its contract has expired.
    pub(super) fn is_over(&self, at: Micros) -> bool {
        let EntryState::Placed { held, .. } = &self.state else { return false };
        held.permit.stop.is_cancelled() || held.ends.is_some_and(|ends| ends <= at)
    }

    /// Whether its task was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        let EntryState::Placed { held, .. } = &self.state else { return false };
        held.lease.as_ref().is_some_and(TaskLease::is_cancelled)
    }

    pub(super) fn is_placed(&self) -> bool {
        matches!(self.state, EntryState::Placed { .. })
    }

    pub(super) fn held(&mut self) -> Option<&mut Held> {
        match &mut self.state {
            EntryState::Placed { held, .. } => Some(held),
            EntryState::Waiting { .. } | EntryState::Admitting => None,
        }
    }
}

impl EntryState {
    /// It is admitted after a wait.
    pub(super) fn waiting(wait: Duration) -> Self {
        EntryState::Waiting { until: Instant::now() + wait, for_owner: false }
    }
}

impl Admitted {
    pub(super) fn parts(self) -> (Held, NewTopic) {
        (self.held, self.topic)
    }
}

/// Makes sure that a series is this process's and that its exchange lists it, claims its task, and opens its files.
///
/// # Errors
/// If it is another's, its task is ignored, or its exchange does not list it, cannot be asked or does not send it live.
pub(super) async fn admit(
    engine: &Engine,
    job: &LiveJob,
    stop: &CancellationToken,
) -> Result<Admitted, NotAdmitted> {
    let series = &job.series;
    let permit = engine.fleet().enter_live(series, stop).await?;
    // Only its owner shows it.
    engine.live_states().want(series);
    // A refused one is shown as that until it has its place again.
    if engine.live_states().of(series).is_some_and(|own| own.state != LiveState::Refused) {
        engine.live_states().show(series, LiveState::Connecting, None);
    }
    let refused = |refusal| RunErrorKind::Refused(refusal).of(series);
    let lease = claim(engine, series, &permit.stop).await.map_err(refused)?;
    match open(engine, job, &permit).await {
        Ok((topic, ends)) => Ok(Admitted { held: Held { permit, lease, is_recording: false, ends }, topic }),
        Err(error) => Err(NotAdmitted { error, lease }),
    }
}

/// Opens a series, and says when the contract that its pair names expires.
async fn open(
    engine: &Engine,
    job: &LiveJob,
    permit: &RunPermit,
) -> Result<(NewTopic, Option<Micros>), RunError> {
    let series = &job.series;
    let no_offer = || {
        let what = format!("{} {} for {} live", series.kind(), series.span_label(), series.pair());
        RunErrorKind::NoOffer {
            exchange: find(series.exchange()).map_or("this version", |own| own.name()),
            what,
        }
        .of(series)
    };
    let live = find(series.exchange()).and_then(|exchange| exchange.live()).ok_or_else(no_offer)?;
    let offer = live.offer_for(series).ok_or_else(no_offer)?;
    let context = engine.context(series.exchange()).ok_or_else(no_offer)?;
    let instruments = resolve(&context, series, &permit.stop).await?;
    let grid = series.span().and_then(|span| offer.grid(span));
    let (store, own) = (context.store.clone(), Arc::clone(series));
    let opened = tokio::task::spawn_blocking(move || LiveSeries::open(&store, &own, grid)).await;
    let opened = opened.map_err(|error| RunErrorKind::Broken { reason: error.to_string() }.of(series))?;
    let rows = opened.map_err(|error| RunErrorKind::Store(error).of(series))?;
    let instrument = instruments.now;
    let ends = instrument.named_until();
    let topic = NewTopic {
        series: Arc::clone(series),
        instrument,
        exchange: context.client.exchange().name(),
        live,
        offer,
        rows,
        book: job.book,
    };
    Ok((topic, ends))
}

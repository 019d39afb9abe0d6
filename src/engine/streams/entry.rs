//! One wanted series: admitted, placed on a connection, or waiting for its next attempt.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::engine::streams::connections::{NewTopic, Place};
use crate::engine::streams::refusals::Refusals;
use crate::engine::{Engine, LiveJob};
use crate::exchange::find;
use crate::jobs::stream::{LiveSeries, resolve};
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Micros;
use crate::worker::RunPermit;

/// A wanted series.
pub(super) struct Entry {
    pub(super) job: LiveJob,
    pub(super) state: EntryState,
    /// Consecutive failures to admit it.
    pub(super) failed: u32,
    pub(super) refusals: Refusals,
}

/// How far a wanted series is.
pub(super) enum EntryState {
    /// It is admitted at an instant.
    Waiting {
        until: Instant,
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
    permit: RunPermit,
    /// When the contract that its pair names expires.
    ends: Option<Micros>,
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
            state: EntryState::Waiting { until: Instant::now() },
            failed: 0,
            refusals: Refusals::default(),
        }
    }

    /// Whether it is to be admitted now.
    pub(super) fn is_due(&self, at: Instant) -> bool {
        matches!(self.state, EntryState::Waiting { until } if until <= at)
    }

    /// Whether it has a place that it must leave: another process owns it, or its contract has expired.
    pub(super) fn is_over(&self, at: Micros) -> bool {
        let EntryState::Placed { held, .. } = &self.state else { return false };
        held.permit.stop.is_cancelled() || held.ends.is_some_and(|ends| ends <= at)
    }
}

impl Admitted {
    pub(super) fn parts(self) -> (Held, NewTopic) {
        (self.held, self.topic)
    }
}

/// Makes sure that a series is this process's and that its exchange lists it, and opens its files.
///
/// # Errors
/// If it is another's, or its exchange does not list it, cannot be asked or does not send it live.
pub(super) async fn admit(
    engine: &Engine,
    job: &LiveJob,
    stop: &CancellationToken,
) -> Result<Admitted, RunError> {
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
    let permit = engine.fleet().enter(series, stop, false).await?;
    let instruments = resolve(&context, series, job.retry, &permit.stop).await?;
    let grid = series.span().and_then(|span| offer.grid(span));
    let (store, own) = (context.store.clone(), Arc::clone(series));
    let opened = tokio::task::spawn_blocking(move || LiveSeries::open(&store, &own, grid)).await;
    let opened = opened.map_err(|error| RunErrorKind::Broken { reason: error.to_string() }.of(series))?;
    let rows = opened.map_err(|error| RunErrorKind::Store(error).of(series))?;
    let instrument = instruments.now;
    let ends = instrument.tenure().map(|tenure| tenure.until).or(instrument.ends);
    Ok(Admitted {
        held: Held { permit, ends },
        topic: NewTopic {
            series: Arc::clone(series),
            instrument,
            exchange: context.client.exchange().name(),
            live,
            offer,
            rows,
            since: context.client.clock().now(),
        },
    })
}

//! Ends listening to a series: what was accepted is published and handed over before anyone else may take it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::now;
use crate::engine::Engine;
use crate::engine::streams::attempts::settle;
use crate::engine::streams::entry::{Entry, Held};
use crate::engine::streams::{AFTER_CANCEL, Streams};
use crate::jobs::stream::{ListenedTopic, Publisher, Tasks};
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::telemetry::events::StreamCovered;
use crate::tracker::Verdict;

/// The series that are being left.
pub(super) struct Leaving {
    engine: Arc<Engine>,
    publisher: Publisher,
    ending: Tasks<Arc<Series>, ()>,
}

impl Leaving {
    pub(super) fn new(engine: &Arc<Engine>, publisher: Publisher) -> Self {
        Leaving { engine: Arc::clone(engine), publisher, ending: Tasks::new("leaving a stream") }
    }

    /// Whether a series is being left.
    pub(super) fn has(&self, series: &Series) -> bool {
        self.ending.has(|own| **own == *series)
    }

    /// Publishes what is left of a series, hands it over in a fleet, settles its attempt and ends its run, in this order.
    pub(super) fn begin(
        &mut self,
        series: &Arc<Series>,
        topic: Option<ListenedTopic>,
        held: Held,
        verdict: Verdict,
        hands_over: bool,
    ) {
        let (engine, publisher) = (Arc::clone(&self.engine), self.publisher.clone());
        self.ending.spawn(Arc::clone(series), async move {
            if let Some(topic) = topic {
                publish(&engine, &publisher, topic).await;
            }
            if hands_over {
                engine.fleet().hand_over(&held.permit).await;
            }
            if let Some(lease) = held.lease {
                settle(&engine, lease, verdict).await;
            }
            drop(held.permit);
        });
    }

    /// The next one that was left.
    pub(super) async fn next(&mut self) -> Option<Arc<Series>> {
        self.ending.next().await.map(|(series, _)| series)
    }

    /// Waits until all are left.
    pub(super) async fn end(&mut self) {
        self.ending.end().await;
    }
}

async fn publish(engine: &Engine, publisher: &Publisher, topic: ListenedTopic) {
    let (live, series) = (Arc::clone(topic.live.live_writer()), Arc::clone(topic.live.series()));
    drop(topic);
    publisher.publish(Arc::clone(&live)).await;
    let rows = live.take_stored();
    if rows > 0 {
        engine.telemetry().emit(StreamCovered { series: &series, minutes: 0, rows });
        engine.save_health(&series).await;
    }
}

impl Streams {
    /// Leaves series that are no longer ours, whose task was cancelled, or whose contract has expired.
    pub(super) fn leave_what_is_over(&mut self) {
        let is_over = |(series, entry): &(&Arc<Series>, &Entry)| entry.is_over(self.engine.now_at(series));
        let over = self.entries.iter().filter(is_over);
        let over: Vec<_> = over.map(|(series, entry)| (Arc::clone(series), entry.is_cancelled())).collect();
        for (series, is_cancelled) in over {
            let (verdict, wait) = match is_cancelled {
                true => (Verdict::Cancelled { again_at: Some(now() + AFTER_CANCEL) }, AFTER_CANCEL),
                false => (Verdict::GivenBack, Duration::ZERO),
            };
            let why = if is_cancelled { "cancelled for now" } else { "ended" };
            self.engine.live_states().show(&series, LiveState::Off, Some(why));
            self.leave(&series, verdict, wait);
        }
    }

    pub(super) fn leave_what_is_paused(&mut self) {
        let paused = self.entries.keys().filter(|series| self.engine.is_paused(series));
        let paused: Vec<Arc<Series>> = paused.cloned().collect();
        for series in paused {
            self.engine.live_states().show(&series, LiveState::Off, Some("paused"));
            if self.entries.get(&series).is_some_and(Entry::is_placed) {
                self.leave(&series, Verdict::GivenBack, Duration::ZERO);
            }
        }
    }
}

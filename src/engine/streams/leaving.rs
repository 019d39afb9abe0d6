//! Ends listening to a series: what was accepted is published and handed over before anyone else may take it.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::streams::attempts::settle;
use crate::engine::streams::entry::Held;
use crate::jobs::stream::{ListenedTopic, Publisher, Tasks};
use crate::model::Series;
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

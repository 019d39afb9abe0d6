//! Ends listening to a series: what was accepted is published and handed over before anyone else may take it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::engine::Engine;
use crate::engine::streams::attempts::settle;
use crate::engine::streams::entry::Held;
use crate::jobs::stream::{ListenedTopic, Publisher};
use crate::model::Series;
use crate::telemetry::events::StreamCovered;
use crate::tracker::Verdict;

/// The series that are being left.
pub(super) struct Leaving {
    engine: Arc<Engine>,
    publisher: Publisher,
    series: BTreeSet<Arc<Series>>,
    ending: JoinSet<Arc<Series>>,
}

impl Leaving {
    pub(super) fn new(engine: &Arc<Engine>, publisher: Publisher) -> Self {
        Leaving { engine: Arc::clone(engine), publisher, series: BTreeSet::new(), ending: JoinSet::new() }
    }

    /// Whether a series is being left.
    pub(super) fn has(&self, series: &Series) -> bool {
        self.series.contains(series)
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
        self.series.insert(Arc::clone(series));
        let (engine, series) = (Arc::clone(&self.engine), Arc::clone(series));
        let publisher = self.publisher.clone();
        self.ending.spawn(async move {
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
            series
        });
    }

    /// The next one that was left.
    pub(super) async fn next(&mut self) -> Option<Arc<Series>> {
        let left = self.ending.join_next().await?;
        match left {
            Ok(series) => {
                self.series.remove(&series);
                Some(series)
            }
            Err(error) => {
                tracing::error!(%error, "leaving a stream broke off; please report this");
                // Which one it was is not known; a series that is free meanwhile may be listened to again.
                if self.ending.is_empty() {
                    self.series.clear();
                }
                None
            }
        }
    }

    /// Waits until all are left.
    pub(super) async fn end(&mut self) {
        while self.next().await.is_some() || !self.ending.is_empty() {}
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

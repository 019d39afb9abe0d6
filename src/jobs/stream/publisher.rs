//! Publishes live series, a few at a time, beside those who accept their rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::jobs::stream::live_writer::LiveWriter;
use crate::jobs::stream::threads::Threads;
use crate::jobs::stream::waiting_rows::WaitingRows;
use crate::jobs::tell_flush;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{PublishFailed, StreamsWaiting};

/// How many series are published at a time: a publish may wait for a run's publish of the same series.
const AT_ONCE: usize = 4;
/// How often is looked whether rows have waited long enough.
const LOOK: Duration = Duration::from_millis(250);
/// How long a series is left alone after publishing it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Publishes live series. Clones share what they may do at a time.
#[derive(Clone)]
pub(crate) struct Publisher {
    waiting: WaitingRows,
    telemetry: Telemetry,
    permits: Arc<Semaphore>,
    threads: Threads,
}

impl Publisher {
    pub(crate) fn new(waiting: WaitingRows, telemetry: Telemetry) -> Self {
        Publisher {
            waiting,
            telemetry,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            threads: Threads::default(),
        }
    }

    /// Publishes what is due until `stop`; rows may wait for so long.
    pub(crate) async fn run(self, longest: Duration, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut publishing = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => self.tell(),
                () = self.waiting.is_much(), if publishing.len() < AT_ONCE => {}
                Some(_) = publishing.join_next() => {}
            }
            for live in self.waiting.take_due(longest, AT_ONCE - publishing.len()) {
                let publisher = self.clone();
                publishing.spawn(async move { publisher.publish(live).await });
            }
        }
        while publishing.join_next().await.is_some() {}
        self.tell();
    }

    /// Publishes what waits of a series, once others leave room for it.
    pub(crate) async fn publish(&self, live: Arc<LiveWriter>) {
        live.set_publishing(true);
        // It is never closed.
        let Ok(_permit) = self.permits.acquire().await else { return };
        let (publisher, own) = (self.clone(), Arc::clone(&live));
        let published = self.threads.run(move || publisher.publish_now(&own)).await;
        live.set_publishing(false);
        match published {
            Ok(Some(())) => {}
            Ok(None) => tracing::error!("publishing live rows broke off; please report this"),
            Err(error) => {
                live.put_off(AFTER_FAILURE);
                tracing::error!(%error, "cannot begin a thread to publish live rows; they stay in the journal");
            }
        }
    }

    fn publish_now(&self, live: &LiveWriter) {
        let (began, writer) = (Instant::now(), live.writer());
        let series = writer.series();
        match writer.flush() {
            Ok(flushed) => {
                tell_flush(&self.telemetry, series, &flushed, began.elapsed());
                live.add_stored(flushed.tally.added);
            }
            Err(error) => {
                live.put_off(AFTER_FAILURE);
                self.telemetry.emit(PublishFailed { series, reason: error.reason(), error: &error });
            }
        }
        self.waiting.published(live);
    }

    fn tell(&self) {
        let (bytes, most) = (self.waiting.bytes(), self.waiting.most());
        self.telemetry.emit(StreamsWaiting { bytes: bytes as u64, most: most as u64 });
    }
}

//! Publishes live series, a few at a time, beside those who accept their rows.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::jobs::stream::live_writer::LiveWriter;
use crate::jobs::stream::tasks::Tasks;
use crate::jobs::stream::waiting_rows::WaitingRows;
use crate::jobs::tell_flush;
use crate::jobs::threads::Threads;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{PublishFailed, StreamsWaiting};

/// How many series are published at a time, at most: a publish may wait for a run's publish of the same series.
const MOST_AT_ONCE: usize = 4;
/// A publish of more rows than this is a large one: half as many of those run at a time, since they take the most memory.
const LARGE_ROWS: u64 = 32_768;
/// How often is looked whether rows have waited long enough.
const LOOK: Duration = Duration::from_millis(250);
/// How long a series is left alone after publishing it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How many series are published at a time: those who accept rows need a processor too.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, MOST_AT_ONCE)
}

/// Marks a series as being published, however that ends.
struct Publishing<'a>(&'a LiveWriter);

impl<'a> Publishing<'a> {
    fn of(live: &'a LiveWriter) -> Self {
        live.set_publishing(true);
        Publishing(live)
    }
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        self.0.set_publishing(false);
    }
}

/// Publishes live series. Clones share what they may do at a time.
#[derive(Clone)]
pub(crate) struct Publisher {
    waiting: WaitingRows,
    telemetry: Telemetry,
    permits: Arc<Semaphore>,
    /// Those of large ones, beside their other.
    large: Arc<Semaphore>,
    threads: Threads,
}

impl Publisher {
    pub(crate) fn new(waiting: WaitingRows, telemetry: Telemetry) -> Self {
        Publisher {
            waiting,
            telemetry,
            permits: Arc::new(Semaphore::new(at_once())),
            large: Arc::new(Semaphore::new(at_once() / 2)),
            threads: Threads::default(),
        }
    }

    /// Publishes a series as well that no rows were accepted of yet.
    pub(crate) fn watch(&self, live: &Arc<LiveWriter>) {
        self.waiting.accepted(live);
    }

    /// Publishes what is due until `stop`; rows may wait for so long.
    pub(crate) async fn run(self, longest: Duration, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (at_once, mut publishing) = (at_once(), Tasks::new("publishing live series"));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => self.tell(),
                () = self.waiting.is_much(), if publishing.len() < at_once => {}
                Some(_) = publishing.next() => {}
            }
            for live in self.waiting.take_due(longest, at_once - publishing.len()) {
                let publisher = self.clone();
                publishing.spawn((), async move { publisher.publish(live).await });
            }
        }
        publishing.end().await;
        self.tell();
    }

    /// Publishes what waits of a series, once others leave room for it.
    pub(crate) async fn publish(&self, live: Arc<LiveWriter>) {
        let _publishing = Publishing::of(&live);
        // Neither is ever closed.
        let _large = match live.writer().rows_to_write() > LARGE_ROWS {
            true => self.large.acquire().await.ok(),
            false => None,
        };
        let Ok(_permit) = self.permits.acquire().await else { return };
        let (publisher, own) = (self.clone(), Arc::clone(&live));
        let published = self.threads.run(move || publisher.publish_now(&own)).await;
        match published {
            Ok(Some(())) => {}
            Ok(None) => {
                live.put_off(AFTER_FAILURE);
                tracing::error!("publishing live rows broke off; please report this");
            }
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

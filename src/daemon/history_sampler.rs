//! Records the metrics of the process for the history, writes it, and deletes what is too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::Config;
use crate::engine::Engine;
use crate::telemetry::events::Chain;

/// How often what is too old is deleted.
const PRUNE: Duration = Duration::from_secs(600);

/// Keeps the metric history until the daemon ends; closing the engine then writes the last minute.
pub struct HistorySampler {
    engine: Arc<Engine>,
    collect_every: Duration,
    write_every: Duration,
}

impl HistorySampler {
    /// The sampler of a configuration.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: &Config) -> Self {
        let telemetry = &config.telemetry;
        let (collect_every, write_every) = (telemetry.collect_interval, telemetry.history_interval);
        HistorySampler { engine, collect_every, write_every }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let [mut collect, mut write, mut prune] = [self.collect_every, self.write_every, PRUNE].map(ticks);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // A store that hangs does not delay the stop: what was not written is written again at the end.
                () = self.round([&mut collect, &mut write, &mut prune]) => {}
            }
        }
    }

    /// Does what is due next.
    async fn round(&self, [collect, write, prune]: [&mut Interval; 3]) {
        tokio::select! {
            _ = collect.tick() => self.collect().await,
            _ = write.tick() => {
                self.engine.history().write(now()).await;
            }
            _ = prune.tick() => self.prune().await,
        }
    }

    /// Reading every family takes milliseconds and files of the system.
    async fn collect(&self) {
        let engine = Arc::clone(&self.engine);
        let collected = tokio::task::spawn_blocking(move || engine.history().collect(now()));
        if let Err(error) = collected.await {
            tracing::error!(%error, "recording the metrics of the process broke off");
        }
    }

    async fn prune(&self) {
        if let Err(error) = self.engine.history().cleanup().await {
            tracing::warn!(error = %Chain(&error), "old metric history is not deleted yet");
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

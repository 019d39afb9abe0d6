//! What a worker does over and over: it renews its leases, shows that it lives, takes the work of the dead and tidies.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Worker, lock};
use crate::clock::now;
use crate::tracker::{Beat, Held, TrackerError};
use crate::worker::host::rss_bytes;

/// The most time between two signs of life.
const BEAT: Duration = Duration::from_secs(10);
/// How often leases are looked at, and those of dead workers taken.
const ROUND: Duration = Duration::from_secs(1);
/// How often counts are folded and workers are looked at.
const COUNT: Duration = Duration::from_secs(10);
/// How often old tasks are forgotten, and every row is counted.
const TIDY: Duration = Duration::from_secs(3_600);
const RECOUNT: Duration = Duration::from_secs(86_400);
/// How long the end may wait for the store.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);

impl Worker {
    /// Renews, beats and tidies until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let loops =
            async { tokio::join!(self.guard(), self.renewing(), self.housekeeping(), self.tidying()) };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = loops => {}
        }
    }

    /// Ends in good order: what it owned is free, and its row is gone. Where work broke off the row stays, so
    /// that the next process of the place finds what this one held.
    pub(crate) async fn leave(&self) {
        // It may be back and nobody have asked it since.
        self.tracker.store_answered();
        let leaving = async {
            self.settle_late().await;
            self.owned.disown().await?;
            let is_empty =
                lock(&self.unsettled).is_empty() && !self.held_tasks.has_dropped.load(Ordering::Relaxed);
            if is_empty {
                self.tracker.leave(&self.name).await?;
            }
            Ok::<(), TrackerError>(())
        };
        // What failed was told; the leases then end by themselves.
        let _ = timeout(LEAVES_WITHIN, leaving).await;
    }

    /// Drops work whose lease is about to end.
    pub(crate) async fn guard(&self) {
        let mut ticks = ticks(ROUND);
        loop {
            ticks.tick().await;
            self.rounds.fetch_add(1, Ordering::Relaxed);
            let deadline = Instant::now() + ROUND + self.margin();
            let held = lock(&self.held_tasks.held);
            held.values()
                .filter(|held_task| held_task.ends <= deadline)
                .for_each(|held_task| held_task.stop.cancel());
            drop(held);
            self.owned.guard(deadline);
        }
    }

    /// Renews what it holds and owns, and shows that it lives.
    pub(crate) async fn renewing(&self) {
        let every = (self.config.lease / 3).min(BEAT);
        let mut ticks = ticks(every);
        loop {
            let due = ticks.tick().await;
            let lag = Instant::now().saturating_duration_since(due);
            let round = async {
                self.renew().await?;
                self.beat(lag).await?;
                self.own().await?;
                self.settle_late().await;
                Ok::<(), TrackerError>(())
            };
            // What failed was told; a store that does not answer is asked again in the next round.
            let _ = timeout(every, round).await;
        }
    }

    pub(crate) async fn renew(&self) -> Result<(), TrackerError> {
        let asked = Instant::now();
        let held: Vec<Held> = lock(&self.held_tasks.held)
            .iter()
            .map(|(id, held_task)| Held { id: id.clone(), fence: held_task.fence, data: None })
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let renewed = self.tracker.renew(self.claimer(), &held).await?;
        let answers: HashMap<&str, bool> =
            renewed.iter().map(|renewed| (renewed.id.as_str(), renewed.cancel_requested)).collect();
        let mut held_tasks = lock(&self.held_tasks.held);
        for Held { id, fence, .. } in &held {
            let Some(held_task) = held_tasks.get_mut(id).filter(|held_task| held_task.fence == *fence) else {
                continue;
            };
            match answers.get(id.as_str()) {
                Some(false) => held_task.ends = asked + self.config.lease,
                Some(true) => {
                    held_task.is_cancelled.store(true, Ordering::Relaxed);
                    held_task.stop.cancel();
                }
                None => held_task.stop.cancel(),
            }
        }
        Ok(())
    }

    pub(crate) async fn beat(&self, lag: Duration) -> Result<(), TrackerError> {
        let held = u32::try_from(lock(&self.held_tasks.held).len()).unwrap_or(u32::MAX);
        let beat = Beat {
            worker: &self.name,
            place: &self.place,
            started_at: self.began,
            slots: self.config.slots,
            held,
            lag,
            rss_bytes: rss_bytes(),
        };
        self.tracker.beat(&beat).await
    }

    /// Renews what it owns, and owns what has become free.
    pub(crate) async fn own(&self) -> Result<(), TrackerError> {
        self.owned.round().await
    }

    /// Takes the tasks of dead workers, forgets jobs that are gone, and counts.
    pub(crate) async fn housekeeping(&self) {
        let (mut rounds, mut counted) = (ticks(ROUND), None::<Instant>);
        let mut clock = (now(), Instant::now());
        loop {
            rounds.tick().await;
            // By a clock that was set forward our own leases may be over before we could renew them by it.
            let shown = std::mem::replace(&mut clock, (now(), Instant::now()));
            let passed = clock.1.duration_since(shown.1);
            if clock.0.since(shown.0 + passed) > ROUND && self.renew().await.is_err() {
                continue;
            }
            if self.tracker.reap().await.is_err() {
                continue;
            }
            self.tracker.store_answered();
            if counted.is_none_or(|at| at.elapsed() >= COUNT) {
                counted = Some(Instant::now());
                let _ = self.forget_gone().await;
                let _ = self.tracker.fold_counts().await;
                if let Ok(workers) = self.tracker.workers().await {
                    self.queue_depths.saw(workers);
                }
            }
            self.queue_depths.take(&self.tracker).await;
        }
    }

    pub(crate) async fn tidying(&self) {
        let (mut rounds, mut recounted) = (ticks(TIDY), Instant::now());
        loop {
            rounds.tick().await;
            let _ = self.tracker.prune(&self.config.retention).await;
            if recounted.elapsed() >= RECOUNT {
                recounted = Instant::now();
                let _ = self.tracker.recount().await;
            }
        }
    }

    pub(crate) fn margin(&self) -> Duration {
        (self.config.lease / 10).min(Duration::from_secs(5))
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

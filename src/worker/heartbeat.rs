//! A worker's loop: renews leases, sends heartbeats, takes over tasks of dead workers, and tidies.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Worker, lock};
use crate::clock::now;
use crate::tracker::{Beat, HeldLease, TrackerError};
use crate::worker::host::rss_bytes;

/// The longest time between two heartbeats.
const BEAT: Duration = Duration::from_secs(10);
/// How often leases are checked and those of dead workers taken over.
const ROUND: Duration = Duration::from_secs(1);
/// How often counts are folded and workers are listed.
const COUNT: Duration = Duration::from_secs(10);
/// How often old tasks are deleted, and every row is counted again.
const TIDY: Duration = Duration::from_secs(3_600);
const RECOUNT: Duration = Duration::from_secs(86_400);
/// How long closing may wait for the store.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);

impl Worker {
    /// Runs until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let loops =
            async { tokio::join!(self.guard(), self.renewing(), self.housekeeping(), self.tidying()) };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = loops => {}
        }
    }

    /// Leaves the store: frees the series it owned and deletes its row. If work was dropped the row stays, so
    /// that the next process on this data path finds its tasks.
    pub(crate) async fn leave(&self) {
        // The store may be reachable again without any request having found out.
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
        // Errors are reported there; the leases then expire.
        let _ = timeout(LEAVES_WITHIN, leaving).await;
    }

    /// Drops work whose lease is about to expire.
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

    /// Renews leases and ownerships, and sends a heartbeat.
    pub(crate) async fn renewing(&self) {
        let every = (self.config.lease / 3).min(BEAT);
        let mut ticks = ticks(every);
        loop {
            let due = tokio::select! {
                due = ticks.tick() => due,
                // Others wait for it.
                () = self.owned.freed() => {
                    let _ = timeout(every, self.own()).await;
                    continue;
                }
                () = self.owned.lapsed() => {
                    let _ = timeout(every, self.own()).await;
                    continue;
                }
            };
            let lag = Instant::now().saturating_duration_since(due);
            let round = async {
                self.renew().await?;
                self.beat(lag).await?;
                self.own().await?;
                self.settle_late().await;
                Ok::<(), TrackerError>(())
            };
            // Errors are reported there; the next round tries again.
            let _ = timeout(every, round).await;
        }
    }

    pub(crate) async fn renew(&self) -> Result<(), TrackerError> {
        let asked = Instant::now();
        let held: Vec<HeldLease> = lock(&self.held_tasks.held)
            .iter()
            .map(|(id, held_task)| HeldLease {
                id: id.clone(),
                fence: held_task.fence,
                data: lock(&held_task.progress).clone(),
            })
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let renewed = self.tracker.renew(self.claimer(), &held).await?;
        let answers: HashMap<&str, bool> =
            renewed.iter().map(|renewed| (renewed.id.as_str(), renewed.cancel_requested)).collect();
        let mut held_tasks = lock(&self.held_tasks.held);
        for HeldLease { id, fence, .. } in &held {
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

    /// Renews ownerships, and takes series that have become free.
    pub(crate) async fn own(&self) -> Result<(), TrackerError> {
        self.owned.round().await
    }

    /// Takes over tasks of dead workers, forgets jobs that are gone, and counts.
    pub(crate) async fn housekeeping(&self) {
        let (mut rounds, mut counted) = (ticks(ROUND), None::<Instant>);
        let mut clock = (now(), Instant::now());
        loop {
            rounds.tick().await;
            // If the clock was set forward, our own leases may look expired before they could be
            // renewed.
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

//! Fetches what live series miss, one run a series at a time, ahead of everything else of its exchange.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::jobs::Since;
use crate::jobs::stream::refill_order;
use crate::model::{Micros, Series};

/// How many refills run side by side.
const AT_ONCE: usize = 8;
/// How far behind the exchange's present a quiet topic is checked: what is newer may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// The first wait after a refill that left something missing; it doubles up to the longest.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A refill that ended.
pub(super) struct Filled {
    pub(super) series: Arc<Series>,
    /// Everything before this was wanted.
    pub(super) until: Micros,
    /// The newest row stored.
    pub(super) newest: Option<Micros>,
    pub(super) rows: u64,
    /// Whether it was to find out if the exchange has newer rows than it sent.
    pub(super) is_check: bool,
    /// Whether it got everything.
    pub(super) is_done: bool,
}

#[derive(Default)]
struct Wanted {
    /// Everything before this is to be there.
    until: Option<Micros>,
    is_check: bool,
    running: Option<Id>,
    /// Refills in a row that left something missing.
    failed: u32,
    not_before: Option<Instant>,
}

impl Wanted {
    fn back_off(&mut self) {
        self.failed += 1;
        let doubled = 2_u32.saturating_pow(self.failed.saturating_sub(1).min(8));
        self.not_before = Some(Instant::now() + AFTER_FAILURE.saturating_mul(doubled).min(LONGEST_WAIT));
    }
}

/// The refills that are wanted or run.
pub(super) struct Refills {
    engine: Arc<Engine>,
    wanted: BTreeMap<Arc<Series>, Wanted>,
    running: JoinSet<Filled>,
}

impl Refills {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Refills { engine: Arc::clone(engine), wanted: BTreeMap::new(), running: JoinSet::new() }
    }

    /// Fetches whatever is missing of a series before an instant.
    pub(super) fn want(&mut self, series: &Arc<Series>, until: Micros, stop: &CancellationToken) {
        let wanted = self.wanted.entry(Arc::clone(series)).or_default();
        wanted.until = wanted.until.max(Some(until));
        self.look(stop);
    }

    /// Fetches whatever there is of a series by now.
    pub(super) fn check(&mut self, series: &Arc<Series>, stop: &CancellationToken) {
        let until = self.engine.now_at(series) - ON_ITS_WAY;
        self.wanted.entry(Arc::clone(series)).or_default().is_check = true;
        self.want(series, until, stop);
    }

    /// Fetches again, a little later, what a refill could not prove yet.
    pub(super) fn want_later(&mut self, series: &Arc<Series>, until: Micros) {
        let Some(wanted) = self.wanted.get_mut(series) else { return };
        wanted.until = wanted.until.max(Some(until));
        wanted.back_off();
    }

    /// Nothing is missing any more.
    pub(super) fn settled(&mut self, series: &Series) {
        let wanted = self.wanted.get_mut(series);
        wanted.into_iter().for_each(|wanted| (wanted.failed, wanted.not_before) = (0, None));
    }

    /// Begins what is due and has room.
    pub(super) fn look(&mut self, stop: &CancellationToken) {
        let now = Instant::now();
        for (series, wanted) in &mut self.wanted {
            if self.running.len() >= AT_ONCE {
                return;
            }
            if wanted.running.is_some() || wanted.not_before.is_some_and(|at| now < at) {
                continue;
            }
            let Some(until) = wanted.until.take() else { continue };
            let is_check = std::mem::take(&mut wanted.is_check);
            let (engine, series, stop) = (Arc::clone(&self.engine), Arc::clone(series), stop.clone());
            let filling = async move { fill(&engine, series, until, is_check, &stop).await };
            wanted.running = Some(self.running.spawn(filling).id());
        }
    }

    /// The next one to end.
    pub(super) async fn next(&mut self) -> Option<Filled> {
        loop {
            let filled = match self.running.join_next().await? {
                Ok(filled) => filled,
                Err(error) => {
                    tracing::error!(%error, "a refill broke off; please report this");
                    let broken = self.wanted.values_mut().filter(|wanted| wanted.running == Some(error.id()));
                    broken.for_each(|wanted| wanted.running = None);
                    continue;
                }
            };
            self.ended(&filled);
            return Some(filled);
        }
    }

    fn ended(&mut self, filled: &Filled) {
        let Some(wanted) = self.wanted.get_mut(&filled.series) else { return };
        wanted.running = None;
        if filled.is_done {
            return;
        }
        wanted.back_off();
        wanted.until = wanted.until.max(Some(self.engine.now_at(&filled.series) - ON_ITS_WAY));
    }

    /// Drops what is wanted of a series; a run under way goes on.
    pub(super) fn forget(&mut self, series: &Series) {
        if self.wanted.get(series).is_some_and(|wanted| wanted.running.is_none()) {
            self.wanted.remove(series);
        }
    }

    pub(super) async fn end(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

async fn fill(
    engine: &Engine,
    series: Arc<Series>,
    until: Micros,
    is_check: bool,
    stop: &CancellationToken,
) -> Filled {
    let order = refill_order(&series, Since::Known, Some(until));
    let outcome = engine.run(&order, Duration::ZERO, &|_| {}, stop).await;
    Filled {
        until,
        newest: outcome.newest_row,
        rows: outcome.rows,
        is_check,
        is_done: outcome.error.is_none(),
        series,
    }
}

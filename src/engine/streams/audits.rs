//! Live books compared with the same over REST: each once an hour, one that is quiet or contradicted at once, and one of
//! which few levels are known with a deeper one, which takes its place.
//!
//! A connection is told first that an answer will come, so that it remembers what changes meanwhile. A few are asked for
//! at a time, behind whole books that others need to come into step.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::streams::books::ask;
use crate::jobs::Precedence;
use crate::jobs::stream::Tasks;
use crate::model::{Batch, Series};

/// How often a book is compared, and over how much of that the first time of each is spread.
const EVERY: Duration = Duration::from_secs(3_600);
const SPREAD_SECS: u64 = 600;
/// The least time from one comparison of a book to the next, unless an answer spoke against it or few levels are known.
const PAUSE: Duration = Duration::from_secs(15);
/// From the word to the connection to the request, so that changes are remembered from well before the answer on.
const LEAD: Duration = Duration::from_secs(2);
/// The levels of each side that are asked for to compare.
const LEVELS: u32 = 100;
/// How many of an exchange are asked for at a time.
const AT_ONCE: usize = 4;

/// A book that is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    series: Arc<Series>,
    levels: u32,
}

/// An answer that a connection waits for.
pub(super) struct Answer {
    pub(super) series: Arc<Series>,
    /// The levels of each side that were asked for.
    pub(super) levels: u32,
    pub(super) rows: Option<Batch>,
}

/// The comparisons of all live books.
pub(super) struct Audits {
    engine: Arc<Engine>,
    every: Duration,
    /// When each book that is listened to is compared next.
    next: BTreeMap<Arc<Series>, Instant>,
    /// When each was last begun to be compared.
    last: BTreeMap<Arc<Series>, Instant>,
    waiting: VecDeque<Wanted>,
    asking: Tasks<(Arc<Series>, u32), Option<Batch>>,
}

impl Audits {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Audits {
            engine: Arc::clone(engine),
            every: EVERY,
            next: BTreeMap::new(),
            last: BTreeMap::new(),
            waiting: VecDeque::new(),
            asking: Tasks::new("comparing a book"),
        }
    }

    /// Compares so many times as often.
    pub(super) fn hastened(&mut self, times: u32) {
        self.every = EVERY / times.max(1);
    }

    /// A book is listened to now: has it compared once that is due.
    pub(super) fn look(&mut self, series: &Arc<Series>, now: Instant) {
        let first = || now + self.every / 60 + spread(series, self.every);
        let next = self.next.entry(Arc::clone(series)).or_insert_with(first);
        if *next <= now {
            *next = now + self.every;
            self.want(series, now);
        }
    }

    /// A book is to be compared soon, unless it was a moment ago.
    pub(super) fn want(&mut self, series: &Arc<Series>, now: Instant) {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < PAUSE;
        match self.last.get(series).is_some_and(is_recent) {
            true => drop(self.next.insert(Arc::clone(series), now + PAUSE)),
            false => self.deepen(series, LEVELS),
        }
    }

    /// A book is to be compared once more, as soon as there is room.
    pub(super) fn again(&mut self, series: &Arc<Series>) {
        self.deepen(series, LEVELS);
    }

    /// A book is to be compared with one of so many levels a side, which may take its place.
    pub(super) fn deepen(&mut self, series: &Arc<Series>, levels: u32) {
        if self.asking.has(|(own, _)| own == series) {
            return;
        }
        match self.waiting.iter_mut().find(|wanted| wanted.series == *series) {
            Some(wanted) => wanted.levels = wanted.levels.max(levels),
            None => self.waiting.push_back(Wanted { series: Arc::clone(series), levels }),
        }
    }

    /// The next book to be compared, of which the connection is to be told now; its answer is asked for a little later. None
    /// of an exchange that is busy with what comes first.
    pub(super) fn begin(
        &mut self,
        is_busy: impl Fn(&str) -> bool,
        stop: &CancellationToken,
    ) -> Option<Arc<Series>> {
        let asking = |exchange: &str| self.asking.count(|(own, _)| own.exchange() == exchange);
        let has_room = |exchange: &str| asking(exchange) < AT_ONCE && !is_busy(exchange);
        let place = self.waiting.iter().position(|wanted| has_room(wanted.series.exchange()))?;
        let Wanted { series, levels } = self.waiting.remove(place)?;
        self.last.insert(Arc::clone(&series), Instant::now());
        let (engine, own, stop) = (Arc::clone(&self.engine), Arc::clone(&series), stop.clone());
        self.asking.spawn((Arc::clone(&series), levels), async move {
            tokio::select! {
                () = tokio::time::sleep(LEAD) => ask(&engine, &own, levels, Precedence::Ordinary, &stop).await,
                () = stop.cancelled() => None,
            }
        });
        Some(series)
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Option<Answer> {
        let ((series, levels), answered) = self.asking.next().await?;
        Some(Answer { series, levels, rows: answered.ok().flatten() })
    }

    /// Compares a series no more.
    pub(super) fn forget(&mut self, series: &Series) {
        self.next.remove(series);
        self.last.remove(series);
        self.waiting.retain(|wanted| *wanted.series != *series);
    }

    pub(super) async fn end(&mut self) {
        self.waiting.clear();
        self.asking.end().await;
    }
}

/// A part of an hour's sixth that is a series' own, so that not all are compared at once.
fn spread(series: &Series, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    series.hash(&mut hasher);
    let share = (hasher.finish() % SPREAD_SECS) as f64 / EVERY.as_secs_f64();
    every.mul_f64(share)
}

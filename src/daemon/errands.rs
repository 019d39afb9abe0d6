//! What people asked for and the schedule did not: each request with what of it waits and what runs.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::engine::{ProgressFeed, Work};
use crate::model::Series;

/// Pieces of work that may wait over all requests.
const MOST_WAITING: usize = 20_000;

/// Someone who follows a run.
pub(super) type Follower = (u64, Arc<ProgressFeed>);

/// Every request that is not done.
#[derive(Default)]
pub(super) struct Errands {
    last: u64,
    open: Vec<Errand>,
}

/// One request.
struct Errand {
    id: u64,
    at_once: usize,
    /// Whether each piece is an extra run of a configured job.
    is_of_jobs: bool,
    waiting: VecDeque<Work>,
    running: usize,
    stop: CancellationToken,
    /// Cancelled where it is taken back.
    withdrawn: CancellationToken,
    feed: Arc<ProgressFeed>,
}

/// A piece of work whose turn it is.
pub(super) struct Turn {
    pub(super) work: Work,
    pub(super) is_of_job: bool,
    pub(super) stop: CancellationToken,
    /// Who asked for it, the first one first.
    pub(super) followers: Vec<Follower>,
}

impl Errands {
    /// Takes a request in; none where too much waits already.
    pub(super) fn open(
        &mut self,
        mut works: Vec<Work>,
        at_once: usize,
        is_of_jobs: bool,
        stop: CancellationToken,
    ) -> Option<Follower> {
        if self.waiting().count() + works.len() > MOST_WAITING {
            return None;
        }
        self.last += 1;
        let withdrawn = CancellationToken::new();
        works.iter_mut().for_each(|work| work.withdrawn = withdrawn.clone());
        let feed = Arc::new(ProgressFeed::default());
        self.open.push(Errand {
            id: self.last,
            at_once: at_once.max(1),
            is_of_jobs,
            waiting: works.into(),
            running: 0,
            stop,
            withdrawn,
            feed: Arc::clone(&feed),
        });
        Some((self.last, feed))
    }

    /// Ends requests of which nothing is left.
    pub(super) fn tidy(&mut self) {
        self.open.retain(|errand| {
            let is_open = errand.running > 0 || !errand.waiting.is_empty();
            if !is_open {
                errand.feed.close();
            }
            is_open
        });
    }

    /// A request has one more run under way, which began without it.
    pub(super) fn follows(&mut self, id: u64) {
        self.open.iter_mut().filter(|errand| errand.id == id).for_each(|errand| errand.running += 1);
    }

    /// The next piece of work of a series that is free. Requests for a run of the same job share it.
    pub(super) fn next(&mut self, is_free: impl Fn(&Series) -> bool) -> Option<Turn> {
        let (index, at) = self.open.iter().enumerate().find_map(|(index, errand)| {
            let has_room = errand.running < errand.at_once;
            let at = errand.waiting.iter().position(|work| has_room && is_free(&work.order.series))?;
            Some((index, at))
        })?;
        let errand = &mut self.open[index];
        let work = errand.waiting.remove(at)?;
        errand.running += 1;
        let (is_of_job, stop) = (errand.is_of_jobs, errand.stop.clone());
        let mut followers = vec![(errand.id, Arc::clone(&errand.feed))];
        if is_of_job {
            followers.extend(self.share(&work.order.series));
        }
        Some(Turn { work, is_of_job, stop, followers })
    }

    /// Every other request that waits for a run of the job of a series has it under way from now on.
    pub(super) fn share(&mut self, series: &Series) -> Vec<Follower> {
        let mut followers = Vec::new();
        for errand in self.open.iter_mut().filter(|errand| errand.is_of_jobs) {
            let before = errand.waiting.len();
            errand.waiting.retain(|work| *work.order.series != *series);
            if errand.waiting.len() < before {
                errand.running += 1;
                followers.push((errand.id, Arc::clone(&errand.feed)));
            }
        }
        followers
    }

    /// A run that a request followed ended, or it follows it no more.
    pub(super) fn left(&mut self, id: u64) {
        self.open.iter_mut().filter(|errand| errand.id == id).for_each(|errand| errand.running -= 1);
    }

    /// Takes back what of a request has not begun, and stops what has; none where there is no such request.
    pub(super) fn cancel(&mut self, id: u64) -> Option<Vec<Work>> {
        let errand = self.open.iter_mut().find(|errand| errand.id == id)?;
        errand.withdrawn.cancel();
        errand.stop.cancel();
        let taken_back: Vec<Work> = std::mem::take(&mut errand.waiting).into();
        errand.feed.not_begun(taken_back.iter().map(|work| &work.order.series));
        Some(taken_back)
    }

    /// What waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Work> {
        self.open.iter().flat_map(|errand| &errand.waiting)
    }

    /// Nothing more is done: whoever waits for something learns what of it is not begun.
    pub(super) fn cut_short(&mut self) {
        for errand in self.open.drain(..) {
            errand.feed.not_begun(errand.waiting.iter().map(|work| &work.order.series));
            errand.feed.cut_short();
        }
    }
}

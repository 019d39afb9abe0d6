//! The queue of requests made outside the schedule, for work on series and for copies: each request with its id,
//! its pending and running work, and its progress feed.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::daemon::Refusal;
use crate::engine::{CopyAsked, CopyUpdate, ProgressFeed, Work};
use crate::model::Series;

/// Most pieces of work that may be pending over all requests.
const MOST_WAITING: usize = 20_000;

/// Most requests about the copies that may be pending.
const MOST_COPIES: usize = 16;

/// A request that follows a run: its id and its feed.
pub(super) type Follower = (u64, Arc<ProgressFeed>);

/// Every unfinished request.
#[derive(Default)]
pub(super) struct Requests {
    last: u64,
    open: Vec<Request>,
}

struct Request {
    id: u64,
    at_once: usize,
    /// Set for a request about the copies.
    copies: Option<Copies>,
    waiting: VecDeque<Work>,
    running: usize,
    stop: CancellationToken,
    /// Cancelled when the request is withdrawn.
    withdrawn: CancellationToken,
    feed: Arc<ProgressFeed>,
}

/// The state of a request about the copies; they are served one at a time.
enum Copies {
    Waiting(CopyAsked, Arc<Config>),
    /// Being served, or its restores, which are work on series, are.
    Begun,
}

/// The next request about the copies to serve.
pub(super) struct NextCopies {
    pub(super) asked: CopyAsked,
    /// The configuration in force when the request was made.
    pub(super) config: Arc<Config>,
    pub(super) feed: Arc<ProgressFeed>,
    pub(super) stop: CancellationToken,
}

/// The next piece of work to start.
pub(super) struct NextWork {
    pub(super) work: Work,
    pub(super) stop: CancellationToken,
    /// The requests that follow it, the earliest first.
    pub(super) followers: Vec<Follower>,
}

impl Requests {
    /// Enqueues work. Returns `None` if the queue is full.
    pub(super) fn open(
        &mut self,
        works: Vec<Work>,
        at_once: usize,
        stop: CancellationToken,
    ) -> Option<Follower> {
        if self.waiting().count() + works.len() > MOST_WAITING {
            return None;
        }
        let mut request = self.request(at_once.max(1), stop);
        request.take_on(works);
        Some(self.push(request))
    }

    /// Enqueues a request about the copies. Returns `None` if the queue is full.
    pub(super) fn open_copies(
        &mut self,
        asked: CopyAsked,
        config: Arc<Config>,
        stop: CancellationToken,
    ) -> Option<Follower> {
        let waiting = self.open.iter().filter(|request| matches!(request.copies, Some(Copies::Waiting(..))));
        if waiting.count() >= MOST_COPIES {
            return None;
        }
        let mut request = self.request(1, stop);
        request.copies = Some(Copies::Waiting(asked, config));
        Some(self.push(request))
    }

    /// A new request without pending work.
    fn request(&mut self, at_once: usize, stop: CancellationToken) -> Request {
        self.last += 1;
        Request {
            id: self.last,
            at_once,
            copies: None,
            waiting: VecDeque::new(),
            running: 0,
            stop,
            withdrawn: CancellationToken::new(),
            feed: Arc::default(),
        }
    }

    fn push(&mut self, request: Request) -> Follower {
        let follower = (request.id, Arc::clone(&request.feed));
        self.open.push(request);
        follower
    }

    /// The next request about the copies; `None` while another is being served.
    pub(super) fn next_copies(&mut self) -> Option<NextCopies> {
        if self.open.iter().any(|request| matches!(request.copies, Some(Copies::Begun))) {
            return None;
        }
        let next = self.open.iter_mut().find(|request| request.copies.is_some())?;
        let Copies::Waiting(asked, config) = next.copies.replace(Copies::Begun)? else { return None };
        next.running += 1;
        Some(NextCopies { asked, config, feed: Arc::clone(&next.feed), stop: next.stop.clone() })
    }

    /// Completes the request about the copies that was being served, and enqueues the restores that remain of
    /// it.
    pub(super) fn copies_served(&mut self, works: Vec<Work>) {
        let is_too_much = self.waiting().count() + works.len() > MOST_WAITING;
        let served = self.open.iter_mut().find(|request| matches!(request.copies, Some(Copies::Begun)));
        let Some(request) = served else { return };
        request.running -= 1;
        if request.stop.is_cancelled() {
            request.feed.not_begun(works.iter().map(|work| &work.order.series));
        } else if is_too_much {
            request.feed.copied(CopyUpdate::NotListed { error: Refusal::TooMuch.to_string() });
        } else {
            request.take_on(works);
        }
    }

    /// Closes requests that have nothing left to do.
    pub(super) fn tidy(&mut self) {
        self.open.retain(|request| {
            let is_open = request.is_open();
            if !is_open && request.is_cut_short() {
                request.feed.cut_short();
            } else if !is_open {
                request.feed.close();
            }
            is_open
        });
    }

    /// Counts a run under way, started by another request, towards this one.
    pub(super) fn follows(&mut self, id: u64) {
        self.open.iter_mut().filter(|request| request.id == id).for_each(|request| request.running += 1);
    }

    /// The next piece of work whose series is free. Requests for a run of the same job share that run.
    pub(super) fn next(&mut self, is_free: impl Fn(&Series) -> bool) -> Option<NextWork> {
        let (index, at) = self.open.iter().enumerate().find_map(|(index, request)| {
            let has_room = request.running < request.at_once;
            let at = request.waiting.iter().position(|work| has_room && is_free(&work.order.series))?;
            Some((index, at))
        })?;
        let request = &mut self.open[index];
        let work = request.waiting.remove(at)?;
        request.running += 1;
        let stop = request.stop.clone();
        let mut followers = vec![(request.id, Arc::clone(&request.feed))];
        if work.is_of_job() {
            followers.extend(self.share(&work.order.series));
        }
        Some(NextWork { work, stop, followers })
    }

    /// Attaches every other request that waits for a run of this series' job to the run that starts now.
    pub(super) fn share(&mut self, series: &Series) -> Vec<Follower> {
        let mut followers = Vec::new();
        for request in &mut self.open {
            let before = request.waiting.len();
            request.waiting.retain(|work| !work.is_of_job() || *work.order.series != *series);
            if request.waiting.len() < before {
                request.running += 1;
                followers.push((request.id, Arc::clone(&request.feed)));
            }
        }
        followers
    }

    /// Detaches a request from a run that ended or that it no longer follows.
    pub(super) fn left(&mut self, id: u64) {
        self.open.iter_mut().filter(|request| request.id == id).for_each(|request| request.running -= 1);
    }

    /// Drops the pending work of a request and stops what runs. Returns `None` if there is no such request.
    pub(super) fn cancel(&mut self, id: u64) -> Option<Vec<Work>> {
        let request = self.open.iter_mut().find(|request| request.id == id)?;
        request.withdrawn.cancel();
        request.stop.cancel();
        if matches!(request.copies, Some(Copies::Waiting(..))) {
            request.copies = None;
        }
        let taken_back: Vec<Work> = std::mem::take(&mut request.waiting).into();
        request.feed.not_begun(taken_back.iter().map(|work| &work.order.series));
        Some(taken_back)
    }

    /// All pending work.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Work> {
        self.open.iter().flat_map(|request| &request.waiting)
    }

    /// Closes every request because the daemon stops, reporting what was not started.
    pub(super) fn cut_short(&mut self) {
        for request in self.open.drain(..) {
            request.feed.not_begun(request.waiting.iter().map(|work| &work.order.series));
            request.feed.cut_short();
        }
    }
}

impl Request {
    fn is_open(&self) -> bool {
        self.running > 0 || !self.waiting.is_empty() || matches!(self.copies, Some(Copies::Waiting(..)))
    }

    /// Whether the daemon stopped while copies were in progress: their own reports do not show that they are
    /// incomplete.
    fn is_cut_short(&self) -> bool {
        self.copies.is_some() && self.stop.is_cancelled() && !self.withdrawn.is_cancelled()
    }

    fn take_on(&mut self, mut works: Vec<Work>) {
        works.iter_mut().for_each(|work| work.withdrawn = self.withdrawn.clone());
        self.waiting = works.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Update;

    fn config() -> Arc<Config> {
        let around = crate::config::Surroundings::default();
        let text = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]";
        Arc::new(crate::config::check(text, std::path::Path::new("config.yml"), &around).unwrap())
    }

    fn restore(name: &str) -> Work {
        Work::restore(Arc::new(name.parse().unwrap()))
    }

    fn sync(requests: &mut Requests) -> Follower {
        requests.open_copies(CopyAsked::Sync {}, config(), CancellationToken::new()).unwrap()
    }

    const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";

    #[tokio::test]
    async fn work_and_copies_have_one_row_of_numbers_and_are_cancelled_alike() {
        let mut requests = Requests::default();
        let works = vec![restore(HOURLY)];
        let (first, work) = requests.open(works, 1, CancellationToken::new()).unwrap();
        let (second, copies) = sync(&mut requests);
        assert_eq!((first, second), (1, 2));

        assert_eq!(requests.cancel(first).map(|works| works.len()), Some(1));
        assert!(requests.cancel(second).is_some());
        requests.tidy();

        assert!(matches!(work.next().await.as_deref(), Some([Update::NotBegun { .. }])));
        assert_eq!((work.next().await, copies.next().await), (None, None));
        assert!(requests.next_copies().is_none() && requests.cancel(second).is_none());
    }

    #[tokio::test]
    async fn one_request_about_copies_is_served_at_a_time_until_the_work_that_came_of_it_is_done() {
        let mut requests = Requests::default();
        let (id, feed) = sync(&mut requests);
        sync(&mut requests);
        assert!(requests.next_copies().is_some());
        assert!(requests.next_copies().is_none());

        requests.copies_served(vec![restore(HOURLY)]);
        requests.tidy();
        let next = requests.next(|_| true).unwrap();
        assert_eq!(next.followers[0].0, id, "it is followed under the same number");
        assert!(requests.next_copies().is_none());
        requests.left(id);
        requests.tidy();

        assert_eq!(feed.next().await, None);
        assert!(requests.next_copies().is_some());
    }

    #[tokio::test]
    async fn what_came_of_copies_that_were_cancelled_meanwhile_is_not_begun() {
        let mut requests = Requests::default();
        let (id, feed) = sync(&mut requests);
        requests.next_copies().unwrap();
        requests.cancel(id).unwrap();

        requests.copies_served(vec![restore(HOURLY)]);
        requests.tidy();

        assert_eq!(feed.next().await, Some(vec![Update::NotBegun { series: vec![HOURLY.to_owned()] }]));
        assert_eq!(feed.next().await, None);
    }

    #[tokio::test]
    async fn copies_that_a_stop_of_the_daemon_broke_off_are_cut_short_and_those_taken_back_are_not() {
        for is_withdrawn in [false, true] {
            let (mut requests, stop) = (Requests::default(), CancellationToken::new());
            let (id, feed) = requests.open_copies(CopyAsked::Sync {}, config(), stop.clone()).unwrap();
            requests.next_copies().unwrap();
            match is_withdrawn {
                true => drop(requests.cancel(id)),
                false => stop.cancel(),
            }

            requests.copies_served(Vec::new());
            requests.tidy();

            assert_eq!(feed.next().await, None);
            assert_eq!(feed.is_cut_short(), !is_withdrawn);
        }
    }

    #[test]
    fn no_more_requests_about_copies_wait_than_may() {
        let mut requests = Requests::default();
        for _ in 0..MOST_COPIES {
            sync(&mut requests);
        }
        assert!(requests.open_copies(CopyAsked::Sync {}, config(), CancellationToken::new()).is_none());
        requests.next_copies().unwrap();
        sync(&mut requests);
    }
}

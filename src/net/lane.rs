//! Which requests go first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// While others wait, one in so many requests is a repair.
const REPAIR_EVERY: u32 = 10;

/// How urgent a request is; requests of one lane pass in order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// A live series misses its rows: ahead of everything else.
    Live,
    /// New data, and orders given by hand.
    #[default]
    New,
    /// Old holes that are filled by and by: behind the others, within a share of the quota.
    Repair,
}

/// Everybody who waits for the limiter of one budget.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    lanes: [VecDeque<Arc<Notify>>; 3],
    /// Requests of new data that passed while a repair waited.
    passed: u32,
}

impl Waiting {
    /// The lane whose first is next.
    fn next(&self) -> Option<Lane> {
        let waits = |lane: Lane| !self.lanes[lane as usize].is_empty();
        match (waits(Lane::Live), waits(Lane::New), waits(Lane::Repair)) {
            (true, ..) => Some(Lane::Live),
            (_, true, true) if self.passed + 1 >= REPAIR_EVERY => Some(Lane::Repair),
            (_, true, _) => Some(Lane::New),
            (_, _, true) => Some(Lane::Repair),
            _ => None,
        }
    }

    fn wake_next(&self) {
        let next = self.next().and_then(|lane| self.lanes[lane as usize].front());
        next.into_iter().for_each(|first| first.notify_one());
    }
}

impl Queue {
    /// Waits at the end of a lane.
    pub(super) fn enter(&self, lane: Lane) -> Place<'_> {
        let woken = Arc::new(Notify::new());
        self.lock().lanes[lane as usize].push_back(Arc::clone(&woken));
        Place { queue: self, lane, woken }
    }

    /// Has the next one look again whether it may pass.
    pub(super) fn wake_next(&self) {
        self.lock().wake_next();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; dropping it passes the turn on.
pub(super) struct Place<'a> {
    queue: &'a Queue,
    lane: Lane,
    woken: Arc<Notify>,
}

impl Place<'_> {
    /// Whether it is the next to pass. Otherwise the next one is woken.
    pub(super) fn is_next(&self) -> bool {
        let waiting = self.queue.lock();
        let first = waiting.next().and_then(|lane| waiting.lanes[lane as usize].front());
        let is_next = first.is_some_and(|first| Arc::ptr_eq(first, &self.woken));
        if !is_next {
            waiting.wake_next();
        }
        is_next
    }

    /// Completes when it is worth looking again.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Lets new data go first again, since the share of repairs is spent. Returns whether any waits.
    pub(super) fn yield_to_new_data(&self) -> bool {
        let mut waiting = self.queue.lock();
        let yields = self.lane == Lane::Repair && !waiting.lanes[Lane::New as usize].is_empty();
        if yields {
            waiting.passed = 0;
            waiting.wake_next();
        }
        yields
    }

    /// Counts that it passes.
    pub(super) fn passes(&self) {
        let mut waiting = self.queue.lock();
        let a_repair_waits = !waiting.lanes[Lane::Repair as usize].is_empty();
        match self.lane {
            Lane::New if a_repair_waits => waiting.passed += 1,
            Lane::Repair => waiting.passed = 0,
            Lane::Live | Lane::New => {}
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.lanes[self.lane as usize].retain(|own| !Arc::ptr_eq(own, &self.woken));
        waiting.wake_next();
    }
}

//! The rows of live series that are accepted and not published, over the whole process: how much memory they take, and
//! which series are published next.
//!
//! Runs bound what they accept themselves; a live series has no say in how much comes. So what waits of all of them
//! together is bounded: past three quarters of the bound the largest are published first, whatever their age, and at the bound
//! nothing more is accepted before some of it is published.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::jobs::stream::live_writer::LiveWriter;
use crate::jobs::stream::moment::Moment;

/// The most memory of them, in bytes, beside [`EACH_BYTES`]: at the least a minute of 1 000 trades a second.
pub(crate) const MOST_BYTES: usize = 12 << 20;
/// Added to that for each live series: three quarters of it, of a book and of the trades of its pair together, hold a minute
/// of a book of 100 levels, stored every ten seconds, so that a thousand of them are not published at each step.
pub(crate) const EACH_BYTES: usize = 56 << 10;

/// How often every series is counted anew.
const COUNT_EVERY: Duration = Duration::from_millis(250);

/// The rows of all live series that wait to be published.
#[derive(Clone)]
pub(crate) struct WaitingRows(Arc<Waiting>);

struct Waiting {
    /// The bound, but for what each series adds.
    most: usize,
    /// Added to it for each series.
    each: usize,
    /// How many series there are.
    count: AtomicUsize,
    /// How many series there ever were, and since when.
    joined: AtomicUsize,
    began: Instant,
    bytes: Arc<AtomicUsize>,
    series: Mutex<Vec<Weak<LiveWriter>>>,
    /// When all of them were counted last.
    counted: Mutex<Option<Instant>>,
    /// Signalled when some were published.
    freed: (Mutex<()>, Condvar),
    /// Told when much waits.
    is_much: Notify,
}

impl WaitingRows {
    /// None so far, and never many more than so many bytes and so many for each series.
    pub(crate) fn new(most: usize, each: usize) -> Self {
        WaitingRows(Arc::new(Waiting {
            most,
            each,
            count: AtomicUsize::new(0),
            joined: AtomicUsize::new(0),
            began: Instant::now(),
            bytes: Arc::default(),
            series: Mutex::default(),
            counted: Mutex::default(),
            freed: (Mutex::new(()), Condvar::new()),
            is_much: Notify::new(),
        }))
    }

    /// The bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that may wait.
    pub(crate) fn most(&self) -> usize {
        self.0.most.saturating_add(self.0.count.load(Ordering::Relaxed) * self.0.each)
    }

    /// Beyond this the largest are published whatever their age.
    fn much(&self) -> usize {
        self.most() / 4 * 3
    }

    /// Counts a series anew, of which rows were accepted.
    pub(crate) fn accepted(&self, own: &Arc<LiveWriter>) {
        let next = || Moment::of(self.0.joined.fetch_add(1, Ordering::Relaxed), self.0.began);
        if own.join(&self.0.bytes, next) {
            let mut series = self.0.series.lock().unwrap_or_else(PoisonError::into_inner);
            series.push(Arc::downgrade(own));
            self.0.count.store(series.len(), Ordering::Relaxed);
        }
        own.count();
        if self.bytes() > self.much() {
            self.0.is_much.notify_one();
        }
    }

    /// Counts a series anew, of which rows were published.
    pub(crate) fn published(&self, own: &LiveWriter) {
        if own.count() {
            // The bytes are looked at under this lock.
            drop(self.0.freed.0.lock().unwrap_or_else(PoisonError::into_inner));
            self.0.freed.1.notify_all();
        }
    }

    /// Waits until much waits, so that some of it is to be published whatever its age.
    pub(crate) async fn is_much(&self) {
        self.0.is_much.notified().await;
    }

    /// Waits until more may be accepted, at most for so long; returns whether it may.
    pub(crate) fn wait_for_room(&self, most: Duration) -> bool {
        let is_full = || self.bytes() > self.most();
        if !is_full() {
            return true;
        }
        let (lock, freed) = &self.0.freed;
        let waiting = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = freed.wait_timeout_while(waiting, most, |()| is_full());
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// At most so many series that are to be published now, marked as being published: the largest, as long as much
    /// would be left, then those whose moment came or whose rows waited long enough, the oldest first.
    pub(crate) fn take_due(&self, longest: Duration, at_most: usize) -> Vec<Arc<LiveWriter>> {
        if at_most == 0 {
            return Vec::new();
        }
        let mut due = Vec::new();
        let now = Instant::now();
        let (publishing, mut others): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|own| own.is_publishing());
        others.retain(|own| own.may_publish(now));
        let freed: usize = publishing.iter().map(|own| own.counted()).sum();
        let (mut left, much) = (self.bytes().saturating_sub(freed), self.much());
        others.sort_by_cached_key(|own| Reverse(own.counted()));
        due.extend(others.extract_if(.., |own| {
            let is_due = left > much && own.counted() > 0;
            left = left.saturating_sub(if is_due { own.counted() } else { 0 });
            is_due
        }));
        others.retain(|own| own.is_due(longest));
        others.sort_by_cached_key(|own| Reverse(own.writer().waited()));
        due.extend(others);
        due.truncate(at_most);
        due.iter().for_each(|own| own.set_publishing(true));
        due
    }

    /// The series that are listened to, counted anew where that was a while ago: others than those who accept their rows
    /// publish some of them too.
    fn all(&self) -> Vec<Arc<LiveWriter>> {
        let mut series = self.0.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.retain(|own| own.strong_count() > 0);
        self.0.count.store(series.len(), Ordering::Relaxed);
        let all: Vec<Arc<LiveWriter>> = series.iter().filter_map(Weak::upgrade).collect();
        drop(series);
        if self.is_time_to_count() {
            all.iter().for_each(|own| _ = own.count());
        }
        all
    }

    fn is_time_to_count(&self) -> bool {
        let mut counted = self.0.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        *counted = if is_time { Some(Instant::now()) } else { *counted };
        is_time
    }
}

//! The writer of a live series, shared by those who accept its rows and those who publish them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::jobs::stream::moment::Moment;
use crate::store::Writer;

/// The writer of a live series, with what others count of it.
pub(crate) struct LiveWriter {
    writer: Writer,
    /// Its place among all live series, once it has one.
    place: OnceLock<Place>,
    /// Its own bytes in the total.
    counted: AtomicUsize,
    /// New rows published since they were last taken.
    stored: AtomicU64,
    is_publishing: AtomicBool,
    /// Whether its account is to be published before it is due by its rows.
    is_urgent: AtomicBool,
    /// When it may be published again, after that failed.
    not_before: Mutex<Option<Instant>>,
}

struct Place {
    /// The bytes of all live series that wait to be published, its own among them.
    total: Arc<AtomicUsize>,
    /// When it is published.
    moment: Moment,
}

impl LiveWriter {
    pub(crate) fn new(writer: Writer) -> Self {
        LiveWriter {
            writer,
            place: OnceLock::new(),
            counted: AtomicUsize::new(0),
            stored: AtomicU64::new(0),
            is_publishing: AtomicBool::new(false),
            is_urgent: AtomicBool::new(false),
            not_before: Mutex::new(None),
        }
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Counts its bytes into a total from now on, and is published at a moment; `false` if it does so already.
    pub(super) fn join(&self, total: &Arc<AtomicUsize>, moment: impl FnOnce() -> Moment) -> bool {
        let place = || Place { total: Arc::clone(total), moment: moment() };
        self.place.get().is_none() && self.place.set(place()).is_ok()
    }

    /// Counts its bytes anew; returns whether they have become fewer.
    pub(super) fn count(&self) -> bool {
        self.set_counted(self.writer.waiting_bytes())
    }

    fn set_counted(&self, bytes: usize) -> bool {
        let Some(Place { total, .. }) = self.place.get() else { return false };
        let before = self.counted.swap(bytes, Ordering::Relaxed);
        total.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        bytes < before
    }

    /// Its bytes when they were last counted.
    pub(super) fn counted(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }

    /// Counts new rows that were published.
    pub(super) fn add_stored(&self, rows: u64) {
        self.stored.fetch_add(rows, Ordering::Relaxed);
    }

    /// Takes the number of new rows published since it was last taken.
    pub(crate) fn take_stored(&self) -> u64 {
        self.stored.swap(0, Ordering::Relaxed)
    }

    pub(super) fn is_publishing(&self) -> bool {
        self.is_publishing.load(Ordering::Relaxed)
    }

    /// Has it published soon, whatever waits of it.
    pub(super) fn publish_soon(&self) {
        self.is_urgent.store(true, Ordering::Relaxed);
    }

    /// Whether it is to be published now, of which rows may wait for so long.
    pub(super) fn is_due(&self, longest: Duration) -> bool {
        self.is_urgent.load(Ordering::Relaxed)
            || self.writer.wants_flush(longest)
            || self.its_moment_came(longest)
    }

    /// Whether the moment at which it is published came since its oldest row waits.
    fn its_moment_came(&self, longest: Duration) -> bool {
        let (Some(place), Some(waited)) = (self.place.get(), self.writer.waited()) else { return false };
        let now = Instant::now();
        now.checked_sub(waited).is_some_and(|since| place.moment.has_come(since, now, longest))
    }

    /// It is being published from now on, or is not any more.
    pub(super) fn set_publishing(&self, is_publishing: bool) {
        if is_publishing {
            self.is_urgent.store(false, Ordering::Relaxed);
        }
        self.is_publishing.store(is_publishing, Ordering::Relaxed);
    }

    /// Whether it has waited long enough since publishing it failed.
    pub(super) fn may_publish(&self, now: Instant) -> bool {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.is_none_or(|at| at <= now)
    }

    /// Publishing it failed, and is tried again after a wait.
    pub(super) fn put_off(&self, wait: Duration) {
        let at = Instant::now().checked_add(wait);
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Drop for LiveWriter {
    fn drop(&mut self) {
        self.set_counted(0);
    }
}

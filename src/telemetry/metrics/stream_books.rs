//! Families counted per live book: whether it is in step with its exchange, and for how long it was not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::series::Count;

/// The counts of one live book.
pub(crate) struct BookMetrics {
    out: Mutex<Out>,
    breaks: Count,
}

/// The time out of step.
struct Out {
    /// Since when it is out of step.
    since: Option<Instant>,
    /// Times that are over.
    before: Duration,
}

pub(super) const IN_STEP: (&str, &str) =
    ("dccd_book_in_step", "1 while a live book is known to be its exchange's, 0 while it is not.");
pub(super) const OUT_SECONDS: (&str, &str) = (
    "dccd_book_out_of_step_seconds_total",
    "Time in which a live book was not known to be its exchange's; nothing can fill it.",
);
pub(super) const BREAKS: (&str, &str) =
    ("dccd_book_breaks_total", "Times a live book fell out of step with its exchange.");

impl Default for BookMetrics {
    fn default() -> Self {
        let out = Out { since: Some(Instant::now()), before: Duration::ZERO };
        BookMetrics { out: Mutex::new(out), breaks: Count::default() }
    }
}

impl BookMetrics {
    /// It is in step.
    pub(crate) fn rose(&self) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = out.since.take() {
            out.before += since.elapsed();
        }
    }

    /// It is out of step.
    pub(crate) fn fell(&self) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.since.is_none() {
            out.since = Some(Instant::now());
            self.breaks.add(1);
        }
    }

    pub(super) fn in_step(&self) -> f64 {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        f64::from(u8::from(out.since.is_none()))
    }

    pub(super) fn out_seconds(&self) -> f64 {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        (out.before + out.since.map_or(Duration::ZERO, |since| since.elapsed())).as_secs_f64()
    }

    pub(super) fn breaks(&self) -> f64 {
        self.breaks.get()
    }
}

//! Open connections that have sent no request yet, the one that has waited longest first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct Crowd(Mutex<VecDeque<Guest>>);

/// One connection. Clones share it.
#[derive(Clone)]
pub(super) struct Guest(Arc<Inner>);

struct Inner {
    has_asked: AtomicBool,
    leave: CancellationToken,
}

impl Crowd {
    /// Adds a connection.
    pub(super) fn enter(&self) -> Guest {
        let guest =
            Guest(Arc::new(Inner { has_asked: AtomicBool::new(false), leave: CancellationToken::new() }));
        let mut guests = self.guests();
        // Drop those that left or sent a request.
        guests.retain(Guest::is_idle);
        guests.push_back(guest.clone());
        guest
    }

    /// Closes the connection that has waited longest without a request.
    pub(super) fn make_room(&self) {
        let mut guests = self.guests();
        while let Some(guest) = guests.pop_front() {
            if guest.is_idle() {
                return guest.0.leave.cancel();
            }
        }
    }

    fn guests(&self) -> MutexGuard<'_, VecDeque<Guest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// It sent a request, and may now stay as long as it is served.
    pub(super) fn has_asked(&self) {
        self.0.has_asked.store(true, Ordering::Relaxed);
    }

    /// Completes when the connection is to close.
    pub(super) async fn is_shown_out(&self) {
        self.0.leave.cancelled().await;
    }

    /// Whether it is open and has sent no request. The crowd holds one clone, the connection another.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) > 1 && !self.0.has_asked.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_waits_longest_without_asking_makes_room() {
        let crowd = Crowd::default();
        let (gone, busy, idle, newest) = (crowd.enter(), crowd.enter(), crowd.enter(), crowd.enter());
        drop(gone);
        busy.has_asked();

        crowd.make_room();

        let left = [&busy, &idle, &newest].map(|guest| guest.0.leave.is_cancelled());
        assert_eq!(left, [false, true, false]);
    }
}

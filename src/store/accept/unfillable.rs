//! Time that nothing can ever fill: entered in the journal at once, so that a crash forgets neither it nor its reason.

use crate::model::Window;
use crate::store::accept::intake::Intake;
use crate::store::accept::waiting::Vouched;
use crate::store::journal::{self, Unfillable};
use crate::store::{Mark, StoreError, Writer};

impl Writer {
    /// Records that no request can ever fill a window, as far as it is not settled: time of a book without its updates,
    /// or what the exchange forgets at once.
    ///
    /// # Errors
    /// If the journal cannot be written. It counts all the same, unless the process crashes before the next publish.
    pub fn unfillable(&self, window: Window, reason: &str) -> Result<(), StoreError> {
        self.give_up(window, reason, false)
    }

    /// Takes back what is covered in a window, since rows of it were wrong, and records that no request can ever fill it.
    ///
    /// # Errors
    /// If the journal cannot be written. It counts all the same, unless the process crashes before the next publish.
    pub fn disown(&self, window: Window, reason: &str) -> Result<(), StoreError> {
        self.give_up(window, reason, true)
    }

    fn give_up(&self, window: Window, reason: &str, is_disowned: bool) -> Result<(), StoreError> {
        let mut intake = self.own.intake();
        let own = Unfillable { window, reason: reason.to_owned(), is_disowned, fence: intake.ledger().fence };
        if !intake.give_up(&own) {
            return Ok(());
        }
        let frame = journal::unfillable(self.series(), &own);
        let mark = self.shared.append_live(vec![(self.series(), frame)], 0)?;
        intake.waiting.pass(mark);
        Ok(())
    }
}

impl Intake {
    /// Takes what a process that ended said of time that nothing can fill.
    pub(super) fn replay_unfillable(&mut self, mark: Mark, own: &Unfillable) {
        self.waiting.pass(mark);
        if own.fence >= self.ledger.fence {
            self.give_up(own);
        }
    }

    /// Gives a window up; returns whether that says anything new.
    fn give_up(&mut self, own: &Unfillable) -> bool {
        if own.is_disowned {
            self.disown(own.window);
        }
        let open = self.settled().missing(own.window);
        self.account(|ledger| open.iter().for_each(|window| ledger.give_up(window, &own.reason)));
        !open.is_empty()
    }

    /// Takes back what is covered in a window, or will be once what waits is published.
    fn disown(&mut self, window: Window) {
        for waiting in self.taken.iter_mut().chain([&mut self.waiting]) {
            let vouched = std::mem::take(&mut waiting.vouched);
            waiting.vouched = vouched.into_iter().flat_map(|own| without(own, window)).collect();
        }
        self.account(|ledger| ledger.covered.remove(window));
    }
}

/// The parts of what was vouched for that lie outside of a window.
fn without(own: Vouched, window: Window) -> impl Iterator<Item = Vouched> {
    let before = Window::new(own.window.from, own.window.until.min(window.from));
    let after = Window::new(own.window.from.max(window.until), own.window.until);
    [before, after].into_iter().flatten().map(move |window| Vouched { window, ..own })
}

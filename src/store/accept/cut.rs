//! The cut between what a publish takes and what is accepted while it works.

use std::sync::Arc;

use crate::model::{Batch, Kind, Windows};
use crate::store::accept::intake::{Intake, TWO_EMPTY};
use crate::store::accept::waiting::{UNPROVEN, Waiting};
use crate::store::{Ledger, Mark, Note, Published};

/// Everything one publish takes.
pub(crate) struct Taken {
    pub(crate) rows: Arc<Batch>,
    /// Coverage of the series with these rows, and with none accepted after them.
    pub(crate) covered: Windows,
    /// The last journal frame that is in it.
    pub(crate) last: Option<Mark>,
    /// Trades of the rows that contradicted one another.
    pub(crate) mismatched: u64,
}

impl Intake {
    /// Takes everything that waits for a publish; `None` if nothing waits. One publish at a time.
    pub(crate) fn take_waiting(&mut self) -> Option<Taken> {
        // Something is there only where a publish broke off.
        self.put_back();
        if self.waiting.is_empty() {
            return None;
        }
        let covered = self.covered();
        let waiting = std::mem::replace(&mut self.waiting, Waiting::nothing(self.kind));
        let (rows, last, mismatched) = (Arc::clone(&waiting.rows), waiting.last, waiting.mismatched);
        self.taken = Some(waiting);
        Some(Taken { rows, covered, last, mismatched })
    }

    /// Puts the rows of a publish that failed back before those accepted meanwhile; the next publish takes both.
    pub(crate) fn put_back(&mut self) {
        let Some(mut taken) = self.taken.take() else { return };
        let newer = std::mem::replace(&mut self.waiting, Waiting::nothing(self.kind));
        taken.follow(newer);
        self.waiting = taken;
    }

    /// A file now stands under its name.
    pub(crate) fn enter(&mut self, file: &Published) {
        Arc::make_mut(&mut self.ledger).enter(file);
        self.unwritten = true;
    }

    /// The files hold the pages that the publish took; enters them into the ledger.
    pub(crate) fn settle(&mut self) {
        let Some(taken) = &self.taken else { return };
        let ledger = Arc::make_mut(&mut self.ledger);
        if let Some(earliest) = taken.windows().map(|window| window.from).min() {
            ledger.wanted_since.get_or_insert(earliest);
        }
        let vouched = taken.vouched(ledger);
        for window in taken.covered.iter().copied().chain(vouched.iter()) {
            ledger.cover(window);
            ledger.derived.remove(window);
        }
        for window in &taken.derived {
            let computed = ledger.covered.missing(*window);
            ledger.derived.add_all(&computed);
            ledger.cover(*window);
        }
        taken.empty.iter().for_each(|window| ledger.confirm_empty(*window, TWO_EMPTY));
        for window in taken.not_proven(ledger) {
            let since = ledger.wanted_since.map_or(window.from, |since| since.min(window.from));
            ledger.wanted_since = Some(since);
            leave_open(ledger, self.kind, &Note { window, reason: UNPROVEN.to_owned() });
        }
        taken.notes.iter().for_each(|note| leave_open(ledger, self.kind, note));
        ledger.journal = taken.last.or(ledger.journal);
        self.unwritten = true;
    }

    /// The ledger that accounts for what was taken is on disk. Returns how far the journal is settled.
    pub(crate) fn published(&mut self) -> Option<Mark> {
        self.taken = None;
        self.on_disk = self.ledger.journal;
        self.on_disk
    }

    /// Goes on under another ownership, where nothing waits that was accepted under the one before; returns whether it does.
    pub(crate) fn acquire(&mut self, fence: u64) -> bool {
        let may = self.waiting.is_empty() && self.taken.is_none();
        if may && self.ledger.fence != fence {
            self.account(|ledger| ledger.fence = fence);
        }
        may
    }

    /// The ledger to be written, where the one on disk differs; what changes from here on is not in it.
    pub(crate) fn take_unwritten(&mut self) -> Option<Arc<Ledger>> {
        std::mem::take(&mut self.unwritten).then(|| Arc::clone(&self.ledger))
    }

    /// It could not be written.
    pub(crate) fn keep_unwritten(&mut self) {
        self.unwritten = true;
    }
}

/// Rows of a window were lost: it is a gap as far as it is open, and of a book, which nothing can fill, it is unfillable.
fn leave_open(ledger: &mut Ledger, kind: Kind, note: &Note) {
    if kind == Kind::OrderBook {
        return ledger.give_up(note.window, &note.reason);
    }
    let open = ledger.settled().missing(note.window);
    open.iter().for_each(|window| ledger.note(window, &note.reason));
}

//! Coverage that a live session vouches for: it has heard everything of a window, and all of that is accepted.
//!
//! The rows came frame by frame, none of which proves anything alone. So the word names those of them that are not
//! published yet, and counts after a crash only where each was read again or is published. In running operation it
//! enters the ledger with the publish that takes what was accepted before it.

use crate::model::{Kind, Window, Windows};
use crate::store::accept::intake::Intake;
use crate::store::accept::waiting::Vouched;
use crate::store::journal::{self, Vouch};
use crate::store::{Mark, StoreError, Writer};

/// The most frames that a word names, so that its own stays short.
const MOST_FRAMES: usize = 1 << 18;

impl Writer {
    /// Vouches that every row of a window is accepted: those accepted by this process from the frame `since` on, and none
    /// where it is `None`. After a crash the window is covered only where all of these frames were found, else a gap
    /// with its reason; without one, it is in the ledger with the next publish.
    ///
    /// # Errors
    /// Where the journal cannot be written. Nothing is covered then, and it may be tried again.
    pub fn vouch(&self, since: Option<Mark>, window: Window) -> Result<(), StoreError> {
        let mut intake = self.own.intake();
        let (vouch, published) = intake.word(since, window);
        // Too much waits to be named: after a crash the window is a gap.
        if vouch.frames.len() <= MOST_FRAMES {
            let frame = journal::vouch(self.series(), &vouch);
            let mark = self.shared.append_live(vec![(self.series(), frame)], 0)?;
            intake.waiting.pass(mark);
        }
        intake.waiting.vouched.push(Vouched { window, published });
        Ok(())
    }
}

impl Intake {
    fn word(&self, since: Option<Mark>, window: Window) -> (Vouch, Option<Mark>) {
        let since_then = |frames: &'_ [Mark]| match since {
            Some(since) => frames.partition_point(|frame| !frame.holds(since))..frames.len(),
            None => 0..0,
        };
        let frames = self.unpublished().flat_map(|own| &own.frames[since_then(&own.frames)]);
        let frames = frames.map(|frame| frame.position).collect();
        let published = self.on_disk.filter(|own| since.is_some_and(|since| own.holds(since)));
        let position = published.map(|own| own.position);
        (Vouch { window, frames, published: position, fence: self.ledger.fence }, published)
    }

    /// Takes the word of a session of a process that ended, as far as all of its rows are here.
    pub(super) fn replay_vouch(&mut self, mark: Mark, vouch: Vouch) {
        self.waiting.pass(mark);
        if vouch.fence < self.ledger.fence {
            return;
        }
        let at = |position| Mark { position, ..mark };
        let published = vouch.published.map(at);
        let mut proven = Windows::from(vouch.window);
        if published.is_some_and(|own| !self.is_published(own)) {
            proven = Windows::new();
        } else if let Some(last) = vouch.frames.into_iter().map(at).rfind(|frame| !self.is_here(*frame)) {
            // Files that hold the word itself say in their footers what became of it.
            let judged = self.in_files(mark);
            let files = self.in_files(last).into_iter().filter(|period| !judged.contains(period));
            proven = files.filter_map(|period| period.intersection(vouch.window)).collect();
        }
        if self.kind == Kind::OrderBook && self.continues_unproven(vouch.window) {
            proven = Windows::new();
        }
        let mut unproven = Windows::from(vouch.window);
        unproven.remove_all(&proven);
        self.waiting.vouched.extend(proven.iter().map(|window| Vouched { window, published }));
        self.waiting.unproven.extend(unproven.iter());
    }

    /// Whether a window goes on where one ended of which rows were lost. A book is the sum of its updates, so that what
    /// follows a lost one is not known before the next whole book.
    fn continues_unproven(&self, window: Window) -> bool {
        self.waiting.unproven.iter().any(|lost| lost.until == window.from)
    }

    /// Whether the rows of a frame are in files, by the ledger.
    fn is_published(&self, frame: Mark) -> bool {
        self.ledger.journal.is_some_and(|own| own.holds(frame)) && !self.ledger.has_lost(frame)
    }

    fn is_here(&self, frame: Mark) -> bool {
        let was_read = |frames: &[Mark]| {
            let at = frames.binary_search_by_key(&frame.position, |own| own.position);
            at.is_ok_and(|at| frames[at] == frame)
        };
        self.is_published(frame) || self.unpublished().any(|waiting| was_read(&waiting.frames))
    }
}

#[cfg(test)]
#[path = "vouch_tests.rs"]
mod tests;

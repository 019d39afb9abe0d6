//! The holes of a live series: those that late rows may close, and those that only history closes.

use std::collections::VecDeque;

use crate::model::{Micros, Window, Windows};
use crate::store::Mark;

/// The most holes of either kind that are remembered once they are vouched past; of forgotten ones none closes.
const MOST_HOLES: usize = 64;

/// The holes of a live series.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// Those not vouched past.
    open: Windows,
    /// Those that late rows may close, each with the first frame that may hold rows of it.
    closable: VecDeque<(Window, Option<Mark>)>,
    /// Those that no late row closes.
    lost: Windows,
    /// Before this instant all is taken for lost.
    lost_before: Option<Micros>,
}

impl Holes {
    /// A hole that late rows may close; `since` is the first frame that may hold rows of it.
    pub(super) fn miss(&mut self, window: Window, since: Option<Mark>) {
        self.open.add(window);
        if self.closable.len() == MOST_HOLES {
            self.closable.pop_front();
        }
        self.closable.push_back((window, since));
    }

    /// A hole that no late row closes.
    pub(super) fn lose(&mut self, window: Window) {
        self.open.add(window);
        self.lost.add(window);
        while self.lost.len() > MOST_HOLES
            && let Some(oldest) = self.lost.first()
        {
            self.lost.remove(oldest);
            self.lost_before = self.lost_before.max(Some(oldest.until));
        }
    }

    /// All numbers of a window have come: returns the part that was a hole, and the first frame that may hold rows of it.
    pub(super) fn close(&mut self, window: Window) -> (Windows, Option<Mark>) {
        let own: Vec<(Window, Option<Mark>)> =
            self.closable.iter().filter(|(hole, _)| hole.intersection(window).is_some()).copied().collect();
        let from = self.lost_before.map_or(window.from, |before| before.max(window.from));
        let mut closed: Windows =
            own.iter().filter_map(|(hole, _)| hole.intersection(Window::new(from, window.until)?)).collect();
        closed.remove_all(&self.lost);
        self.open.remove_all(&closed);
        let since = own.iter().filter_map(|(_, since)| *since).min_by_key(|mark| mark.position);
        (closed, since)
    }

    /// Those not vouched past.
    pub(super) fn open(&self) -> &Windows {
        &self.open
    }

    /// It was vouched for all before an instant but the holes.
    pub(super) fn vouched(&mut self, until: Micros) {
        self.open.remove(Window { from: Micros(i64::MIN), until });
    }
}

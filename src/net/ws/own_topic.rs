//! A topic as one socket knows it: what its own rows prove.

use crate::exchange::live::{Live, Received, Topic, TopicId};
use crate::model::{Grid, Kind, Micros, Window};

/// A topic of one connection.
pub(super) struct OwnTopic {
    pub(super) id: TopicId,
    /// The grid of its candles.
    grid: Option<Grid>,
    /// Whether it is a book, of which only one connection sends anything at a time, and whose state holds without rows.
    is_book: bool,
    /// The end of what rows of this connection prove: where nothing came, nothing is vouched for, whatever came over
    /// another.
    proven: Option<Micros>,
}

impl OwnTopic {
    pub(super) fn new(topic: &Topic, live: &dyn Live) -> Self {
        let span = topic.series.span();
        let grid = span.and_then(|span| live.offer_for(&topic.series)?.grid(span));
        OwnTopic { id: topic.id, grid, is_book: is_book(topic), proven: None }
    }

    /// Heeds the rows of a batch.
    pub(super) fn prove(&mut self, received: &Received) {
        let newest = received.batch(self.id).and_then(|rows| rows.ts().iter().max());
        let end = newest.map(|newest| self.grid.map_or(Micros(*newest), |grid| grid.next(Micros(*newest))));
        self.proven = self.proven.max(end);
    }

    /// The part of a window that the session covers which is vouched for.
    pub(super) fn vouched(&self, covered: Window) -> Option<Window> {
        if self.is_book {
            return Some(covered);
        }
        Window::new(covered.from, covered.until.min(self.proven?))
    }
}

/// Whether a topic is a book. Rows of one book over two sockets would be those of neither.
pub(super) fn is_book(topic: &Topic) -> bool {
    topic.series.kind() == Kind::OrderBook
}

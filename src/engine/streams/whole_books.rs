//! Takes whole books to the connections that want them, or that are to compare theirs with them.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::engine::LiveJob;
use crate::engine::streams::Streams;
use crate::engine::streams::audits::Answer;
use crate::engine::streams::entry::EntryState;
use crate::model::{Batch, Kind, Series};

impl Streams {
    /// Gives a whole book to the connection that wants it; none where it could not be had.
    pub(super) fn give_book(&mut self, series: &Arc<Series>, rows: Option<Batch>) {
        self.books.arrived(series);
        if let Some(place) = self.place(series) {
            self.connections.give_book(place, rows);
        }
    }

    /// Has a book begun anew, since rows of it were lost.
    pub(super) fn lose_book(&self, series: &Series) {
        if let Some(place) = self.place(series) {
            self.connections.lose_book(place);
        }
    }

    /// Asks for the listings of what is wanted, and has no snapshots taken of the books among it.
    pub(super) fn want(&mut self, wanted: &[LiveJob], stop: &CancellationToken) {
        self.engine.present_books().want(LiveJob::books(wanted));
        self.listings.want(&self.engine, wanted.iter(), stop);
    }

    /// Has books compared that are due, as far as no other of their exchange is to come into step.
    pub(super) fn audit(&mut self, stop: &CancellationToken) {
        let now = Instant::now();
        for (series, entry) in &self.entries {
            if series.kind() == Kind::OrderBook && matches!(entry.state, EntryState::Placed { .. }) {
                self.audits.look(series, now);
            }
        }
        let (audits, books) = (&mut self.audits, &self.books);
        let begun: Vec<_> =
            std::iter::from_fn(|| audits.begin(|exchange| books.is_busy(exchange), stop)).collect();
        for series in begun {
            if let Some(place) = self.place(&series) {
                self.connections.begin_audit(place);
            }
        }
    }

    /// Gives an answer to the connection whose book is compared with it.
    pub(super) fn give_audit(&self, answer: Answer) {
        if let Some(place) = self.place(&answer.series) {
            self.connections.give_audit(place, answer.rows, answer.levels);
        }
    }
}

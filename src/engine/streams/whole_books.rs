//! Takes whole books to the connections that want them.

use std::sync::Arc;

use crate::engine::streams::Streams;
use crate::model::{Batch, Series};

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
}

//! Stored order books, rebuilt: as of an instant, or update by update over a window.
//!
//! Decisions:
//!
//! * **A book is given only where the ledger covers its instant**, from a whole book in the same covered window and every
//!   update since: their numbers grow by one, or the walk refuses. Before everything that the ledger speaks of lie
//!   snapshots that were taken one by one, by jobs or an import. They prove nothing about the time after them, so the
//!   newest of them is given with its age, marked as not covered.
//! * **Only a part of a day is read.** Row groups that the statistics of `ts` and `is_snapshot` rule out are passed over on
//!   the way back to the newest whole book, and columns that no level needs are not decoded.
//! * **Large files are trusted as published** by size, time and generation, as everywhere in the store: hashing a day of
//!   books takes longer than reading an hour of it. Smaller ones are hashed first, and `verify` hashes everything.
//! * **Rows that are accepted and not published yet are not there.** The ledger covers them only once they are.

mod cursor;
mod error;
mod group;
mod known;
mod ladder;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;

use crate::model::{Kind, Micros, Series, Window};
use crate::store::Layout;

pub use error::BookError;
pub use known::Uncovered;
pub use ladder::Level;
pub use walk::{BookState, BookWalk};

/// The stored book of one series.
#[derive(Clone, Debug)]
pub struct StoredBook {
    layout: Layout,
    series: Series,
}

impl StoredBook {
    /// The book of a series under a data path, which another process may be writing.
    ///
    /// # Errors
    /// If the series is of another kind.
    pub fn new(data_path: impl Into<PathBuf>, series: &Series) -> Result<Self, BookError> {
        if series.kind() != Kind::OrderBook {
            return Err(BookError::NoBook { series: series.to_string() });
        }
        Ok(StoredBook { layout: Layout::new(data_path), series: series.clone() })
    }

    /// The book as of an instant: after the last update that is not newer.
    ///
    /// # Errors
    /// If the instant is [not covered](BookError::NotCovered), or a file cannot be read.
    pub fn as_of(&self, at: Micros) -> Result<BookState, BookError> {
        self.first(Some(walk::at_once(at)))
    }

    /// The newest book that is stored.
    ///
    /// # Errors
    /// If nothing is stored, or a file cannot be read.
    pub fn newest(&self) -> Result<BookState, BookError> {
        self.first(None)
    }

    /// Walks the updates of a window, book by book.
    ///
    /// # Errors
    /// If the ledger of the series cannot be read.
    pub fn walk(&self, window: Window) -> Result<BookWalk, BookError> {
        BookWalk::open(&self.layout, &self.series, Some(window))
    }

    fn first(&self, window: Option<Window>) -> Result<BookState, BookError> {
        let mut walk = BookWalk::open(&self.layout, &self.series, window)?;
        let state = walk.next()?.cloned();
        state.ok_or_else(|| BookError::nothing(&self.series))
    }
}

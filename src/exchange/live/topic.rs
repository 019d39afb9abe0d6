//! A topic: one series that is listened to over a connection, under a number of the caller's.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::Instrument;
use crate::exchange::live::BookWish;
use crate::model::{Micros, Series};

/// The caller's number of a topic. Batches are kept in a list by it, so numbers are small and are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub u32);

/// A series to listen to.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The caller's number.
    pub id: TopicId,
    /// The series.
    pub series: Arc<Series>,
    /// The instrument the exchange lists for the pair: of a dated pair the contract that has its name now.
    pub instrument: Arc<Instrument>,
    /// The newest trade that the caller holds, where ids are contiguous and every trade of its instant up to it is held or
    /// was told missing. What the exchange repeats up to it is left
    /// out, and what is missing behind it is a hole.
    pub held: Option<Mark>,
    /// The rows that are wanted of a book; `None` for the usual ones, and of every other kind.
    pub book: Option<BookWish>,
}

/// A trade by its number and its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub id: u64,
    /// Its instant.
    pub ts: Micros,
}

/// The present, twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since an instant of the driver's choice: limits of time are measured by it.
    pub elapsed: Duration,
    /// The exchange's clock: the driver's own monotonic one, corrected by the offset it measured. Rows are received at it,
    /// and an instant far behind it is not believed.
    pub at: Micros,
}

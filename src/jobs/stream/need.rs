//! Requests of a listener to its owner.

use std::sync::Arc;

use crate::model::{Micros, Series};
use crate::tracker::Fault;

/// A request of a listener to its owner.
#[derive(Debug)]
pub(crate) enum Need {
    /// Rows of a series before an instant are missing.
    Refill { series: Arc<Series>, until: Micros },
    /// A topic has been quiet for longer than its rhythm explains; whether the exchange has newer rows is to be asked.
    Check { series: Arc<Series> },
    /// A whole book is wanted over REST, with so many levels a side.
    Book { series: Arc<Series>, levels: u32 },
    /// A deeper book is wanted beside one in step.
    DeeperBook { series: Arc<Series>, levels: u32 },
    /// A book is quiet for longer than its rhythm explains: it is to be compared with an answer over REST.
    Audit { series: Arc<Series> },
    /// An answer over REST speaks against a book: it is to be compared with another one at once.
    AuditAgain { series: Arc<Series> },
    /// Rows of a book were not accepted: its session has to begin anew.
    BookLost { series: Arc<Series> },
    /// The health of a series changed and is to be saved.
    Save { series: Arc<Series> },
    /// The exchange will not send a series.
    Refused { series: Arc<Series>, words: String },
    /// A connection that carried a series ended; with its error if it covered nothing.
    Ended { series: Arc<Series>, fault: Option<Fault> },
}

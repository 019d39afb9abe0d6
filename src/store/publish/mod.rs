//! Publishing: what waits becomes files, period by period, then the ledger accounts for it.
//!
//! Whatever is done here has the series' files for itself, and rows are accepted all the while. A publish takes what
//! waits when it begins; the journal forgets no frame behind the last one of that.

mod appending;
mod assembly;
mod damaged;
mod flush;
mod fold;
mod new_rows;
mod prepare;
mod queue;
mod restore;

pub(crate) use fold::{Flush, PeriodFiles};
pub(crate) use new_rows::NewRows;
pub use prepare::{Flushed, Published};
pub use restore::Incoming;

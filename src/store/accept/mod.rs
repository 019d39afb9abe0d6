//! Accepting rows: one frame of the journal, then what waits in memory, and nothing else.
//!
//! * **Accepting never waits for publishing.** The [gate](series::OpenSeries) of a series is locked for as long as a
//!   frame takes to be written; whatever works on files, or asks a remote, has another lock, and passes the gate only
//!   to look at what waits or to say what became of it.
//! * **A publish takes what waits at one moment.** What is accepted from then on waits for the next; what the publish
//!   took stays in sight until the ledger accounts for it, and is put back where the publish fails.
//! * **Frames and what waits are in one order.** Both happen under the gate, so the last frame that a publish took
//!   stands for all frames of the series before it, and the journal keeps those behind it.

mod cut;
mod full;
mod intake;
mod late;
mod live;
mod odd;
mod page;
mod recent;
mod rows;
mod series;
mod unfillable;
mod vouch;
mod waiting;

pub(crate) use cut::Taken;
pub(crate) use late::EARLIER;
pub use live::LiveRows;
pub use page::Accepted;
pub(crate) use series::{OpenSeries, Written};

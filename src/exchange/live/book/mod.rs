//! Order books kept from updates, without input or output: two sides, the exchange's rules as data, and whether a book
//! is in step with its exchange.
//!
//! Decisions:
//!
//! * **A book is in step only while each update proves itself**: by its number, by a checksum, or, where an exchange has
//!   neither, by the connection alone. One that does not puts the book out of step, and nothing of it is believed before
//!   a fresh whole book.
//! * **A doubled update is passed over only where it has the number of the last one.** Any other number that does not
//!   follow is a hole, so that a wrong number never makes later updates look old.
//! * **Where updates have no numbers, their instants do not fall**: two that each replace the same level are both right by
//!   a checksum, in either order.
//! * **Sides that cross put a book out of step**, unless a checksum of the same update says that the exchange has it so.
//! * **A kept book ends where it is known to end**: levels behind a whole book that was cut are left out, and where few
//!   are left of it, a deeper one is asked for beside it and takes its place at the same update.

mod audit_outcome;
mod change;
mod checksum;
mod comparison;
mod ids;
mod kept;
mod live_book;
mod read;
mod recorder;
mod resync;
mod rules;
mod side;
mod text;
mod waiting;
mod wish;
mod witness;

pub use audit_outcome::AuditOutcome;
pub(crate) use change::Change;
pub use checksum::Checksum;
pub(crate) use comparison::Comparison;
pub use kept::{Book, Spread};
pub use live_book::BookFault;
pub(crate) use live_book::{Effect, LiveBook};
pub(crate) use read::{
    Array, BookSink, BookWire, Levels, Object, ReadMembers, ReadRows, read_object, read_rows,
};
pub(crate) use recorder::{Recorder, Stamp};
pub(crate) use resync::Resync;
pub(crate) use rules::{BookRules, Chain, Proof, Source};
pub use side::BookSide;
pub use wish::BookWish;

pub use crate::exchange::reading::book_rows::Level;

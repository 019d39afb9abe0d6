//! Live protocols without input or output: what an exchange sends over WebSockets, and conversations about it.
//!
//! An exchange describes its lines and offers as data ([`Line`], [`LiveOffer`]) and its frames as a dialect; asking for
//! topics at the pace a line allows, acknowledgements, numbers left out and the closing of candles are written once, here.
//! [`Session`] tells what a driver does.
//!
//! Decisions:
//!
//! * **What a topic covers is asked for, not told**: a driver needs it in the moment it hands rows over, so that the two
//!   fit, and holes are the only exceptions, each an event.
//! * **Rows are written as they came.** One that fills a hole is a row, one that is known to have come before is left out
//!   by number and instant; whether a row is late is the store's to see.
//! * **A running candle is never a row.** Where the exchange says which candle is closed, that is believed and nothing
//!   else; where it does not, a candle is closed by the next one or by the exchange's own time, and a frame that could not
//!   be read makes the running one doubtful until it is told anew.
//! * **An instant ahead of our idea of the exchange's clock is not believed**: of rows a minute, of what closes candles no
//!   more than their grace, so that one wrong number closes none early.

pub(crate) mod address;
mod asking;
mod audited_book;
pub(crate) mod book;
mod book_audit;
mod book_sink;
pub(crate) mod book_topic;
mod candle_doubt;
pub(crate) mod candle_topic;
mod clock;
pub(crate) mod conversation;
pub(crate) mod dialect;
mod event;
pub(crate) mod frame_handler;
mod line;
mod numbers;
mod offered;
mod pace;
mod put;
mod received;
pub(crate) mod rows;
mod session;
pub(crate) mod spoken;
mod topic;
pub(crate) mod topics;
mod trade_topic;

pub use book::{AuditOutcome, Book, BookFault, BookSide, BookWish, Checksum, Level, Spread};
pub use event::{BrokenReason, Event, Hole, HoleReason};
pub use line::{Line, LineLimits, Ping, Rate};
pub use offered::{Live, LiveOffer};
pub use received::{Counts, Received};
pub use session::{NotOffered, PresentBook, Session, TopicCounts};
pub use topic::{Mark, Now, Topic, TopicId};

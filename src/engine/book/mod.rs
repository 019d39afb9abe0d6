//! Stored order books, rebuilt: as of an instant, or update by update over a window.
//!
//! No engine is needed: the files are read as they are, beside a process that writes them.
//!
//! ```no_run
//! # fn rebuilt() -> Result<(), Box<dyn std::error::Error>> {
//! use dccd::engine::book::{BookError, StoredBook};
//! use dccd::model::{Micros, Window, Zone};
//!
//! let book = StoredBook::new("data/crypto", &"binance/BTC-USDT/orderbook".parse()?)?;
//! let at = Micros::parse("2026-01-31T12:03:07.250Z", &Zone::UTC)?;
//! match book.as_of(at) {
//!     Ok(state) => println!("{:?} {:?}, update {}", state.bids().next(), state.asks().next(), state.ord),
//!     Err(BookError::NotCovered { uncovered, .. }) => println!("not known {uncovered}"),
//!     Err(error) => return Err(error.into()),
//! }
//!
//! let minute = Window { from: at, until: Micros(at.0 + 60_000_000) };
//! let mut walk = book.walk(minute)?;
//! while let Some(state) = walk.next()? {
//!     println!("{} {} levels", state.ts, state.bids().len() + state.asks().len());
//! }
//! # Ok(())
//! # }
//! ```

mod ask;
mod present;

pub(crate) use self::ask::{AskError, Asked, answer, uncovered};
pub use crate::store::book::{BookError, BookState, BookWalk, Level, StoredBook, Uncovered};

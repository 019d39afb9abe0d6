//! Pure values shared by every room: instants, spans, pairs, series, windows and batches of rows.
//!
//! Nothing here touches a socket, a file, a clock or a runtime.
//!
//! Decisions:
//!
//! * **External text enters through one function** (`model/text.rs`): it is escaped and bounded where an error, a
//!   remote's message or a ledger's reason is made into text, and again where a terminal, a page or a log displays
//!   it. JSON keeps the values and escapes the same characters.
//! * **Selectors are one function** (`model/selector.rs`) over the names of a series; a prefix must end at a `/`,
//!   so that a typing error cannot match another pair.

mod batch;
mod column;
mod figures;
mod kind;
mod odd;
mod pair;
mod pattern;
mod rows;
mod schema;
mod selector;
mod series;
mod span;
mod text;
mod time;
mod window;

pub use batch::Batch;
#[doc(hidden)]
pub use column::{Column, Texts, Values};
pub(crate) use figures::{bytes, thousands};
pub use kind::{Kind, Side};
pub use odd::{OddFault, OddRow};
pub use pair::{Market, Pair, PairError};
pub use pattern::PairPattern;
pub use rows::{
    BookLevel, BookRows, Candle, Candles, FundingRate, FundingRates, OpenInterest, OpenInterests, Trade,
    Trades,
};
pub(crate) use schema::ts_index;
#[doc(hidden)]
pub use schema::{Field, Type, fields};
pub(crate) use selector::matches_selector;
#[doc(hidden)]
pub use selector::{NoMatch, select};
pub use series::{Series, SeriesError};
pub use span::{Grid, Span, SpanError};
pub(crate) use text::escaped;

#[doc(hidden)]
pub use text::{foreign, is_hidden};
pub use time::{Micros, TimeError, Zone};
pub use window::{Window, Windows};

//! Exchange protocols without input or output: what to ask, and what an answer says.
//!
//! An exchange is one folder that implements [`Exchange`] and one line in [`ALL`]. It builds requests and
//! parses bytes straight into columns; sockets, clocks, retries and files belong to other rooms.
//!
//! Decisions:
//!
//! * **What has a host, limits and pages of its own is an exchange of its own**, as Kraken's derivatives and
//!   Binance's coin-margined contracts are: an offer is found by kind and market alone.
//! * **A dated pair is one contract at a time**: the one that had its name then, from the end of the contract
//!   before it on. A process that sees a contract end asks for what is missing of it for another day; what only
//!   an earlier contract had is unfillable, never filled from its successor. Where an exchange itself continues
//!   candles over contracts (`is_continuous`), they are asked for as far back as they go.
//! * **A listing date is believed only where the first row cannot be looked for**, and then a month more is
//!   asked for: a date that is given may be later than the first rows. Two requests look for the first row
//!   everywhere else.
//! * **Where 3-day candles open is documented nowhere**, so rows of that one span are not held to a grid.
//! * **JSON numbers are read to the last bit** (`float_roundtrip`): prices that come as numbers are stored as
//!   sent.

mod binance;
mod bitfinex;
mod bitmex;
mod books;
mod budget;
mod bybit;
mod coinbase;
mod decimal;
mod error;
mod kraken;
mod krakenfutures;
mod listing;
pub mod live;
mod names;
mod offer;
mod okx;
mod page;
mod paging;
mod parsed;
mod protocol;
mod quarter;
mod reading;
mod registry;
mod request;

pub use books::{BookNews, Books};
pub use budget::{Budget, Quota};
pub use decimal::{Count, Decimal};
pub use error::{ParseError, Refusal, RefusalKind, excerpt};
pub use listing::{Contract, Instrument, Listing, OddEntry};
pub use names::AssetNames;
pub use offer::{Bounds, Direction, History, Offer, Probe, SpanOffer};
pub use page::{Answer, Ask, Next, Page};
pub use parsed::Parsed;
pub use protocol::{Exchange, Profile};
pub use registry::{ALL, add, find, names};
pub use request::HttpRequest;

#[doc(hidden)]
pub use paging::{Edge, Gone, SetAside, Step, Walk};

pub use crate::model::{OddFault, OddRow};

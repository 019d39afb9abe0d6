//! Exchange protocols without input or output: what to ask, and what an answer says.
//!
//! An exchange is one folder that implements [`Exchange`] and one line in [`ALL`]. It builds requests and
//! parses bytes straight into columns; sockets, clocks, retries and files belong to other rooms.

mod binance;
mod bitfinex;
mod bitmex;
mod budget;
mod bybit;
mod coinbase;
mod decimal;
mod error;
mod kraken;
mod krakenfutures;
mod listing;
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

pub use budget::{Budget, Quota};
pub use decimal::{Count, Decimal};
pub use error::{ParseError, Refusal, RefusalKind, excerpt};
pub use listing::{Contract, Instrument, Listing, OddEntry};
pub use names::AssetNames;
pub use offer::{Bounds, Direction, History, Offer, Probe, SpanOffer};
pub use page::{Answer, Ask, Next, Page};
pub use parsed::Parsed;
pub use protocol::{Exchange, Profile};
pub use registry::{ALL, find, names};
pub use request::HttpRequest;

pub use paging::{Edge, Gone, SetAside, Step, Walk};

pub use crate::model::{OddFault, OddRow};

//! Jobs: compare what is wanted with what is stored, then fetch, prove and store the rest.
//!
//! A run is one execution of a job for one series, however many windows it has. It requests only what is not
//! settled, keeps whatever it stored if it is interrupted, and leaves what it could not get as a gap with a
//! reason, for the next run to fill.
//!
//! Decisions:
//!
//! * **Holes between stored rows are filled last, within 30 % of the exchange's limit**, by the daemon's own runs;
//!   `repair` first hashes every file and may use the whole limit.
//! * **Candles an exchange no longer serves are computed from its trades**, bucket by bucket, once trades prove
//!   the whole bucket; the exchange's own candle replaces them.

mod again;
mod coverage;
mod derive;
mod ends;
mod error;
mod failures;
mod fetch;
mod first;
mod fresh;
mod handle;
mod listings;
mod odd;
mod older;
mod order;
pub mod plan;
mod prepare;
mod run;
mod scope;
mod snapshot;
pub(crate) mod stream;
mod threads;
mod turn;
mod walks;

pub use coverage::coverage;
pub use error::{FetchError, RunError, RunErrorKind};
pub use fetch::Retry;
pub use order::{Context, Instruments, Order, Outcome, Precedence, Progress, Since};
pub use run::run;
pub(crate) use run::tell_finding;
pub(crate) use run::tell_flush;
#[doc(hidden)]
pub use stream::Pipeline;

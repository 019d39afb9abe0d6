//! Jobs: what is wanted compared with what is held, fetched, proven and stored.
//!
//! A run is one execution of a job for one series, however many windows it has. It asks only for what is
//! not settled, keeps whatever it stored when it is cut short, and leaves what it could not get as a gap
//! with its reason, for the next run to fill.
//!
//! Decisions:
//!
//! * **Holes between what is held are filled last, within 30 % of the exchange's limit**, by the runs of the
//!   daemon themselves; `repair` hashes every file first and spends all of it.
//! * **Candles an exchange no longer gives are computed from its trades**, bucket by bucket, once trades prove
//!   the whole bucket; its own candle replaces them.

mod coverage;
mod derive;
mod ends;
mod error;
mod failures;
mod fetch;
mod first;
mod fresh;
mod handle;
mod odd;
mod older;
mod order;
pub mod plan;
mod prepare;
mod run;
mod scope;
mod turn;
mod walks;

pub use coverage::coverage;
pub use error::{FetchError, RunError, RunErrorKind};
pub use fetch::Retry;
pub use order::{Context, Instruments, Order, Outcome, Progress, Since};
pub use run::{run, tell_finding, tell_flush};

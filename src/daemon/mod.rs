//! The daemon: every job on its schedule, one site of shared clients and stores, and a graceful end.

mod copies;
mod job;
mod keeper;
mod pulse;
mod schedule;
mod scheduler;
mod site;
mod tracked;
mod watchdog;
mod worker;

pub use copies::{Copies, target};
pub use job::Job;
pub use pulse::Pulse;
pub use schedule::Rhythm;
pub use scheduler::{STOP_WITHIN, Scheduler};
pub use site::{Site, SiteError, now};
pub use tracked::Turn;
pub use watchdog::Watchdog;

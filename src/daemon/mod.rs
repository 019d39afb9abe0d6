//! The daemon: every job on its schedule, one site of shared clients and stores, and a graceful end.

mod board;
mod census;
mod control;
mod copies;
mod drain;
mod errands;
mod job;
mod keeper;
mod late;
mod places;
mod pulse;
mod reload;
mod schedule;
mod scheduler;
mod site;
mod stretch;
mod tables;
mod tracked;
mod watchdog;
pub mod wire;
mod work;
mod worker;

pub use board::{Board, Told};
pub use control::{Control, Refusal};
pub use copies::{Copies, target};
pub use job::Job;
pub use places::Changes;
pub use pulse::Pulse;
pub use reload::{ReloadAnswer, ReloadError, Reloaded};
pub use schedule::Rhythm;
pub use scheduler::{STOP_WITHIN, Scheduler};
pub use site::{Site, SiteError, now};
pub use watchdog::Watchdog;
pub use work::{Done, DueJob, Files, How, Report, Work, carry_out, open_gaps};

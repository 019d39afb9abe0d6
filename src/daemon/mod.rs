//! The long-running part of the program: runs every job on its schedule, serves requests, and reports its health.
//!
//! Decisions:
//!
//! * **The daemon binds its addresses before it takes its data path**, and one-shot commands bind none: a busy
//!   port never stops a `collect` run by hand.
//! * **`health.json` is not synced.** It describes the present, and after a power cut it is recognisably old. The
//!   health reporter writes it beside the scheduler, so that a stuck scheduler shows, and takes the store's write
//!   lock, so that a locked or read-only store shows too.
//! * **`daemon::Control` is the only way to act on a running daemon.** A command finds the daemon by its socket,
//!   never by its lock, and sends the very orders it would otherwise run itself. Progress goes over a feed that
//!   keeps the latest progress and every report, so that a slow reader delays nothing and a lost one ends nothing.
//!   Requests have as many slots of their own as the schedule. A new action needs a method of `Control`, a command
//!   if the scheduler takes part, and a route with its access level.
//! * **A running daemon works on every window that is due, wherever it was planned.** It polls once a second for
//!   windows that are due and for jobs that are due earlier than the schedule has them, so `jobs retry`, a killed
//!   command and a dead worker need no messages. Cancelled work leaves no task; an exhausted window is tried again
//!   after an hour.
//! * **Queue figures come from the last count**, taken at most once a second and in at most a twentieth of the
//!   time; triggers keep the counts by state, and only due tasks are counted, by their index.
//! * **The metric history is sampled and written by a task of its own**, beside the scheduler and up to the end of the
//!   server, so that runs which end late are in it; closing the engine writes the last minute.
//! * **A reload is all or nothing**: the whole file is checked first, the scheduler then switches jobs at once,
//!   and runs under way finish as they began. Settings of the process (data path, addresses, store, clients with
//!   their limits and bans) wait for the next start, and the reload reports so.

mod acting;
mod alerts;
mod catalogue_refresher;
mod command;
mod condition;
mod configuration;
mod control;
mod files;
mod health_reporter;
mod history_sampler;
mod liveness;
mod overview;
mod queues;
mod reading;
mod refusal;
mod reload;
mod requests;
mod schedule;
mod scheduler;
mod snapshot;
mod status;
mod stream_rates;
mod tables;
mod task_poller;
mod turns;
mod watchdog;

pub(crate) use acting::WorkRefusal;
pub use catalogue_refresher::CatalogueRefresher;
pub(crate) use condition::troubles;
pub use condition::{Condition, Trouble};
pub(crate) use configuration::{ConfigEditError, exchanges};
pub use control::{Control, Scope};
pub(crate) use files::VerifyError;
pub use health_reporter::HealthReporter;
pub use history_sampler::HistorySampler;
pub use liveness::{FRESH_SECS, Liveness, STUCK_SECS, WRITTEN_EVERY_SECS};
pub(crate) use overview::overview;
pub use refusal::Refusal;
pub use reload::{ReloadError, Reloaded};
pub use schedule::Changes;
pub use scheduler::{STOP_WITHIN, Scheduler};
pub use snapshot::{
    AlertView, DiskView, ExchangeView, Freshness, OutOfStep, QueueSums, QueueView, RemoteView, Snapshot,
    StoreView, StreamView, WorkerView,
};
pub use status::{JobRow, STARTING, STOPPING, STUCK, Status};
pub use task_poller::TaskPoller;
pub use watchdog::Watchdog;

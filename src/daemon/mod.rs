//! What runs for long on a data path in use: every job on its schedule, what people ask for, and how it is.
//!
//! Decisions:
//!
//! * **The daemon takes its addresses before its data path**, and the one-shot commands take no address: a busy
//!   port never stops collecting by hand.
//! * **`health.json` is not synced.** It speaks of the present; after a power cut it is old by itself. The
//!   health reporter writes it beside the scheduler, so that a stuck one shows, and asks the store for the right to
//!   write, so that a locked or read-only one shows too.
//! * **One handle, `daemon::Control`, is all that acts on a running daemon.** A command finds the daemon by its
//!   socket, never by its lock, and hands over the very orders it would run itself; their progress goes over a
//!   feed that keeps the last progress and every report, so that a slow reader holds nothing up and a lost one
//!   ends nothing. What people ask for has as many slots of its own as the schedule. A further action is a
//!   method of `Control`, a command of the scheduler where it must know, and a route with its level of access.
//! * **A running daemon does every window that is due, wherever it was planned.** It looks each second for
//!   windows that are due and for jobs whose rows are due before the schedule has them, so `jobs retry`, a
//!   killed command and a dead worker need no messages. Work that is cancelled leaves no task; an exhausted
//!   window comes again after an hour.
//! * **Queues are answered from the last count**, taken once a second and in no more than a twentieth of the
//!   time; states are counted by triggers, and only what is due is counted in its index.
//! * **A reload is all or nothing**: the whole file is checked first, the scheduler takes in the jobs at once,
//!   and a run under way goes on as it began. What belongs to the process (data path, addresses, store, clients
//!   with their limits and bans) waits for the next start, and says so.

mod command;
mod condition;
mod control;
mod health_reporter;
mod liveness;
mod queues;
mod refusal;
mod reload;
mod requests;
mod schedule;
mod scheduler;
mod snapshot;
mod status;
mod tables;
mod task_poller;
mod watchdog;

pub use condition::{Condition, Trouble, troubles};
pub use control::Control;
pub use health_reporter::HealthReporter;
pub use liveness::{FRESH_SECS, Liveness, STUCK_SECS, WRITTEN_EVERY_SECS};
pub use refusal::Refusal;
pub use reload::{ReloadError, Reloaded};
pub use schedule::Changes;
pub use scheduler::{STOP_WITHIN, Scheduler};
pub use snapshot::{DiskView, ExchangeView, QueueSums, QueueView, Snapshot, StoreView, WorkerView};
pub use status::{JobRow, STARTING, STOPPING, STUCK, Status};
pub use task_poller::TaskPoller;
pub use watchdog::Watchdog;

//! The daemon: every job on its schedule, one site of shared clients and stores, and a graceful end.
//!
//! Decisions:
//!
//! * **The daemon takes its addresses before its data path**, and the one-shot commands take no address: a busy
//!   port never stops collecting by hand.
//! * **Publishing what waits may wait for a remote**, so it is a task of its own beside the one that keeps the
//!   journal durable.
//! * **`health.json` is not synced.** It speaks of the present; after a power cut it is old by itself. The
//!   pulse writes it beside the scheduler, so that a stuck one shows, and asks the store for the right to
//!   write, so that a locked or read-only one shows too.
//! * **One handle, `daemon::Control`, is all that acts on a running daemon.** A command finds the daemon by its
//!   socket, never by its lock, and hands over the very orders it would run itself; their progress goes over a
//!   board that keeps the last progress and every report, so that a slow reader holds nothing up and a lost one
//!   ends nothing. What people ask for has as many slots of its own as the schedule. A further action is a
//!   method of `Control`, a command of the scheduler where it must know, and a route with its level of access.
//! * **A running daemon does every window that is due, wherever it was planned.** It looks each second for
//!   windows that are due and for jobs whose rows are due before the schedule has them, so `jobs retry`, a
//!   killed command and a dead worker need no messages. Work that is cancelled leaves no task; an exhausted
//!   window comes again after an hour.
//! * **Queues are answered from the last count**, taken once a second and in no more than a twentieth of the
//!   time; states are counted by triggers, and only what is due is counted in its index.
//! * **A state store that failed counts as away until it answers the worker's probe**: no run waits for it, and
//!   ends and health are kept and given to it before the next attempt at the same task begins.
//! * **A clock that is set forward ends no lease of this process**: leases are renewed by the new time before
//!   expired ones are looked for.
//! * **A reload is all or nothing**: the whole file is checked first, the scheduler takes in the jobs at once,
//!   and a run under way goes on as it began. What belongs to the process (data path, addresses, store, clients
//!   with their limits and bans) waits for the next start, and says so.
//! * **A series runs a little later than its schedule says, by a share of its interval drawn from its name**,
//!   at most 2 % and 30 s: a thousand jobs do not ask at once, and each keeps its beat over restarts.

mod board;
mod census;
mod control;
mod copies;
mod copying;
mod desk;
mod drain;
mod errands;
mod fleet;
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

pub use crate::store::SOCKET;
pub(crate) use board::is_worth_telling;
pub use board::{Board, Told};
pub use control::{Control, Refusal};
pub use copies::{Copies, target};
pub use copying::{Brought, CopyAsked, CopyTold, NotCopied, RemoteSynced};
pub use job::Job;
pub use places::Changes;
pub use pulse::Pulse;
pub use reload::{ReloadAnswer, ReloadError, Reloaded};
pub use schedule::Rhythm;
pub use scheduler::{STOP_WITHIN, Scheduler};
pub use site::{Broken, Site, SiteError, now};
pub use watchdog::Watchdog;
pub use work::{Done, DueJob, Files, How, Report, Work, carry_out, open_gaps};

//! Tasks: who works on what under a lease, the result of every attempt, and the work that waits.
//!
//! `state` defines what may happen to a task, independently of any store. [`Tracker`] keeps tasks in SQLite or
//! PostgreSQL, depending on the [`crate::db::Database`]. Every change of a task is one transaction, and settling a
//! task requires its fence, which proves that no other worker took it meanwhile. The tracker knows no exchange and
//! does no work of its own.

mod admin;
mod change;
mod claim;
mod connection;
mod counts;
mod due;
mod enqueue;
mod error;
mod guard;
mod merge;
mod owner;
mod prune;
mod refusal;
mod rows;
mod settle;
mod sql;
mod state;
mod status;
mod store;
mod task;
mod verdict;
mod worker;

pub use admin::{Filter, RunFilter};
pub use claim::Claimer;
pub use counts::{Drift, QueueCounts};
pub use enqueue::{Enqueued, NewTask, stream_id};
pub use error::TrackerError;
pub use guard::{Running, StartError};
pub use merge::EXHAUSTED_REST;
pub use owner::{Owner, SeriesFence};
pub use prune::{Pruned, Retention};
pub use refusal::Refusal;
pub use rows::{Attempt, Claim, Run, WorkerRow, WorkerState};
pub use settle::{HeldLease, Renewed};
pub use status::{Priority, Status, TaskKind};
pub use store::Tracker;
pub use task::{Lease, Start, Task};
pub use verdict::{Fault, Next, Verdict, outcome};
pub use worker::Beat;

//! Why an operation on a task is refused. Pure.

use thiserror::Error;

use crate::model::Micros;
use crate::tracker::status::Status;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Another worker holds it.
    #[error("{id} is locked by {worker} until {until}; wait, or free it with `dccd jobs unlock {id}`")]
    TaskLocked {
        /// The task.
        id: String,
        /// Its holder.
        worker: String,
        /// When the lease expires, unless it is renewed.
        until: Micros,
    },
    /// It has used up its attempts.
    #[error(
        "{id} failed {attempts} times and is not tried again; see `dccd jobs show {id}`, then `dccd jobs retry {id}`"
    )]
    NoMoreRetries {
        /// The task.
        id: String,
        /// The number of attempts.
        attempts: u32,
    },
    /// It is ignored until it is retried.
    #[error("{id} is ignored ({reason}); `dccd jobs retry {id}` takes that back")]
    Ignored {
        /// The task.
        id: String,
        reason: String,
    },
    /// It has already succeeded.
    #[error("{id} has succeeded already; `dccd jobs retry --force {id}` has it done again")]
    AlreadySucceeded {
        /// The task.
        id: String,
    },
    /// There is no such task.
    #[error("there is no task {id}; `dccd jobs ls` shows what there is")]
    NotFound {
        /// The requested id.
        id: String,
    },
    /// A worker holds it.
    #[error("{id} is being worked on by {worker}; cancel or unlock it first")]
    InProgress {
        /// The task.
        id: String,
        /// Its holder.
        worker: String,
    },
    /// No worker holds it.
    #[error("{id} is {status}, nobody works on it")]
    NotRunning {
        /// The task.
        id: String,
        /// Its state.
        status: Status,
    },
    /// The lease has expired, and another worker may hold the task now.
    #[error("the lease on {id} is lost; what this attempt did is not recorded")]
    LeaseLost {
        /// The task.
        id: String,
    },
}

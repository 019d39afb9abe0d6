//! Reasons why a running daemon refuses a request.

use thiserror::Error;

use crate::db::DbError;
use crate::engine::EngineError;
use crate::model::{NoMatch, foreign};

/// Why a request is refused.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A selector matches no job.
    #[error("no job matches `{}`; {} (`dccd status --wide` lists all)", foreign(&.0.asked), .0.advice())]
    NoSuchJob(NoMatch),
    /// The queue is full.
    #[error("too much work waits already; ask again when some of it is done")]
    TooMuch,
    /// No remote is configured.
    #[error("this daemon has no remote; it takes in `storage.remotes` at its next start")]
    NoRemote,
    /// The scheduler has ended or is stuck.
    #[error("the daemon does not take orders now; it is stopping, or `dccd healthcheck` says what is wrong")]
    NoAnswer,
    /// The change could not be saved in the state store.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The series could not be registered with the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

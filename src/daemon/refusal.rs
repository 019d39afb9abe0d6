//! Why a running daemon does not do what it was asked.

use thiserror::Error;

use crate::db::DbError;
use crate::engine::EngineError;
use crate::model::{NoMatch, foreign};

/// Why the daemon does not do what it was asked.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Nothing of that name is configured.
    #[error("no job matches `{}`; {} (`dccd status --wide` lists all)", foreign(&.0.asked), .0.advice())]
    NoSuchJob(NoMatch),
    /// More waits already than is taken.
    #[error("too much work waits already; ask again when some of it is done")]
    TooMuch,
    /// There is nothing to copy to.
    #[error("this daemon has no remote; it takes in `storage.remotes` at its next start")]
    NoRemote,
    /// The scheduler ended or is stuck.
    #[error("the daemon does not take orders now; it is stopping, or `dccd healthcheck` says what is wrong")]
    NoAnswer,
    /// The state store could not keep it.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The series could not be made known to the data path in use.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

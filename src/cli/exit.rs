//! Exit codes, as the command line documents them.

use std::io;
use std::process::ExitCode;

use crate::engine::{EngineError, How};
use crate::store::StoreError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: something that was requested failed.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 69: the address to listen on is in use.
    AddressInUse,
    /// 74: the storage failed; nothing was acknowledged falsely.
    Storage,
    /// 75: the data path is in use by another process.
    DataPathInUse,
    /// 78: the configuration is refused.
    Config,
    /// 130, as of a program that SIGINT ended: Ctrl-C came before everything was done.
    Interrupted,
    /// 141, as of a program that SIGPIPE ended: the reader of the output closed it early.
    ReaderGone,
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::AddressInUse => 69,
            Exit::Storage => 74,
            Exit::DataPathInUse => 75,
            Exit::Config => 78,
            Exit::Interrupted => 130,
            Exit::ReaderGone => 141,
        }
    }

    /// Done, or failed.
    pub(crate) fn of(done: bool) -> Self {
        if done { Exit::Done } else { Exit::Failed }
    }

    /// How one run ended.
    pub(crate) fn of_run(how: How) -> Self {
        match how {
            How::Done => Exit::Done,
            How::Storage => Exit::Storage,
            How::Skipped(_) | How::Stopped | How::Refused | How::Failed => Exit::Failed,
        }
    }

    /// The worse of two, in this order: data path in use, storage, any failure, a reader that went away.
    pub(crate) fn or_worse(self, other: Exit) -> Self {
        match (self, other) {
            (_, Exit::DataPathInUse) => Exit::DataPathInUse,
            (Exit::Done | Exit::ReaderGone, other) if other != Exit::Done => other,
            (Exit::Failed, Exit::Storage) => Exit::Storage,
            (worse, _) => worse,
        }
    }

    /// Why an address could not be listened on.
    pub(crate) fn of_bind(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Exit::AddressInUse,
            _ => Exit::Failed,
        }
    }

    /// Why a data path could not be put to use.
    pub(crate) fn of_engine(error: &EngineError) -> Self {
        match error {
            EngineError::Store(StoreError::InUse { .. }) => Exit::DataPathInUse,
            EngineError::Net(_) | EngineError::Remote(_) => Exit::Config,
            EngineError::Store(_)
            | EngineError::Db(_)
            | EngineError::Tracker(_)
            | EngineError::Health { .. } => Exit::Storage,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

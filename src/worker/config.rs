//! How a worker is configured.

use std::time::Duration;

use crate::tracker::Retention;

/// Which of its things a worker shares with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// None: the state store is embedded in its data path.
    Nothing,
    /// The state store; each worker keeps its series.
    Store,
    /// The state store and a bucket, so that any worker can take a series over and each owns its share.
    StoreAndBucket,
}

/// How a process works among others.
#[derive(Clone, Debug)]
pub(crate) struct WorkerConfig {
    /// The configured name, if there is one.
    pub(crate) id: Option<String>,
    pub(crate) slots: u32,
    pub(crate) lease: Duration,
    pub(crate) retention: Retention,
    pub(crate) sharing: Sharing,
    /// Whether it runs jobs by itself, not only on request.
    pub(crate) is_daemon: bool,
}

impl WorkerConfig {
    /// Whether no other worker uses its state store.
    pub(crate) fn is_alone(&self) -> bool {
        self.sharing == Sharing::Nothing
    }
}

//! What a worker is told about itself.

use std::time::Duration;

use crate::tracker::Retention;

/// How a process works among others.
#[derive(Clone, Debug)]
pub(crate) struct WorkerConfig {
    /// The configured name, if there is one.
    pub(crate) id: Option<String>,
    pub(crate) slots: u32,
    pub(crate) lease: Duration,
    pub(crate) retention: Retention,
    /// Nobody else has jobs in this store, so those that are configured no more wait for nobody.
    pub(crate) is_alone: bool,
    /// Others can take its series over, so it owns its share of them.
    pub(crate) is_spread: bool,
    /// It runs jobs by itself, and not only what it is told to.
    pub(crate) is_daemon: bool,
}

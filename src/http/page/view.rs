//! The data the page is rendered from.

use crate::daemon::{JobRow, Snapshot};

pub(in crate::http) struct View<'a> {
    /// The last snapshot of the daemon.
    pub(in crate::http) snapshot: &'a Snapshot,
    /// Its jobs, in the order of the configuration.
    pub(in crate::http) jobs: &'a [JobRow],
    /// The reasons for not being ready.
    pub(in crate::http) unready: &'a [String],
}

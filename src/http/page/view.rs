//! What the page is made of.

use crate::daemon::{JobRow, Snapshot};

pub(in crate::http) struct View<'a> {
    /// The daemon as it was last looked at.
    pub(in crate::http) snapshot: &'a Snapshot,
    /// Its jobs, in the order of the configuration.
    pub(in crate::http) jobs: &'a [JobRow],
    /// Why it is not ready.
    pub(in crate::http) unready: &'a [String],
}

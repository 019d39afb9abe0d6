//! The topics of a connection, shared by its listener, the acceptor and its owner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::exchange::live::TopicId;
use crate::jobs::stream::live_series::LiveSeries;
use crate::jobs::stream::quiet::Quiet;
use crate::model::Micros;

/// A topic of a connection.
pub(crate) struct ListenedTopic {
    pub(crate) live: LiveSeries,
    pub(crate) quiet: Quiet,
    /// Whether the present connection has covered anything of it.
    pub(super) is_linked: bool,
    /// Where the last success ended.
    pub(super) counted: Option<Micros>,
}

impl ListenedTopic {
    pub(crate) fn new(live: LiveSeries) -> Self {
        ListenedTopic { live, quiet: Quiet::new(Instant::now()), is_linked: false, counted: None }
    }

    /// Has whatever is missing fetched once it is covered again.
    pub(crate) fn unlink(&mut self) {
        self.is_linked = false;
    }
}

/// The topics of a connection, shared with its owner.
#[derive(Clone, Default)]
pub(crate) struct Topics(Arc<Mutex<BTreeMap<TopicId, ListenedTopic>>>);

impl Topics {
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicId, ListenedTopic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

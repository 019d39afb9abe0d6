//! A run's handle on its series: what touches files happens off the runtime's threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinError;

use crate::model::{Window, Windows};
use crate::store::{Ledger, Writer};
use crate::telemetry::trace;

/// The writer of a run's series, shared with the work on files that is under way.
#[derive(Clone, Debug)]
pub(super) struct Handle(Arc<Mutex<Writer>>);

impl Handle {
    pub(super) fn new(writer: Writer) -> Self {
        Handle(Arc::new(Mutex::new(writer)))
    }

    /// Does work on files off the runtime's threads.
    ///
    /// # Errors
    /// Where the work panicked.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let own = self.clone();
        let work = move || work(&mut own.writer());
        tokio::task::spawn_blocking(trace::carried(work)).await
    }

    /// Looks at what is in memory. Nothing that touches files may happen in it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Writer) -> T) -> T {
        look(&self.writer())
    }

    /// Changes what the ledger says beside coverage; the next flush writes it.
    pub(super) fn account(&self, change: impl FnOnce(&mut Ledger)) {
        self.writer().account(change);
    }

    /// Time that need not be asked for now, accepted pages included.
    pub(super) fn settled(&self) -> Windows {
        self.look(Writer::settled)
    }

    /// Takes back what two empty answers claimed of a window; gives the parts that are open again.
    pub(super) fn doubt_empty(&self, window: Window) -> Windows {
        self.writer().doubt_empty(window)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

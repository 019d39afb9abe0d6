//! The memory of the updates of one connection that wait for whole books, as its part of the exchange's gauge.

use crate::telemetry::Telemetry;
use crate::telemetry::events::BookUpdatesWait;

/// Takes its part back when it is dropped.
pub(crate) struct WaitingUpdates {
    exchange: &'static str,
    telemetry: Telemetry,
    bytes: usize,
}

impl WaitingUpdates {
    pub(crate) fn new(exchange: &'static str, telemetry: Telemetry) -> Self {
        WaitingUpdates { exchange, telemetry, bytes: 0 }
    }

    /// So many bytes wait by now.
    pub(crate) fn set(&mut self, bytes: usize) {
        let change = bytes as i64 - self.bytes as i64;
        self.bytes = bytes;
        self.telemetry.emit(BookUpdatesWait { exchange: self.exchange, change });
    }
}

impl Drop for WaitingUpdates {
    fn drop(&mut self) {
        self.set(0);
    }
}

//! Questions to a running daemon about files: the log, and whether stored ones are whole.

use std::sync::Arc;

use thiserror::Error;

use crate::api::{LogsAsked, LogsPage, Verified};
use crate::clock::now;
use crate::daemon::Control;
use crate::engine::series::{OneError, line_of, verified};
use crate::engine::{LogsError, log_lines};

/// Why files were not checked.
#[derive(Debug, Error)]
pub(crate) enum VerifyError {
    /// There is no such series, or it cannot be read.
    #[error(transparent)]
    One(#[from] OneError),
    /// Others are being checked.
    #[error("files are being checked for another request; try again when that is done")]
    Busy,
}

impl Control {
    /// The newest lines of the log.
    ///
    /// # Errors
    /// If the question is wrong, or the log cannot be read.
    pub(crate) async fn logs(&self, asked: LogsAsked) -> Result<LogsPage, LogsError> {
        let layout = self.engine().layout().clone();
        let reading = tokio::task::spawn_blocking(move || log_lines(&layout, &asked)).await;
        reading.unwrap_or_else(|error| Err(LogsError::Unreadable(std::io::Error::other(error))))
    }

    /// Checks every file of a series; one series at a time.
    ///
    /// # Errors
    /// If there is no such series, or another is being checked.
    pub(crate) async fn verify(&self, name: &str) -> Result<Verified, VerifyError> {
        let series = line_of(&self.known_series().await.map_err(OneError::from)?, name, now())?.series;
        let place = Arc::clone(self.verifying()).try_acquire_owned().map_err(|_| VerifyError::Busy)?;
        let layout = self.engine().layout().clone();
        let checking = move || {
            // It is given up when the check ends, whether anyone waits for it or not.
            let _place = place;
            verified(&layout, &series)
        };
        let checked = tokio::task::spawn_blocking(checking).await;
        Ok(checked.map_err(|error| OneError::Broken { reason: error.to_string() })?)
    }
}

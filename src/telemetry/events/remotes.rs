//! Events of copies to remotes, restored files, and files dropped here.

use std::error::Error;
use std::time::Duration;

use super::Chain;
use crate::model::{Micros, Series};
use crate::telemetry::{Event, SyncReason, Telemetry};

/// A remote is configured, with its state when the previous process ended.
pub struct RemoteKnown<'a> {
    /// Its name.
    pub remote: &'a str,
    /// The time between syncs; `None` if they are switched off.
    pub interval: Option<Duration>,
    /// Consecutive failed syncs.
    pub consecutive_errors: u32,
    /// When a sync last succeeded.
    pub last_success: Option<Micros>,
    /// Files not verified there.
    pub pending_files: u64,
    /// Their size in bytes.
    pub pending_bytes: u64,
}

impl Event for RemoteKnown<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (remotes, own) = (&telemetry.metrics().remotes, [self.remote]);
        remotes.declare(self.remote);
        remotes.interval.with_label_values(&own).set(self.interval.unwrap_or_default().as_secs_f64());
        remotes.consecutive_errors.with_label_values(&own).set(f64::from(self.consecutive_errors));
        let last = self.last_success.map_or(0.0, Micros::as_secs_f64);
        remotes.last_success.with_label_values(&own).set(last);
        telemetry.emit(SyncPending {
            remote: self.remote,
            files: self.pending_files,
            bytes: self.pending_bytes,
        });
    }
}

/// The files not verified on a remote were counted.
pub struct SyncPending<'a> {
    /// The remote.
    pub remote: &'a str,
    /// Files and ledgers.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Event for SyncPending<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (remotes, own) = (&telemetry.metrics().remotes, [self.remote]);
        remotes.pending_files.with_label_values(&own).set(self.files as f64);
        remotes.pending_bytes.with_label_values(&own).set(self.bytes as f64);
    }
}

/// A file or a ledger was sent and verified.
pub struct FileCopied<'a> {
    /// The remote.
    pub remote: &'a str,
    /// Its key there.
    pub key: &'a str,
    /// Its length.
    pub bytes: u64,
}

impl Event for FileCopied<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (remotes, own) = (&telemetry.metrics().remotes, [self.remote]);
        remotes.copied_files.with_label_values(&own).inc();
        remotes.copied_bytes.with_label_values(&own).inc_by(self.bytes);
        tracing::debug!(remote = self.remote, key = self.key, bytes = self.bytes, "copied and verified");
    }
}

/// A series could not be copied completely.
pub struct SeriesNotCopied<'a> {
    /// The remote.
    pub remote: &'a str,
    /// The series of the files.
    pub series: &'a Series,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for SeriesNotCopied<'_> {
    fn emit(self, _: &Telemetry) {
        tracing::warn!(remote = self.remote, series = %self.series, error = %Chain(self.error), "not copied");
    }
}

/// A sync ended with everything on the remote.
pub struct SyncSucceeded<'a> {
    /// The remote.
    pub remote: &'a str,
    /// When it ended.
    pub at: Micros,
    /// Its duration.
    pub took: Duration,
    /// Files and ledgers sent.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Event for SyncSucceeded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (remotes, own) = (&telemetry.metrics().remotes, [self.remote]);
        remotes.runs.with_label_values(&own).inc();
        remotes.duration.with_label_values(&own).observe(self.took.as_secs_f64());
        remotes.consecutive_errors.with_label_values(&own).set(0.0);
        remotes.last_success.with_label_values(&own).set(self.at.as_secs_f64());
        let (files, bytes, took) = (self.files, self.bytes, self.took);
        tracing::info!(remote = self.remote, files, bytes, ?took, "synced");
    }
}

/// A sync ended with something not copied.
pub struct SyncFailed<'a> {
    /// The remote.
    pub remote: &'a str,
    /// The first failure.
    pub error: &'a dyn Error,
    /// Its class.
    pub reason: SyncReason,
    /// Consecutive failed syncs, including this one.
    pub consecutive_errors: u32,
    /// Its duration.
    pub took: Duration,
}

impl Event for SyncFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (remotes, own) = (&telemetry.metrics().remotes, [self.remote]);
        remotes.runs.with_label_values(&own).inc();
        remotes.failures.with_label_values(&[self.remote, self.reason.name()]).inc();
        remotes.duration.with_label_values(&own).observe(self.took.as_secs_f64());
        remotes.consecutive_errors.with_label_values(&own).set(f64::from(self.consecutive_errors));
        tracing::error!(
            remote = self.remote,
            reason = self.reason.name(),
            consecutive_errors = self.consecutive_errors,
            error = %Chain(self.error),
            "sync failed; what was not verified is sent again"
        );
    }
}

/// A file was restored from a remote and verified.
pub struct FileRestored<'a> {
    /// The remote.
    pub remote: &'a str,
    /// The series of the rows.
    pub series: &'a Series,
    /// The file's name.
    pub file: &'a str,
    /// Its length.
    pub bytes: u64,
}

impl Event for FileRestored<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().remotes.restored_files.with_label_values(&[self.remote]).inc();
        let (remote, file, bytes) = (self.remote, self.file, self.bytes);
        tracing::info!(remote, series = %self.series, file, bytes, "file brought back");
    }
}

/// A file could not be restored.
pub struct FileNotRestored<'a> {
    /// The remote.
    pub remote: &'a str,
    /// The series of the rows.
    pub series: &'a Series,
    /// The file's name.
    pub file: &'a str,
    /// The class of the reason.
    pub reason: SyncReason,
    /// The error as text.
    pub why: &'a str,
}

impl Event for FileNotRestored<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.remote, self.reason.name()];
        telemetry.metrics().remotes.restore_failures.with_label_values(&labels).inc();
        let (remote, file, why) = (self.remote, self.file, self.why);
        tracing::error!(remote, series = %self.series, file, why, "file did not come back");
    }
}

/// A file was dropped here to free space, after it was read back from a remote.
pub struct FileDropped<'a> {
    /// The remote that holds it.
    pub remote: &'a str,
    /// The series of the rows.
    pub series: &'a Series,
    /// The period.
    pub period: &'a str,
    /// Its length.
    pub bytes: u64,
}

impl Event for FileDropped<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let remotes = &telemetry.metrics().remotes;
        remotes.dropped_files.inc();
        remotes.dropped_bytes.inc_by(self.bytes);
        let (remote, period, bytes) = (self.remote, self.period, self.bytes);
        tracing::info!(remote, series = %self.series, period, bytes, "file dropped here; it is on remotes only now");
    }
}

/// There is less free space than configured, and nothing more may be dropped.
pub struct NothingToDrop {
    /// Bytes available.
    pub free_bytes: u64,
    /// Bytes wanted.
    pub wanted_bytes: u64,
}

impl Event for NothingToDrop {
    fn emit(self, _: &Telemetry) {
        let (free_bytes, wanted_bytes) = (self.free_bytes, self.wanted_bytes);
        tracing::warn!(
            free_bytes,
            wanted_bytes,
            "less room than storage.min_free_gb, and no file may be dropped"
        );
    }
}

/// The files that are only on remotes were counted.
pub struct RemoteOnlyCounted {
    /// Files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// The configured free space was read.
pub struct RoomWanted {
    /// In bytes; 0 if none is configured.
    pub bytes: u64,
}

impl Event for RoomWanted {
    fn emit(self, telemetry: &Telemetry) {
        let wanted = &telemetry.metrics().remotes.wanted_bytes;
        wanted.set(i64::try_from(self.bytes).unwrap_or(i64::MAX));
    }
}

impl Event for RemoteOnlyCounted {
    fn emit(self, telemetry: &Telemetry) {
        let remotes = &telemetry.metrics().remotes;
        remotes.remote_only_files.set(i64::try_from(self.files).unwrap_or(i64::MAX));
        remotes.remote_only_bytes.set(i64::try_from(self.bytes).unwrap_or(i64::MAX));
    }
}

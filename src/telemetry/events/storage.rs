//! Events of published and damaged files.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use super::Chain;
use crate::model::Series;
use crate::telemetry::{Event, StorageReason, Telemetry};

/// A file was replaced by one with more rows.
pub struct FilePublished<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// New rows in it.
    pub rows: u64,
    /// Bytes encoded and written.
    pub written_bytes: u64,
    /// Bytes copied from the previous file.
    pub copied_bytes: u64,
    /// New size of the file.
    pub file_bytes: u64,
    /// Duration, including fsync.
    pub took: Duration,
}

impl Event for FilePublished<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let storage = &telemetry.metrics().storage;
        let kind = [self.series.kind().name()];
        storage.publish_duration.observe(&kind, self.took);
        telemetry.record_duration(&format!("publish:{}:latency", self.series.kind().name()), self.took);
        storage.written_bytes.with_label_values(&kind).inc_by(self.written_bytes);
        storage.copied_bytes.with_label_values(&kind).inc_by(self.copied_bytes);
        storage.file_size.with_label_values(&kind).observe(self.file_bytes as f64);
        tracing::debug!(
            series = %self.series,
            rows = self.rows,
            written_bytes = self.written_bytes,
            copied_bytes = self.copied_bytes,
            file_bytes = self.file_bytes,
            took = ?self.took,
            "file published"
        );
    }
}

/// Large files were rewritten with the rows of their open files, or late rows.
pub struct OpenFilesFolded<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The number of files.
    pub folds: u64,
}

impl Event for OpenFilesFolded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().storage.folds.with_label_values(&[self.series.kind().name()]).inc_by(self.folds);
    }
}

/// The files of a series could not be read or published; what was not stored stays a gap.
pub struct PublishFailed<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The class of the error.
    pub reason: StorageReason,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for PublishFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.kind().name(), self.reason.name()];
        telemetry.metrics().storage.publish_failures.with_label_values(&labels).inc();
        tracing::error!(
            series = %self.series,
            reason = self.reason.name(),
            error = %Chain(self.error),
            "files not read or published; what was not stored stays a gap and is fetched again"
        );
    }
}

/// A damaged file was set aside; its windows are gaps.
pub struct FileQuarantined<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Its new path.
    pub file: &'a Path,
    /// The error.
    pub why: &'a str,
}

impl Event for FileQuarantined<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().storage.quarantined.inc();
        let file = self.file.display();
        tracing::error!(series = %self.series, %file, why = self.why, "damaged file set aside, not deleted");
    }
}

/// A published file is missing; its windows are gaps.
pub struct FileMissing<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Its former path.
    pub file: &'a Path,
}

impl Event for FileMissing<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().storage.missing.inc();
        tracing::warn!(series = %self.series, file = %self.file.display(), "published file is gone; its windows are gaps, unless a remote holds it");
    }
}

/// An open file of an older version was renamed.
pub struct FileRenamed<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Its new path.
    pub file: &'a Path,
}

impl Event for FileRenamed<'_> {
    fn emit(self, _: &Telemetry) {
        tracing::info!(series = %self.series, file = %self.file.display(), "open file of an older version renamed");
    }
}

/// A valid file that the ledger did not list was adopted: a publish was interrupted, or the ledger was lost.
pub struct FileAdopted<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Its path.
    pub file: &'a Path,
}

impl Event for FileAdopted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().storage.adopted.inc();
        tracing::info!(series = %self.series, file = %self.file.display(), "whole file adopted into the ledger");
    }
}

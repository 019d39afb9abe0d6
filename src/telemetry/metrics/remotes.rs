//! Families of copies on remotes.

use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::register::{RUN, Register};
use crate::telemetry::labels::SyncReason;

/// Syncs and copies, and their results.
pub(crate) struct Remotes {
    pub(crate) runs: IntCounterVec,
    pub(crate) failures: IntCounterVec,
    pub(crate) duration: HistogramVec,
    pub(crate) consecutive_errors: GaugeVec,
    pub(crate) interval: GaugeVec,
    pub(crate) last_success: GaugeVec,
    pub(crate) pending_bytes: GaugeVec,
    pub(crate) pending_files: GaugeVec,
    pub(crate) copied_bytes: IntCounterVec,
    pub(crate) copied_files: IntCounterVec,
    pub(crate) restored_files: IntCounterVec,
    pub(crate) restore_failures: IntCounterVec,
    pub(crate) dropped_files: IntCounter,
    pub(crate) dropped_bytes: IntCounter,
    pub(crate) remote_only_files: IntGauge,
    pub(crate) remote_only_bytes: IntGauge,
    pub(crate) wanted_bytes: IntGauge,
}

impl Remotes {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let remote = ["remote"];
        Remotes {
            runs: add.counters("sync_runs_total", "Syncs to a remote, failed ones included.", &remote),
            failures: add.counters(
                "sync_failures_total",
                "Syncs in which something could not be copied, by the first reason.",
                &["remote", "reason"],
            ),
            duration: add.histograms("sync_duration_seconds", "How long syncs took.", &remote, RUN),
            consecutive_errors: add.gauges(
                "sync_consecutive_errors",
                "Syncs that failed since the last that did not.",
                &remote,
            ),
            interval: add.gauges(
                "sync_interval_seconds",
                "Configured time between syncs; 0 where they are switched off.",
                &remote,
            ),
            last_success: add.gauges(
                "sync_last_success_timestamp_seconds",
                "When everything was last found to be on the remote, in seconds since 1970; 0 for never.",
                &remote,
            ),
            pending_bytes: add.gauges(
                "sync_pending_bytes",
                "Bytes of files that are not verified on the remote yet.",
                &remote,
            ),
            pending_files: add.gauges(
                "sync_pending_files",
                "Files and ledgers that are not verified on the remote yet.",
                &remote,
            ),
            copied_bytes: add.counters(
                "sync_copied_bytes_total",
                "Bytes sent to a remote and verified there.",
                &remote,
            ),
            copied_files: add.counters(
                "sync_copied_files_total",
                "Files and ledgers sent to a remote and verified there.",
                &remote,
            ),
            restored_files: add.counters(
                "restore_files_total",
                "Files that came back from a remote and were verified.",
                &remote,
            ),
            restore_failures: add.counters(
                "restore_failures_total",
                "Files that were asked back of a remote and did not come, by reason.",
                &["remote", "reason"],
            ),
            dropped_files: add.counter(
                "purge_files_total",
                "Files dropped here to make room, each read back on a remote before.",
            ),
            dropped_bytes: add.counter("purge_bytes_total", "Bytes of the files dropped here to make room."),
            remote_only_files: add
                .count_gauge("remote_only_files", "Files that are on remotes only, as last counted."),
            remote_only_bytes: add.count_gauge(
                "remote_only_bytes",
                "Bytes of files that are on remotes only, as last counted.",
            ),
            wanted_bytes: add.count_gauge(
                "storage_wanted_free_bytes",
                "Bytes that are to be kept free by dropping files which all remotes hold; 0 where none are dropped.",
            ),
        }
    }

    /// Creates the label sets of a remote, each at 0.
    pub(crate) fn declare(&self, remote: &str) {
        let own = [remote];
        for counter in [&self.runs, &self.copied_bytes, &self.copied_files, &self.restored_files] {
            counter.with_label_values(&own);
        }
        for gauge in [
            &self.consecutive_errors,
            &self.interval,
            &self.last_success,
            &self.pending_bytes,
            &self.pending_files,
        ] {
            gauge.with_label_values(&own);
        }
        self.duration.with_label_values(&own);
        for reason in SyncReason::ALL {
            self.failures.with_label_values(&[remote, reason.name()]);
            self.restore_failures.with_label_values(&[remote, reason.name()]);
        }
    }
}

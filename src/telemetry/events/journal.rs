//! Events of the journal: its durability, its replay, and its damage.

use std::path::Path;
use std::time::Duration;

use crate::model::Micros;
use crate::telemetry::{Event, Telemetry};

/// The journal was made durable up to its last frame.
pub struct JournalSynced {
    /// Frames accepted since the journal was opened.
    pub accepted: u64,
    /// Frames of them that survive a power cut.
    pub durable: u64,
    /// Bytes accepted that do not survive one yet.
    pub unsynced_bytes: u64,
    /// Segments on disk.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Failed syncs repaired by rewriting into a fresh segment.
    pub rewrites: u64,
    /// When the sync ended.
    pub at: Micros,
    /// Its duration.
    pub took: Duration,
}

impl Event for JournalSynced {
    fn emit(self, telemetry: &Telemetry) {
        let journal = &telemetry.metrics().journal;
        journal.accepted.inc_by(self.accepted.saturating_sub(journal.accepted.get()));
        journal.durable.inc_by(self.durable.saturating_sub(journal.durable.get()));
        journal.rewrites.inc_by(self.rewrites.saturating_sub(journal.rewrites.get()));
        journal.unsynced_bytes.set(self.unsynced_bytes as f64);
        journal.segments.set(self.segments as f64);
        journal.size_bytes.set(self.bytes as f64);
        journal.last_sync.set(self.at.0 as f64 / 1e6);
        journal.sync_duration.observe(self.took.as_secs_f64());
        telemetry.record_duration("journal:sync", self.took);
    }
}

/// The journal could neither be made durable nor rewritten. The process ends.
pub struct JournalBroken<'a> {
    /// The error.
    pub error: &'a dyn std::error::Error,
}

impl Event for JournalBroken<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().journal.refusing.set(1.0);
        tracing::error!(error = %super::Chain(self.error), "ending rather than accept rows that may be lost");
    }
}

/// Whether rows can be accepted and published at present.
pub struct StorageChecked<'a> {
    /// Why rows are not accepted, if so.
    pub unaccepted: Option<&'a str>,
    /// Why some accepted rows cannot be published, if so.
    pub unpublished: Option<&'a str>,
}

impl Event for StorageChecked<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let Self { unaccepted, unpublished } = self;
        let metrics = telemetry.metrics();
        let was = metrics.journal.refusing.get() > 0.0;
        metrics.journal.refusing.set(f64::from(u8::from(unaccepted.is_some())));
        metrics.storage.unpublishable.set(f64::from(u8::from(unpublished.is_some())));
        telemetry.outages().set_disk_refusing(unaccepted.or(unpublished).is_some());
        match (was, unaccepted) {
            (false, Some(why)) => tracing::error!(why, "rows are not accepted; their windows stay gaps"),
            (true, None) => tracing::info!("rows are accepted again"),
            _ => {}
        }
    }
}

/// The previous process's journal was read, and rows missing from files were published.
pub struct JournalReplayed {
    /// Whole frames in it.
    pub frames: u64,
    /// Rows missing from the files.
    pub rows: u64,
    /// Whether that process closed the journal cleanly.
    pub is_clean: bool,
    /// Its duration.
    pub took: Duration,
}

impl Event for JournalReplayed {
    fn emit(self, telemetry: &Telemetry) {
        let journal = &telemetry.metrics().journal;
        journal.replayed_frames.inc_by(self.frames);
        journal.replayed_rows.inc_by(self.rows);
        if self.is_clean && self.frames == 0 {
            return;
        }
        tracing::info!(
            frames = self.frames,
            rows = self.rows,
            clean = self.is_clean,
            took = ?self.took,
            "journal of the process before replayed"
        );
    }
}

/// Part of the journal is not a valid frame; its bytes were set aside.
pub struct JournalTorn<'a> {
    /// The segment.
    pub file: &'a Path,
    /// The position in the segment, and where the bytes are now.
    pub why: &'a str,
}

impl Event for JournalTorn<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().journal.torn.inc();
        tracing::warn!(
            file = %self.file.display(),
            why = self.why,
            "part of the journal is unreadable and set aside; what it held is asked for again"
        );
    }
}

/// This process has lost the lock of the data path, and ends.
pub struct OwnershipLost<'a> {
    /// The error, and the new owner if known.
    pub why: &'a str,
}

impl Event for OwnershipLost<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().journal.refusing.set(1.0);
        tracing::error!(why = self.why, "ending rather than write a data path that may be another process's");
    }
}

//! A writer of a series. There may be several at a time, in any thread: the first opens the series, the last closes
//! it, and rows not published by then wait for the next.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Series, Window, Windows};
use crate::store::accept::{OpenSeries, Written};
use crate::store::journal::scan;
use crate::store::recover::recover;
use crate::store::shared::Shared;
use crate::store::{Finding, Ledger, StoreError};

/// A writer of a series; a clone is one more of the same series.
#[derive(Debug)]
pub struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) own: Arc<OpenSeries>,
}

impl Writer {
    /// A writer of a series. The first one makes its ledger and its files agree.
    pub(crate) fn open(shared: &Arc<Shared>, series: &Series) -> Result<(Self, Vec<Finding>), StoreError> {
        let own = shared.series(series);
        let writer = || Writer { shared: Arc::clone(shared), own: Arc::clone(&own) };
        if own.join() {
            return Ok((writer(), Vec::new()));
        }
        let mut files = own.files();
        if own.join() {
            return Ok((writer(), Vec::new()));
        }
        let opening = Opening { shared, own: &own };
        match opening.recover(&mut files) {
            Ok(findings) => {
                own.intake().writers = 1;
                Ok((writer(), findings))
            }
            Err(error) => {
                own.leave();
                Err(error)
            }
        }
    }

    /// The ledger as published; accepted rows that are not published yet are not in it.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        self.own.intake().ledger()
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.own.place.series
    }

    /// Rows accepted and not published yet.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.own.intake().waiting_rows()
    }

    /// The memory of what is accepted and not published yet, in bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.own.intake().waiting_bytes()
    }

    /// Rows that the next publish writes: those that wait, and those of open files, which it writes anew.
    #[must_use]
    pub(crate) fn rows_to_write(&self) -> u64 {
        let intake = self.own.intake();
        let open: u64 = intake.ledger().open_files.values().map(|open| open.rows).sum();
        open + intake.waiting_rows() as u64
    }

    /// Settled windows, accepted pages included: they need not be asked for now.
    #[must_use]
    pub fn settled(&self) -> Windows {
        self.own.intake().settled()
    }

    /// Changes the ledger beside coverage: wanted and unfillable windows, reasons of gaps.
    pub fn account(&self, change: impl FnOnce(&mut Ledger)) {
        self.own.intake().account(change);
    }

    /// Takes back what two empty answers claimed of a window; returns the parts that are open again.
    pub fn doubt_empty(&self, window: Window) -> Windows {
        self.own.intake().doubt_empty(window)
    }

    /// The `ord` of the next update of a book: one more than the highest ever given in the series, whatever day it was of.
    #[must_use]
    pub fn next_ord(&self) -> i64 {
        self.own.intake().next_ord()
    }

    /// How long the oldest of what waits has waited.
    #[must_use]
    pub fn waited(&self) -> Option<Duration> {
        self.own.intake().waited()
    }

    /// Whether a row group is full, and so little waits beyond it that rows in flight can be waited for.
    #[must_use]
    pub(crate) fn is_just_full(&self) -> bool {
        self.own.intake().is_just_full()
    }

    /// Whether enough waits, or long enough, that it should be published.
    #[must_use]
    pub fn wants_flush(&self, longest: Duration) -> bool {
        self.own.intake().wants_flush(longest)
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        self.own.intake().writers += 1;
        Writer { shared: Arc::clone(&self.shared), own: Arc::clone(&self.own) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.own.leave();
    }
}

/// A series that is being opened; it has no writer meanwhile.
struct Opening<'a> {
    shared: &'a Shared,
    own: &'a OpenSeries,
}

impl Opening<'_> {
    fn recover(&self, files: &mut Written) -> Result<Vec<Finding>, StoreError> {
        let recovered = recover(&self.own.place)?;
        // A name that is seen need not be durable, and what is found counts from here on; the frames that would give it
        // again are about to go, or may be damaged.
        self.own.place.sync_names()?;
        *files = Written::default();
        let is_changed = recovered.is_changed || !recovered.findings.is_empty();
        self.own.intake().open(recovered.ledger, is_changed);
        if is_changed {
            self.own.write_ledger(files)?;
        }
        self.take_unread()?;
        Ok(recovered.findings)
    }

    /// Takes the frames of the process before that could not be taken when they were read. Anything newer would speak
    /// for them once it is published.
    fn take_unread(&self) -> Result<(), StoreError> {
        let series = &self.own.place.series;
        let Some(before) = self.shared.unread_before(series) else { return Ok(()) };
        let mut entries = Vec::new();
        scan(&*self.shared.disk, &self.shared.layout.journal(), &mut |found, entry| {
            if entry.series() == Some(series) && found.mark.position < before {
                entries.push((found.mark, entry));
            }
            Ok(())
        })?;
        let mut intake = self.own.intake();
        entries.into_iter().for_each(|(mark, entry)| intake.replay(mark, entry));
        self.shared.was_read(series);
        Ok(())
    }
}

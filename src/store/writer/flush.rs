//! Publishing what a writer has accepted: a period at a time, then the ledger.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Flushed, TWO_EMPTY, Waiting, Writer, period_at};
use crate::model::{Batch, Micros, Windows};
use crate::store::file::PeriodFile;
use crate::store::fold::{Flush, Held};
use crate::store::rows::GROUP_ROWS;
use crate::store::{Part, Period, StoreError};

impl Writer {
    /// Whether enough waits, or long enough, that it should be published.
    #[must_use]
    pub fn wants_flush(&self, longest: Duration) -> bool {
        self.waiting.rows.len() >= GROUP_ROWS
            || self.waiting.since.is_some_and(|since| since.elapsed() >= longest)
    }

    /// Publishes everything accepted, then the ledger that speaks of it.
    ///
    /// # Errors
    /// A refusal of the operating system or of the encoder. Nothing accepted is forgotten: files
    /// published before the failure stay, and a later flush publishes all of it again.
    pub fn flush(&mut self) -> Result<Flushed, StoreError> {
        let flushed = self.publish();
        self.shared.tried_to_publish(&self.place.series, flushed.as_ref().err());
        flushed
    }

    pub(super) fn publish(&mut self) -> Result<Flushed, StoreError> {
        let mut flushed = Flushed::default();
        for copied in self.shared.take_copied(&self.place.series) {
            copied.enter(&mut self.ledger);
            self.unwritten = true;
        }
        if !self.waiting.is_empty() {
            let rows = std::mem::replace(&mut self.waiting.rows, Batch::of(self.place.series.kind()));
            let published = self.publish_all(&rows, &mut flushed);
            self.waiting.rows = rows;
            published?;
            self.settle();
        }
        if self.unwritten {
            self.write_ledger()?;
        }
        // Only now: had the ledger not been written, all of it would be published again.
        self.waiting = Waiting::nothing(&self.place.series);
        self.shared.settled(&self.place.series)?;
        Ok(flushed)
    }

    pub(super) fn publish_all(&mut self, rows: &Batch, flushed: &mut Flushed) -> Result<(), StoreError> {
        self.place.create_folder()?;
        let mut covered = self.ledger.covered.clone();
        let waiting = &self.waiting;
        waiting.covered.iter().chain(&waiting.derived).for_each(|window| covered.add(*window));
        for (period, part) in by_period(rows) {
            self.publish_period(&period, &part, &covered, flushed)?;
        }
        // A period that is over by now is one file, whatever its open one holds.
        for period in self.open_and_over(&covered) {
            self.publish_period(&period, &Batch::of(rows.kind()), &covered, flushed)?;
        }
        Ok(())
    }

    pub(super) fn open_and_over(&self, covered: &Windows) -> Vec<Period> {
        let is_over = |period: &Period| covered.holds(period.window.until - Duration::from_micros(1));
        let filled = self.ledger.open_files.iter().filter(|(_, open)| open.rows > 0);
        filled.filter_map(|(name, _)| Period::named(self.place.series.kind(), name)).filter(is_over).collect()
    }

    pub(super) fn publish_period(
        &mut self,
        period: &Period,
        rows: &Batch,
        covered: &Windows,
        flushed: &mut Flushed,
    ) -> Result<(), StoreError> {
        for part in [Part::File, Part::Open] {
            self.bring(period, part)?;
        }
        let held = match self.held(period) {
            Err(StoreError::Damaged { path, reason }) => return Err(self.lose(period, path, reason)?),
            held => held?,
        };
        let mark = self.ledger.mark_of(&period.name);
        let flush = Flush {
            place: &self.place,
            period,
            // Higher than what stands there where a flush before failed between a file and the ledger.
            generation: self.ledger.generation.max(held.generation()),
            covered,
            journal: self.waiting.last.or(mark),
            held: mark,
            small_rows: self.shared.bounds.small_rows,
        };
        let published = held.flush(&flush, rows)?;
        flushed.tally.add(published.tally);
        flushed.folds += published.folds;
        for file in published.files {
            self.ledger.enter(&file);
            self.written.push(file.entry.generation);
            self.unwritten = true;
            flushed.files.push(file);
        }
        Ok(())
    }

    /// The files of a period, found to be what their digests say before anything is copied from them.
    pub(super) fn held(&self, period: &Period) -> Result<Held, StoreError> {
        let get = |part: Part| -> Result<Option<Box<PeriodFile>>, StoreError> {
            if !self.ledger.part(part).contains_key(&period.name) {
                let path = self.place.path(&period.name, part);
                let found = self.place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
                return if found.is_some() { Err(StoreError::Foreign { path }) } else { Ok(None) };
            }
            let file = self.place.open(period, part)?;
            if !self.written.contains(&file.footer().generation)
                && file.hashes()?.body != file.footer().body_sha256
            {
                let reason = "its content is not what its digest says".to_owned();
                return Err(StoreError::Damaged { path: file.path().to_owned(), reason });
            }
            Ok(Some(file))
        };
        Ok(Held::of(get(Part::File)?, get(Part::Open)?))
    }

    /// The files speak for the accepted pages now, so the ledger may.
    pub(super) fn settle(&mut self) {
        let (waiting, ledger) = (&self.waiting, &mut self.ledger);
        let proven = waiting.covered.iter().chain(&waiting.derived).chain(&waiting.empty);
        if let Some(earliest) = proven.map(|window| window.from).min() {
            ledger.wanted_since.get_or_insert(earliest);
        }
        for window in &waiting.covered {
            ledger.cover(*window);
            ledger.derived.remove(*window);
        }
        for window in &waiting.derived {
            let computed = ledger.covered.missing(*window);
            ledger.derived.add_all(&computed);
            ledger.cover(*window);
        }
        waiting.empty.iter().for_each(|window| ledger.confirm_empty(*window, TWO_EMPTY));
        for note in &waiting.notes {
            let open = ledger.settled().missing(note.window);
            open.iter().for_each(|window| ledger.note(window, &note.reason));
        }
        ledger.journal = waiting.last.or(ledger.journal);
        self.unwritten = true;
    }

    pub(super) fn write_ledger(&mut self) -> Result<(), StoreError> {
        self.place.create_folder()?;
        self.ledger.write_on(&*self.place.disk, &self.place.ledger(), &self.place.series)?;
        self.unwritten = false;
        Ok(())
    }
}

/// The rows of each period, the oldest first. A book is in the order of its updates, whose instants may go back over
/// midnight: all rows of a period are published at once, since its files then say how far the journal is in them.
fn by_period(rows: &Batch) -> Vec<(Period, Cow<'_, Batch>)> {
    let mut periods: BTreeMap<Micros, (Period, Vec<usize>)> = BTreeMap::new();
    let mut from = 0;
    while from < rows.len() {
        let (period, until) = period_at(rows, from);
        periods.entry(period.window.from).or_insert_with(|| (period, Vec::new())).1.extend(from..until);
        from = until;
    }
    let is_one = periods.len() == 1;
    let part = |(period, own): (Period, Vec<usize>)| match is_one {
        true => (period, Cow::Borrowed(rows)),
        false => (period, Cow::Owned(rows.gather(&own))),
    };
    periods.into_values().map(part).collect()
}

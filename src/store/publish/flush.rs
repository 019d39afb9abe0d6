//! Publishing what was accepted: a period at a time, then the ledger.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{Batch, Micros, Windows};
use crate::store::accept::{Taken, Written};
use crate::store::file::PeriodFile;
use crate::store::publish::fold::{Flush, PeriodFiles};
use crate::store::publish::new_rows::NewRows;
use crate::store::publish::prepare::Flushed;
use crate::store::{Part, Period, StoreError, Writer};

impl Writer {
    /// Publishes everything accepted so far, then the ledger that accounts for it. Another publish of the series is waited
    /// for; rows that are accepted meanwhile wait for the next one.
    ///
    /// # Errors
    /// A refusal of the operating system or of the encoder. Nothing accepted is forgotten: files
    /// published before the failure stay, and a later flush publishes all of it again.
    pub fn flush(&self) -> Result<Flushed, StoreError> {
        let mut files = self.own.files();
        let flushed = self.publish(&mut files);
        self.shared.tried_to_publish(self.series(), flushed.as_ref().err());
        flushed
    }

    fn publish(&self, files: &mut Written) -> Result<Flushed, StoreError> {
        let copied = self.shared.take_copied(self.series());
        if !copied.is_empty() {
            let enter = |ledger: &mut _| copied.into_iter().for_each(|copied| copied.enter(ledger));
            self.own.intake().account(enter);
        }
        let published = self.publish_waiting(files);
        let flushed = published.inspect_err(|_| self.own.intake().put_back())?;
        // Only now: had the ledger not been written, all of it would be published again.
        let mark = self.own.intake().published();
        self.shared.settled(self.series(), mark)?;
        Ok(flushed)
    }

    fn publish_waiting(&self, files: &mut Written) -> Result<Flushed, StoreError> {
        let mut flushed = Flushed::default();
        let taken = self.own.intake().take_waiting();
        if let Some(taken) = taken {
            self.publish_all(&taken, files, &mut flushed)?;
            flushed.tally.mismatched += taken.mismatched;
            self.own.intake().settle();
        }
        self.own.write_ledger(files)?;
        Ok(flushed)
    }

    fn publish_all(
        &self,
        taken: &Taken,
        files: &mut Written,
        flushed: &mut Flushed,
    ) -> Result<(), StoreError> {
        self.own.place.create_folder()?;
        for (period, ranges) in by_period(&taken.rows) {
            match &*ranges {
                [range] => {
                    let rows = NewRows::all(&taken.rows).part(range.clone());
                    self.publish_period(&period, rows, taken, files, flushed)?;
                }
                ranges => {
                    let rows = joined(&taken.rows, ranges);
                    self.publish_period(&period, NewRows::all(&rows), taken, files, flushed)?;
                }
            }
        }
        // A period that is over by now is one file, whatever its open one holds.
        for period in self.open_and_over(&taken.covered) {
            let none = Batch::of(taken.rows.kind());
            self.publish_period(&period, NewRows::all(&none), taken, files, flushed)?;
        }
        Ok(())
    }

    fn open_and_over(&self, covered: &Windows) -> Vec<Period> {
        let is_over = |period: &Period| covered.holds(period.window.until - Duration::from_micros(1));
        let ledger = self.ledger();
        let filled = ledger.open_files.iter().filter(|(_, open)| open.rows > 0);
        filled.filter_map(|(name, _)| Period::named(self.series().kind(), name)).filter(is_over).collect()
    }

    fn publish_period(
        &self,
        period: &Period,
        rows: NewRows<'_>,
        taken: &Taken,
        files: &mut Written,
        flushed: &mut Flushed,
    ) -> Result<(), StoreError> {
        for part in [Part::File, Part::Open] {
            self.restore(period, part, files)?;
        }
        let held = match self.period_files(period, files) {
            Err(StoreError::Damaged { path, reason }) => return Err(self.lose(period, path, reason, files)?),
            held => held?,
        };
        let ledger = self.ledger();
        let mark = ledger.mark_of(&period.name);
        let flush = Flush {
            place: &self.own.place,
            period,
            // Higher than what stands there where a flush before failed between a file and the ledger.
            generation: ledger.generation.max(held.generation()),
            covered: &taken.covered,
            journal: taken.last.or(mark),
            held: mark,
            small_rows: self.shared.bounds.small_rows,
        };
        drop(ledger);
        let published = held.flush(&flush, rows)?;
        flushed.tally.add(published.tally);
        flushed.folds += published.folds;
        for file in published.files {
            self.own.intake().enter(&file);
            files.0.push(file.entry.generation);
            flushed.files.push(file);
        }
        Ok(())
    }

    /// The files of a period, found to be what their digests say before anything is copied from them.
    fn period_files(&self, period: &Period, files: &Written) -> Result<PeriodFiles, StoreError> {
        let (ledger, place) = (self.ledger(), &self.own.place);
        let get = |part: Part| -> Result<Option<Box<PeriodFile>>, StoreError> {
            if !ledger.part(part).contains_key(&period.name) {
                let path = place.path(&period.name, part);
                let found = place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
                return if found.is_some() { Err(StoreError::Foreign { path }) } else { Ok(None) };
            }
            let file = place.open(period, part)?;
            if !files.0.contains(&file.footer().generation)
                && file.hashes()?.body != file.footer().body_sha256
            {
                let reason = "its content is not what its digest says".to_owned();
                return Err(StoreError::Damaged { path: file.path().to_owned(), reason });
            }
            Ok(Some(file))
        };
        Ok(PeriodFiles::of(get(Part::File)?, get(Part::Open)?))
    }

    /// A damaged file goes aside and what it covered is a gap, before the error is handed on.
    pub(super) fn lose(
        &self,
        period: &Period,
        path: PathBuf,
        reason: String,
        files: &Written,
    ) -> Result<StoreError, StoreError> {
        let is_open = path == self.own.place.path(&period.name, Part::Open);
        self.own.place.set_aside(&path)?;
        let part = if is_open { Part::Open } else { Part::File };
        let why = "its file was damaged and set aside";
        self.own.intake().account(|ledger| ledger.drop_file(period, part, why));
        self.own.write_ledger(files)?;
        Ok(StoreError::Damaged { path, reason })
    }
}

/// The periods of rows, the oldest first, and where the rows of each lie. A book is in the order of its updates, whose
/// instants may go back over midnight: all rows of a period are published at once, since its files then say how far the
/// journal is in them.
fn by_period(rows: &Batch) -> impl Iterator<Item = (Period, Vec<Range<usize>>)> {
    let mut periods: BTreeMap<Micros, (Period, Vec<Range<usize>>)> = BTreeMap::new();
    let mut from = 0;
    while from < rows.len() {
        let (period, until) = period_at(rows, from);
        periods.entry(period.window.from).or_insert_with(|| (period, Vec::new())).1.push(from..until);
        from = until;
    }
    periods.into_values()
}

fn joined(rows: &Batch, ranges: &[Range<usize>]) -> Batch {
    let mut joined = Batch::of(rows.kind());
    ranges.iter().for_each(|range| joined.take(rows, range.clone()));
    joined
}

/// The period of the row at `from`, and the first row behind of another.
fn period_at(rows: &Batch, from: usize) -> (Period, usize) {
    let ts = &rows.ts()[from..];
    let period = Period::of(rows.kind(), Micros(ts[0]));
    let inside = ts.iter().take_while(|ts| period.window.holds(Micros(**ts))).count();
    (period, from + inside)
}

//! Imports one folder: keeps its originals, reads its rows, and merges them beneath what is already stored.

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::import::account::account;
use crate::import::candles::FileScan;
use crate::import::reading::{Reading, scan};
use crate::import::reason::Reason;
use crate::import::report::{Problem, SeriesReport};
use crate::import::taken::Taken;
use crate::import::tree::{Folder, Source};
use crate::import::{Import, originals};
use crate::model::{Batch, Kind, Micros};
use crate::store::{Adoption, Opened, Period, RowVerdict, StoreError, open_period_file};

/// Sources inside the data path, by their number, with the paths of their originals.
type Originals = Vec<(usize, PathBuf)>;

impl Import<'_> {
    /// Imports one folder; unreadable files are added to `problems`.
    pub(super) fn folder(
        &self,
        mut folder: Folder,
        line: &mut SeriesReport,
        problems: &mut Vec<Problem>,
    ) -> Result<(), StoreError> {
        let mut adoption = Adoption::open(self.layout, &folder.series)?;
        if !folder.sources.iter().any(|source| is_pending(source, &adoption)) {
            return Ok(());
        }
        if !self.dry_run {
            adoption.sweep()?;
        }
        let scans = self.scan(&mut folder, problems);
        let originals = self.keep(&mut folder)?;
        let mut reading = Reading::new(&folder, &scans, self.now);
        for index in order(&folder) {
            let source = &folder.sources[index];
            let taken = match reading.take(index) {
                Ok(taken) => taken,
                Err(error) => {
                    problems.push(unreadable(source, &error));
                    continue;
                }
            };
            if !is_pending(source, &adoption) {
                continue;
            }
            line.files += usize::from(!source.is_kept_only || !taken.rows.is_empty());
            self.adopt(&mut adoption, source, taken, &originals, line)?;
            if let Some((_, original)) = originals.iter().find(|(at, _)| *at == index) {
                self.take_away(original, &adoption, &source.period, folder.series.kind())?;
            }
        }
        Ok(())
    }

    /// Scans every source; reports those that cannot be read and drops them.
    fn scan(&self, folder: &mut Folder, problems: &mut Vec<Problem>) -> Vec<FileScan> {
        let (series, mut scans, mut is_cut_off) = (folder.series.clone(), Vec::new(), false);
        folder.sources.retain_mut(|source| match scan(source, &series, self.now) {
            Ok(scan) => {
                source.is_cut_off |= std::mem::take(&mut is_cut_off);
                scans.push(scan);
                true
            }
            Err(error) => {
                problems.push(unreadable(source, &error));
                is_cut_off = true;
                false
            }
        });
        scans
    }

    /// Keeps the original of every source inside the data path, and reads from there.
    fn keep(&self, folder: &mut Folder) -> Result<Originals, StoreError> {
        let mut originals = Vec::new();
        if self.source.is_some() {
            return Ok(originals);
        }
        for (index, source) in folder.sources.iter_mut().enumerate().filter(|(_, own)| !own.is_kept_only) {
            originals.push((index, source.path.clone()));
            if !self.dry_run {
                source.path = originals::keep(self.layout, &source.path, &source.inside)
                    .map_err(StoreError::io("keeping", &source.path))?;
            }
        }
        Ok(originals)
    }

    /// Merges the rows of one source beneath what is stored: files first, then the ledger.
    fn adopt(
        &self,
        adoption: &mut Adoption,
        source: &Source,
        mut taken: Taken,
        originals: &Originals,
        line: &mut SeriesReport,
    ) -> Result<(), StoreError> {
        let publish = sort_out(adoption, source, &mut taken, line)?;
        adoption.account(|ledger| account(ledger, &taken));
        if !self.dry_run {
            for (period, rows) in publish {
                let path = adoption.file(&period);
                let is_kept = originals.iter().any(|(_, original)| *original == path);
                adoption.publish(&period, rows, is_kept)?;
            }
            adoption.write_ledger()?;
        }
        line.add(&taken, adoption.ledger());
        Ok(())
    }

    /// Removes an original that no new file has replaced; a copy is kept.
    fn take_away(
        &self,
        original: &Path,
        adoption: &Adoption,
        period: &Period,
        kind: Kind,
    ) -> Result<(), StoreError> {
        let is_replaced = *original == adoption.file(period) && is_ours(original, kind)?;
        if self.dry_run || is_replaced {
            return Ok(());
        }
        originals::take_away(self.layout.root(), original).map_err(StoreError::io("taking away", original))
    }
}

/// Books are numbered downwards from the stored ones, so the newest go first; other kinds in their own order.
fn order(folder: &Folder) -> Vec<usize> {
    let mut order: Vec<usize> = (0..folder.sources.len()).collect();
    if folder.series.kind() == Kind::OrderBook {
        order.reverse();
    }
    order
}

/// Separates new rows from those already stored, and returns them by period. The source's own period comes last,
/// so that an interrupted run still finds the original.
fn sort_out(
    adoption: &Adoption,
    source: &Source,
    taken: &mut Taken,
    line: &mut SeriesReport,
) -> Result<Vec<(Period, Batch)>, StoreError> {
    let mut parts = by_period(&taken.rows);
    parts.sort_by_key(|(period, _)| *period == source.period);
    let mut publish = Vec::new();
    for (period, rows) in parts {
        if period.window.from > source.period.window.from {
            // Neither version stores a row in an earlier period than its own.
            rows.ts().iter().for_each(|_| taken.leave(Reason::Impossible, None));
            continue;
        }
        let verdicts = adoption.judge(&period, &rows)?;
        let new: Vec<usize> = (0..rows.len()).filter(|row| verdicts[*row] == RowVerdict::New).collect();
        line.imported += new.len() as u64;
        for verdict in verdicts {
            match verdict {
                RowVerdict::New => {}
                RowVerdict::Held => line.held += 1,
                RowVerdict::Differs => taken.leave(Reason::Differs, None),
                RowVerdict::Covered => taken.leave(Reason::Covered, None),
                RowVerdict::Doubtful => taken.leave(Reason::Doubtful, None),
            }
        }
        if !new.is_empty() || adoption.is_unentered(&period)? {
            publish.push((period, rows.gather(&new)));
        }
    }
    Ok(publish)
}

/// Whether rows of a source may still have to be adopted.
fn is_pending(source: &Source, adoption: &Adoption) -> bool {
    !source.is_kept_only || !adoption.ledger().files.contains_key(&source.period.name)
}

fn unreadable(source: &Source, error: &ParquetError) -> Problem {
    let what = format!("no file of Python dccd, or damaged: {error}; left alone");
    Problem { path: source.path.clone(), what, is_failure: true }
}

fn is_ours(path: &Path, kind: Kind) -> Result<bool, StoreError> {
    Ok(path.exists() && matches!(open_period_file(path, kind)?, Opened::Ours(_)))
}

/// Splits sorted rows by period.
fn by_period(rows: &Batch) -> Vec<(Period, Batch)> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let period = Period::of(rows.kind(), Micros(rows.ts()[from]));
        let inside = rows.ts()[from..].iter().take_while(|ts| period.window.holds(Micros(**ts))).count();
        parts.push((period, rows.slice(from..from + inside)));
        from += inside;
    }
    parts
}

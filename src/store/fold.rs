//! One period's two files: where new rows go, and when the open file is folded into the other.
//!
//! A period is one file, simply rewritten while it is small. A larger one has an open file beside it, with rows
//! beyond its last. A flush rewrites only the open file, until as many rows have gone into open files as
//! the file holds: then a fold costs no more than what was saved, and rewriting is paid for at most twice.

use crate::model::{Batch, Windows};
use crate::store::file::PeriodFile;
use crate::store::merge::{keys, merge};
use crate::store::place::Place;
use crate::store::publish::{Order, publish};
use crate::store::rows::key_range;
use crate::store::{Flushed, Mark, Period, Published, StoreError};

/// The files of one period as they are.
pub(crate) struct Held {
    pub(crate) file: Option<Box<PeriodFile>>,
    /// Newer than the file, or it is not held.
    pub(crate) open: Option<Box<PeriodFile>>,
    /// An open file stands there whose rows are all in the file: a fold failed after its first step.
    pub(crate) has_dead_open: bool,
}

/// What is to be published, and in whose name.
#[derive(Clone, Copy)]
pub(crate) struct Flush<'a> {
    pub(crate) place: &'a Place,
    pub(crate) period: &'a Period,
    /// The highest generation of the series so far.
    pub(crate) generation: u64,
    pub(crate) covered: &'a Windows,
    pub(crate) journal: Option<Mark>,
    /// A file of up to so many rows is simply rewritten.
    pub(crate) small_rows: u64,
}

impl Held {
    /// What stands there, an open file that is not newer than the file left out.
    pub(crate) fn of(file: Option<Box<PeriodFile>>, open: Option<Box<PeriodFile>>) -> Self {
        let generation = file.as_ref().map_or(0, |file| file.footer().generation);
        let has_dead_open = open.as_ref().is_some_and(|open| open.footer().generation <= generation);
        Held { file, open: open.filter(|_| !has_dead_open), has_dead_open }
    }

    /// The highest generation of the two.
    pub(crate) fn generation(&self) -> u64 {
        let held = self.file.iter().chain(&self.open).map(|file| file.footer().generation);
        held.max().unwrap_or(0)
    }

    /// Publishes rows of one period, in order with each key once. Gives what now stands under its name, in
    /// the order it was written.
    pub(crate) fn flush(&self, flush: &Flush<'_>, new: &Batch) -> Result<Flushed, StoreError> {
        let Some(file) = self.file.as_deref().filter(|file| file.footer().rows > flush.small_rows) else {
            return self.fold(flush, new);
        };
        let reach = file.last_key().unwrap_or(i64::MIN);
        let beyond = keys(new).partition_point(|key| *key <= reach);
        if beyond > 0 && !file.repeats(&new.slice(0..beyond))? {
            return self.fold(flush, new);
        }
        let new = new.slice(beyond..new.len());
        let mut flushed = if self.is_worth_a_fold(file, flush, new.len() as u64) {
            self.fold(flush, &new)?
        } else if new.is_empty() && self.has_dead_open {
            let emptied = flush.empty_open(1, file.footer().generation)?;
            Flushed { files: vec![emptied], ..Flushed::default() }
        } else if new.is_empty() {
            Flushed::default()
        } else {
            self.append(flush, file, &new)?
        };
        flushed.tally.repeated += beyond as u64;
        Ok(flushed)
    }

    /// Whether the open file would have cost as much as the fold by now, or nothing more will come to it.
    fn is_worth_a_fold(&self, file: &PeriodFile, flush: &Flush<'_>, new: u64) -> bool {
        let (held, rewritten) =
            self.open.as_ref().map_or((0, 0), |open| (open.footer().rows, open.footer().rewritten));
        let is_over = flush.covered.holds(flush.period.window.until - std::time::Duration::from_micros(1));
        let is_dear = rewritten + held + new >= file.footer().rows;
        (held + new > 0) && (is_over || is_dear)
    }

    fn append(&self, flush: &Flush<'_>, file: &PeriodFile, new: &Batch) -> Result<Flushed, StoreError> {
        let olds: Vec<&PeriodFile> = self.open.as_deref().into_iter().collect();
        let before = self.open.as_ref().map_or((0, 0), |open| (open.footer().rows, open.footer().rewritten));
        let rewritten = before.0 + before.1 + new.len() as u64;
        let beside = Some((file.footer().generation, rewritten));
        let (published, tally) = publish(&flush.order(1, beside), &olds, new)?;
        Ok(Flushed { files: vec![published], tally, folds: 0 })
    }

    /// The file is replaced by one that holds everything, **then** the open file by an empty one: whoever
    /// reads them in the order of their names misses no row.
    pub(crate) fn fold(&self, flush: &Flush<'_>, new: &Batch) -> Result<Flushed, StoreError> {
        let olds: Vec<&PeriodFile> = self.file.as_deref().into_iter().chain(self.open.as_deref()).collect();
        let (published, tally) = publish(&flush.order(1, None), &olds, new)?;
        let mut files = vec![published];
        if self.open.is_some() || self.has_dead_open {
            files.push(flush.empty_open(2, flush.generation + 1)?);
        }
        Ok(Flushed { folds: files.len() as u64 - 1, files, tally })
    }
}

impl Flush<'_> {
    fn order(&self, step: u64, beside: Option<(u64, u64)>) -> Order<'_> {
        Order {
            place: self.place,
            period: self.period,
            generation: self.generation + step,
            beside,
            covered: self.covered,
            journal: self.journal,
        }
    }

    /// Takes the place of an open file whose rows are all in the file of generation `beside`.
    pub(crate) fn empty_open(&self, step: u64, beside: u64) -> Result<Published, StoreError> {
        let none = Batch::of(self.place.series.kind());
        publish(&self.order(step, Some((beside, 0))), &[], &none).map(|published| published.0)
    }
}

impl PeriodFile {
    /// Whether every one of these rows is in the file already, to the last bit.
    fn repeats(&self, rows: &Batch) -> Result<bool, StoreError> {
        let mut left = 0..rows.len();
        for index in 0..self.groups() {
            let Some(range) = key_range(self.metadata().row_group(index)) else { return Ok(false) };
            let until = keys(rows).partition_point(|key| *key < range.end);
            if until <= left.start {
                continue;
            }
            let (_, tally) = merge(&self.group(index)?, &rows.slice(left.start..until));
            if tally.added + tally.revised > 0 {
                return Ok(false);
            }
            left.start = until;
        }
        Ok(left.is_empty())
    }
}

//! The rows of one series in its state, period by period.

use std::collections::VecDeque;

use crate::model::{Batch, Kind, Series};
use crate::store::checked::{Checked, patiently};
use crate::store::file::PeriodFile;
use crate::store::reader::period::PeriodRows;
use crate::store::reader::piece::{Piece, Wanted};
use crate::store::{Layout, Mark, Part, StoreError};

/// A period of the state, not read yet.
pub(super) struct Planned {
    pub(super) name: String,
    /// Its files, where they are kept open.
    pub(super) files: Option<Vec<PeriodFile>>,
    /// Rows of the journal that the files do not hold.
    pub(super) new: Batch,
}

/// A place among the rows of a series.
pub(super) struct SeriesRows {
    pub(super) layout: Layout,
    pub(super) series: Series,
    pub(super) wanted: Wanted,
    pub(super) checked: Checked,
    /// The periods to come, oldest first.
    pub(super) periods: VecDeque<Planned>,
    pub(super) current: Option<PeriodRows>,
    /// The last frame of the journal that is in the state.
    pub(super) until: Option<Mark>,
    /// Decoders are kept between two pieces.
    pub(super) keeps_decoders: bool,
    /// The newest instant so far.
    pub(super) newest: i64,
}

impl SeriesRows {
    pub(super) fn series(&self) -> &Series {
        &self.series
    }

    /// The next rows, about `most` of them; `None` after the last.
    pub(super) fn next_piece(&mut self, most: usize) -> Result<Option<Piece>, StoreError> {
        loop {
            if let Some(current) = &mut self.current {
                let piece = current.next_piece(&self.wanted, most)?;
                if !self.keeps_decoders {
                    current.rest();
                }
                match piece {
                    Some(piece) => return Ok(Some(self.in_order(piece))),
                    None => self.current = None,
                }
            }
            let Some(planned) = self.periods.pop_front() else { return Ok(None) };
            self.current = Some(self.begin(planned)?);
        }
    }

    /// Updates of a book are in order though an instant may go back.
    fn in_order(&mut self, mut piece: Piece) -> Piece {
        if self.wanted.kind == Kind::OrderBook {
            for instant in &mut piece.order {
                self.newest = self.newest.max(*instant);
                *instant = self.newest;
            }
        }
        piece
    }

    fn begin(&mut self, planned: Planned) -> Result<PeriodRows, StoreError> {
        let Planned { name, files, mut new } = planned;
        let files = match files {
            Some(files) => {
                files.iter().try_for_each(|file| self.checked.verify(file, &name))?;
                files
            }
            None => {
                let (files, is_newer) = self.open_late(&name)?;
                if is_newer && self.holds_all(&files) {
                    new = Batch::of(self.wanted.kind);
                }
                files
            }
        };
        Ok(PeriodRows::new(files, new))
    }

    /// Opens the files of a period that were not kept open; also returns whether they were published since.
    fn open_late(&mut self, name: &str) -> Result<(Vec<PeriodFile>, bool), StoreError> {
        let files = patiently(|| self.checked.opened(&self.layout, &self.series, name))?;
        if files.iter().all(|file| self.is_known(file, name)) {
            files.iter().try_for_each(|file| self.checked.verify(file, name))?;
            return Ok((files, false));
        }
        let mut fresh = Checked::begin(&self.layout, &self.series)?;
        Ok((fresh.period(&self.layout, &self.series, name)?, true))
    }

    /// Whether a file is the one that the ledger of the state lists.
    fn is_known(&self, file: &PeriodFile, name: &str) -> bool {
        let part = if file.footer().beside.is_some() { Part::Open } else { Part::File };
        let known = self.checked.ledger().part(part).get(name);
        known.is_some_and(|entry| entry.generation == file.footer().generation)
    }

    /// Whether the files of a period hold everything that the journal held.
    fn holds_all(&self, files: &[PeriodFile]) -> bool {
        let mark = mark_of(files);
        self.until.is_none_or(|until| mark.is_some_and(|mark| mark.holds(until)))
    }
}

/// How far the journal is in the files of a period: the newest of them says so.
pub(super) fn mark_of(files: &[PeriodFile]) -> Option<Mark> {
    files.iter().max_by_key(|file| file.footer().generation)?.footer().journal
}

//! A place among the updates of a series: it goes back to the newest whole book, then forward update by update, and reads
//! one row group at a time.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Kind, Micros, Series, Window};
use crate::store::book::group::{Group, Head, Heads, instants, may_hold_whole};
use crate::store::book::known::Known;
use crate::store::book::ladder::Ladder;
use crate::store::checked::Checked;
use crate::store::file::PeriodFile;
use crate::store::inventory::without_gone_files;
use crate::store::{Layout, Part, Period, StoreError};

/// Files up to this length are hashed before they are read; reading their rows costs as much.
const HASHED_BYTES: u64 = 32 << 20;

/// The files of a series, by period.
struct Files {
    layout: Layout,
    series: Series,
    checked: Checked,
    /// The periods that have a file, oldest first.
    periods: Vec<Period>,
    /// The files of the period that was asked for last.
    open: Option<(usize, Vec<Arc<PeriodFile>>)>,
}

/// The next update.
#[derive(Clone, Copy, Default)]
struct Place {
    period: usize,
    file: usize,
    group: usize,
    row: usize,
}

/// A place among the updates of a series.
pub(super) struct Cursor {
    files: Files,
    place: Place,
    /// The row group of the place, once it was read.
    group: Option<Arc<Group>>,
}

/// The last row of an update that was applied.
#[derive(Clone)]
pub(super) struct Applied {
    group: Arc<Group>,
    row: usize,
}

impl Applied {
    /// When it was received, and its sequence.
    pub(super) fn stamp(&self) -> Result<(Micros, Option<i64>), StoreError> {
        self.group.stamp(self.row)
    }
}

impl Cursor {
    /// A cursor over the files of a series, and where its book is known by their ledger.
    pub(super) fn open(layout: &Layout, series: &Series) -> Result<(Self, Known), StoreError> {
        let mut checked = Checked::begin(layout, series)?;
        let (mut ledger, mut gone) = without_gone_files(checked.ledger(), layout, series);
        if !gone.is_empty() {
            // A file may have been moved to remotes between the two looks.
            checked = Checked::begin(layout, series)?;
            (ledger, gone) = without_gone_files(checked.ledger(), layout, series);
        }
        let checked = checked.trusting(ledger.clone(), HASHED_BYTES);
        let periods = ledger.periods().filter_map(|name| Period::named(series.kind(), name)).collect();
        let gone = gone.iter().filter_map(|path| period_of(path)).map(|period| period.window).collect();
        let (layout, series) = (layout.clone(), series.clone());
        let files = Files { layout, series, checked, periods, open: None };
        Ok((Cursor { files, place: Place::default(), group: None }, Known::new(ledger, gone)))
    }

    /// Goes to the newest whole book in a window that is not newer than an instant. Returns whether there is one.
    pub(super) fn seek_newest_whole(&mut self, within: Window, at: Micros) -> Result<bool, StoreError> {
        let periods = &self.files.periods;
        let oldest = periods.partition_point(|period| period.window.until <= within.from);
        let behind = periods.partition_point(|period| period.window.from <= at);
        for period in (oldest..behind).rev() {
            let files = self.files.of(period)?;
            for (file, own) in files.iter().enumerate().rev() {
                for group in (0..own.groups()).rev() {
                    let metadata = own.metadata().row_group(group);
                    let (first, last) = instants(metadata);
                    if last < within.from {
                        return Ok(false);
                    }
                    if first > at || !counts_any(own, group) || !may_hold_whole(metadata) {
                        continue;
                    }
                    if let Some((row, ts)) = Heads::read(own, group)?.newest_whole(at) {
                        self.go_to(Place { period, file, group, row });
                        return Ok(ts >= within.from);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Goes to the first update of the first period that meets a window.
    pub(super) fn seek_first(&mut self, window: Window) {
        let period = self.files.periods.partition_point(|period| period.window.until <= window.from);
        self.go_to(Place { period, ..Place::default() });
    }

    /// The instant of the first whole book from here on that lies in a window; goes there.
    pub(super) fn seek_next_whole(&mut self, window: Window) -> Result<Option<Micros>, StoreError> {
        let Place { mut period, mut file, mut group, mut row } = self.place;
        while self.files.periods.get(period).is_some_and(|own| own.window.from < window.until) {
            let files = self.files.of(period)?;
            while let Some(own) = files.get(file) {
                while group < own.groups() {
                    let metadata = own.metadata().row_group(group);
                    if instants(metadata).1 >= window.from
                        && counts_any(own, group)
                        && may_hold_whole(metadata)
                    {
                        let found = Heads::read(own, group)?.next_whole(row, window.from);
                        if let Some((row, ts)) = found {
                            self.go_to(Place { period, file, group, row });
                            return Ok(Some(ts).filter(|ts| *ts < window.until));
                        }
                    }
                    (group, row) = (group + 1, 0);
                }
                (file, group) = (file + 1, 0);
            }
            (period, file) = (period + 1, 0);
        }
        Ok(None)
    }

    /// The update at the place, if it comes before an instant.
    pub(super) fn peek(&mut self, until: Micros) -> Result<Option<Head>, StoreError> {
        loop {
            if let Some(group) = &self.group {
                let row = self.place.row.max(group.rows.start);
                if row < group.rows.end {
                    self.place.row = row;
                    return Ok(Some(group.head(row)).filter(|head| head.ts < until));
                }
                self.go_to(Place { group: self.place.group + 1, row: 0, ..self.place });
            }
            let Place { period, file, group, .. } = self.place;
            if self.files.periods.get(period).is_none_or(|own| own.window.from >= until) {
                return Ok(None);
            }
            let Some(own) = self.files.of(period)?.get(file).map(Arc::clone) else {
                self.go_to(Place { period: period + 1, ..Place::default() });
                continue;
            };
            if group >= own.groups() {
                self.go_to(Place { file: file + 1, group: 0, row: 0, period });
            } else if !counts_any(&own, group) {
                self.go_to(Place { group: group + 1, row: 0, ..self.place });
            } else if instants(own.metadata().row_group(group)).0 >= until {
                return Ok(None);
            } else {
                self.group = Some(Arc::new(Group::read(&own, group)?));
            }
        }
    }

    /// Applies the update that was peeked at and goes on to the next.
    pub(super) fn apply(&mut self, to: &mut Ladder) -> Option<Applied> {
        let group = self.group.as_ref().filter(|group| self.place.row < group.rows.end)?;
        let rows = group.update(self.place.row);
        let levels = rows.clone().map(|row| group.level(row));
        match group.head(self.place.row).is_whole {
            true => to.replace(levels),
            false => levels.for_each(|(side, level)| to.set(side, level)),
        }
        self.place.row = rows.end;
        Some(Applied { group: Arc::clone(group), row: rows.end - 1 })
    }

    fn go_to(&mut self, place: Place) {
        let is_same =
            |own: &Place| (own.period, own.file, own.group) == (place.period, place.file, place.group);
        if !is_same(&self.place) {
            self.group = None;
        }
        self.place = place;
    }
}

impl Files {
    /// The files of a period, each with keys beyond those of the one before, as they were when it was first asked for.
    fn of(&mut self, period: usize) -> Result<Vec<Arc<PeriodFile>>, StoreError> {
        if let Some((_, files)) = self.open.as_ref().filter(|(open, _)| *open == period) {
            return Ok(files.clone());
        }
        let name = &self.periods[period].name;
        let files: Vec<_> =
            self.checked.period(&self.layout, &self.series, name)?.into_iter().map(Arc::new).collect();
        self.open = Some((period, files.clone()));
        Ok(files)
    }
}

/// Whether any row of a row group may count.
fn counts_any(file: &PeriodFile, group: usize) -> bool {
    file.group_keys(group).is_none_or(|keys| !keys.is_empty())
}

fn period_of(path: &Path) -> Option<Period> {
    Part::of(path.file_name()?.to_str()?, Kind::OrderBook).map(|(period, _)| period)
}

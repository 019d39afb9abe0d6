//! Taking the state of some series: ledgers, then the journal, then files.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use crate::model::{Series, Window};
use crate::store::checked::{Checked, may_pass};
use crate::store::file::PeriodFile;
use crate::store::reader::files::Room;
use crate::store::reader::frames::Frames;
use crate::store::reader::piece::Wanted;
use crate::store::reader::request::ReadRequest;
use crate::store::reader::series::{Planned, SeriesRows, mark_of};
use crate::store::scan::periods;
use crate::store::{Layout, Ledger, Period, StoreError};

/// How often a series is looked at anew that is published while it is looked at.
const ATTEMPTS: u32 = 200;
/// How often a fault is looked at again: a publish or a purge is several steps.
const FAULTY: u32 = 5;
/// The longest wait before one is looked at anew.
const AGAIN: Duration = Duration::from_millis(20);
/// Files up to this length are hashed before they are read.
const HASHED_BYTES: u64 = 32 << 20;

/// A series whose state is being taken.
struct Taking {
    series: Series,
    checked: Checked,
    /// Periods, oldest first, with their files where they are open.
    periods: Vec<(Period, Option<Vec<PeriodFile>>)>,
}

/// Takes the state of every series of a request, in its order.
#[allow(clippy::disallowed_methods, reason = "the waits are short and on a thread that only reads files")]
pub(super) fn take(
    layout: &Layout,
    request: &ReadRequest,
    window: Window,
    keeps_decoders: bool,
) -> Result<Vec<SeriesRows>, StoreError> {
    let mut room = Room::of_process();
    if request.series.len() > room.series() {
        return Err(too_many(layout, request.series.len(), room.series()));
    }
    let mut done: Vec<Option<SeriesRows>> = request.series.iter().map(|_| None).collect();
    let mut left: Vec<usize> = (0..request.series.len()).collect();
    // Generations that were found ahead of the journal, by series.
    let mut ahead: HashMap<usize, u64> = HashMap::new();
    for attempt in 0..ATTEMPTS {
        let taken = look(layout, request, window, &left, &mut room);
        let (frames, taking) = match taken {
            Err(error) if may_pass(&error) && attempt < FAULTY => {
                std::thread::sleep(AGAIN);
                continue;
            }
            taken => taken?,
        };
        left.clear();
        for (index, own) in taking {
            match own.ahead_of(&frames).filter(|found| ahead.insert(index, *found) != Some(*found)) {
                Some(_) => left.push(index),
                None => done[index] = Some(own.rows(layout, request, window, &frames, keeps_decoders)),
            }
        }
        if left.is_empty() {
            return Ok(done.into_iter().flatten().collect());
        }
        std::thread::sleep(AGAIN.min(Duration::from_millis(u64::from(attempt))));
    }
    let restless = io::Error::other("they are published again and again");
    Err(StoreError::io("reading the files of", &layout.folder(&request.series[left[0]]))(restless))
}

/// Looks at some series once, by their places in the request.
fn look(
    layout: &Layout,
    request: &ReadRequest,
    window: Window,
    places: &[usize],
    room: &mut Room,
) -> Result<(Frames, Vec<(usize, Taking)>), StoreError> {
    let begun = places.iter().map(|index| Checked::begin(layout, &request.series[*index]));
    let begun = begun.collect::<Result<Vec<_>, _>>()?;
    let ledgers: HashMap<&Series, &Ledger> =
        places.iter().zip(&begun).map(|(index, own)| (&request.series[*index], own.ledger())).collect();
    let frames = Frames::read(layout, &ledgers, window)?;
    let mut taking = Vec::with_capacity(places.len());
    for (index, checked) in places.iter().zip(begun) {
        taking.push((*index, Taking::begin(layout, &request.series[*index], window, checked, &frames)?));
    }
    open_newest(layout, &mut taking, room)?;
    Ok((frames, taking))
}

/// Opens the newest files of every series, then the next older ones, as long as there is room.
fn open_newest(layout: &Layout, taking: &mut [(usize, Taking)], room: &mut Room) -> Result<(), StoreError> {
    let most = taking.iter().map(|(_, own)| own.periods.len()).max().unwrap_or(0);
    for age in 1..=most {
        for (_, own) in taking.iter_mut() {
            let Some(place) = own.periods.len().checked_sub(age) else { continue };
            if !room.has_any() {
                return Ok(());
            }
            let name = own.periods[place].0.name.clone();
            let files = own.checked.opened(layout, &own.series, &name)?;
            room.take(&files);
            own.periods[place].1 = Some(files);
        }
    }
    Ok(())
}

impl Taking {
    fn begin(
        layout: &Layout,
        series: &Series,
        window: Window,
        checked: Checked,
        frames: &Frames,
    ) -> Result<Self, StoreError> {
        let names = periods(&layout.folder(series), series.kind(), window, checked.ledger())?;
        let mut all: Vec<Period> =
            names.iter().filter_map(|name| Period::named(series.kind(), name)).collect();
        all.extend(frames.periods(series));
        all.sort_by_key(|period| period.window.from);
        all.dedup();
        for period in &all {
            checked.are_there(layout, series, &period.name)?;
        }
        let periods = all.into_iter().map(|period| (period, None)).collect();
        Ok(Taking { series: series.clone(), checked: checked.trusting_long(HASHED_BYTES), periods })
    }

    /// The highest generation of files that hold more than what was read of the journal, if any do: they were published
    /// since, and other files of the series may not be yet.
    fn ahead_of(&self, frames: &Frames) -> Option<u64> {
        let files = self.periods.iter().filter_map(|(_, files)| files.as_deref());
        let is_ahead = |files: &&[PeriodFile]| {
            let is_newer =
                files.iter().any(|file| file.footer().generation > self.checked.ledger().generation);
            let is_read = |(mark, last): (crate::store::Mark, crate::store::Mark)| last.holds(mark);
            is_newer && !mark_of(files).zip(frames.last).is_some_and(is_read)
        };
        let generations = files.filter(is_ahead).flatten().map(|file| file.footer().generation);
        generations.max()
    }

    fn rows(
        self,
        layout: &Layout,
        request: &ReadRequest,
        window: Window,
        frames: &Frames,
        keeps_decoders: bool,
    ) -> SeriesRows {
        let Taking { series, checked, periods } = self;
        let planned = periods.into_iter().map(|(period, files)| {
            let held = match &files {
                Some(files) => mark_of(files),
                None => checked.ledger().mark_of(&period.name),
            };
            Planned { new: frames.rows(&series, &period, held), name: period.name, files }
        });
        let periods = planned.collect();
        let kind = series.kind();
        SeriesRows {
            layout: layout.clone(),
            until: frames.last.filter(|_| frames.has(&series)),
            series,
            wanted: Wanted { kind, window, columns: request.columns.clone() },
            checked,
            periods,
            current: None,
            keeps_decoders,
            newest: i64::MIN,
        }
    }
}

fn too_many(layout: &Layout, asked: usize, most: usize) -> StoreError {
    let why = format!(
        "{asked} series need more open files than this process may have, which suffice for {most}; raise \
         its limit (`ulimit -n`), or name fewer"
    );
    StoreError::io("reading", layout.root())(io::Error::other(why))
}

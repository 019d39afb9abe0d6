//! Readers that know nothing of how files are kept: they open files in the order of names, whenever they like.
//!
//! Whatever a publish was cut short by, a reader finds what was published before it began without a hole: all of it up to
//! the last row it finds, also where it opened the file before the publish and the open file after it. At rest the order of
//! names is the order of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::ModelDisk;
use crate::disk::Reading;
use crate::model::Series;
use crate::store::file::{Opened, look_at};
use crate::store::merge::keys;
use crate::store::{Layout, Part, Period};

/// Files of periods by their paths.
type Files = BTreeMap<PathBuf, Arc<dyn Reading>>;

/// The files before an action, to be compared with what readers meet amid it and after it.
pub(super) struct Lookout {
    disk: ModelDisk,
    layout: Layout,
    before: Files,
}

/// The keys of a period's two files at one moment.
#[derive(Clone, Default)]
struct Seen {
    file: Arc<[i64]>,
    open: Arc<[i64]>,
}

impl Lookout {
    pub(super) fn new(disk: &ModelDisk, layout: &Layout) -> Self {
        Lookout { disk: disk.clone(), layout: layout.clone(), before: disk.begin_to_look() }
    }

    /// Checks what readers of a series may have met since, who opened its files at moments that lie up to so many renames
    /// apart. At the end it is at rest where all `is_done`.
    pub(super) fn check(&self, series: &Series, apart: usize, is_done: bool) -> Result<(), String> {
        let folder = self.layout.folder(series);
        let part = |path: &Path| Part::of(path.file_name()?.to_str()?, series.kind());
        let since: Vec<_> =
            self.disk.seen().into_iter().filter(|(path, _)| path.parent() == Some(&folder)).collect();
        let periods: BTreeSet<Period> =
            since.iter().filter_map(|(path, _)| part(path)).map(|(period, _)| period).collect();
        for period in periods {
            let before = |part: Part| {
                let path = folder.join(part.file_name(&period.name));
                self.before.get(&path).map_or(Ok(Arc::default()), |file| keys_of(file, &path, series))
            };
            let mut seen = vec![Seen { file: before(Part::File)?, open: before(Part::Open)? }];
            for (path, file) in &since {
                let Some((_, part)) = part(path).filter(|(own, _)| *own == period) else { continue };
                let mut next = seen.last().cloned().unwrap_or_default();
                match part {
                    Part::File => next.file = keys_of(file, path, series)?,
                    Part::Open => next.open = keys_of(file, path, series)?,
                }
                seen.push(next);
            }
            check_period(&seen, apart, is_done).map_err(|why| format!("{series} {}: {why}", period.name))?;
        }
        Ok(())
    }
}

fn keys_of(file: &Arc<dyn Reading>, path: &Path, series: &Series) -> Result<Arc<[i64]>, String> {
    match look_at(Arc::clone(file), path, series.kind()) {
        Ok(Opened::Ours(file)) => {
            let mut own = keys(&file.rows().map_err(|error| format!("{error:?}"))?).to_vec();
            own.dedup();
            Ok(own.into())
        }
        Ok(Opened::Foreign) => Err(format!("{} is not ours", path.display())),
        Ok(Opened::Damaged(why)) => Err(format!("{} is met damaged: {why}", path.display())),
        Err(error) => Err(format!("{error:?}")),
    }
}

fn check_period(seen: &[Seen], apart: usize, is_done: bool) -> Result<(), String> {
    let Some(first) = seen.first() else { return Ok(()) };
    let published: BTreeSet<i64> = first.file.iter().chain(&*first.open).copied().collect();
    for (at, early) in seen.iter().enumerate() {
        for late in seen[at..].iter().take(apart.saturating_add(1)) {
            let met: BTreeSet<i64> = early.file.iter().chain(&*late.open).copied().collect();
            let last = met.last().copied().unwrap_or(i64::MIN);
            if let Some(missed) = published.range(..last).find(|key| !met.contains(key)) {
                return Err(format!(
                    "a reader that opens the file and later the open file misses {missed}: {:?}, {:?}",
                    early.file, late.open
                ));
            }
        }
    }
    let rest = seen.last().filter(|_| is_done);
    match rest {
        Some(rest) if rest.file.last().zip(rest.open.first()).is_some_and(|(last, first)| last >= first) => {
            Err(format!("the order of names is not that of rows: {:?}, {:?}", rest.file, rest.open))
        }
        _ => Ok(()),
    }
}

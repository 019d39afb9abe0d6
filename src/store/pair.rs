//! The rows that count of a period's two files, at any step of a change of both.
//!
//! Where keys are in both, the newer file is right: a fold after its first step, or rows being taken out of the file
//! into the open one. So no row is lost and none is there twice.

use crate::store::file::{ALL_KEYS, PeriodFile};

/// The two files of a period, of which no key is in both.
pub(crate) struct Pair {
    pub(crate) file: Option<Box<PeriodFile>>,
    pub(crate) open: Option<Box<PeriodFile>>,
    /// The open file has rows that the file has too, which is the older one of the two.
    pub(crate) overlap: bool,
    /// The open file is not newer than the file: what it has beyond the last row of that one is to be written anew.
    is_stale: bool,
    /// An open file stands there, if only one whose rows are all in the file.
    pub(crate) has_open: bool,
    /// The highest generation of the two.
    pub(crate) generation: u64,
}

impl Pair {
    pub(crate) fn of(file: Option<Box<PeriodFile>>, open: Option<Box<PeriodFile>>) -> Self {
        let has_open = open.is_some();
        let generation = file.iter().chain(&open).map(|file| file.footer().generation).max().unwrap_or(0);
        let mut pair = Pair { file, open, overlap: false, is_stale: false, has_open, generation };
        let (Some(file), Some(open)) = (&pair.file, &pair.open) else { return pair };
        let (last, first) = (file.last_key(), open.first_key());
        if open.footer().generation <= file.footer().generation {
            pair.is_stale = true;
            let beyond = last.map_or(ALL_KEYS, |last| last.saturating_add(1)..ALL_KEYS.end);
            pair.open = (open.last_key() > last).then(|| Box::new(open.narrowed(beyond)));
        } else if let Some(first) = first.filter(|first| last >= Some(*first)) {
            pair.overlap = true;
            pair.file = Some(Box::new(file.narrowed(ALL_KEYS.start..first)));
        }
        pair
    }

    /// Whether a change of both files was cut short after its first step.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.overlap || self.is_stale
    }

    /// The files with rows that count, in the order of those.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PeriodFile> {
        self.file.iter().chain(&self.open).map(|file| &**file)
    }
}

//! How many files a reader keeps open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::store::file::PeriodFile;

/// The most files kept open for one reader.
const MOST_FILES: usize = 4_096;
/// The most memory of what is known of files that are kept open, in bytes.
const MOST_BYTES: usize = 8 << 20;
/// Open files of the process that are asked for.
const WANTED_FILES: u64 = 32_768;
/// A reader may take one in so many of them.
const SHARE: u64 = 8;

/// Room for files that are kept open.
pub(super) struct Room {
    files: usize,
    bytes: usize,
}

impl Room {
    /// As much as the limit of the process allows, which is raised where the system lets it.
    pub(super) fn of_process() -> Self {
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(WANTED_FILES, |most| most.min(WANTED_FILES));
        if limit.current.is_some_and(|current| current < wanted) {
            let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
            if setrlimit(Resource::Nofile, raised).is_ok() {
                limit = raised;
            }
        }
        let share = limit.current.unwrap_or(WANTED_FILES) / SHARE;
        Room { files: usize::try_from(share).unwrap_or(MOST_FILES).min(MOST_FILES), bytes: MOST_BYTES }
    }

    /// The most series whose files can be open side by side: two of each.
    pub(super) fn series(&self) -> usize {
        self.files / 2
    }

    pub(super) fn has_any(&self) -> bool {
        self.files > 1 && self.bytes > 0
    }

    /// Takes the room of files.
    pub(super) fn take(&mut self, files: &[PeriodFile]) {
        let bytes: usize = files.iter().map(|file| file.metadata().memory_size()).sum();
        self.files = self.files.saturating_sub(files.len());
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

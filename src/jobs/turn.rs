//! Whether a run requests windows for the first or the last time.

use crate::jobs::plan;
use crate::jobs::scope::RunScope;
use crate::model::{Window, Windows};

/// The first time, or the last time for windows that were found empty.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    First,
    Last,
}

impl Turn {
    /// The windows, each for one walk.
    pub(super) fn windows(self, missing: &Windows, scope: &RunScope) -> Vec<Window> {
        match self {
            // Time that was found empty is expected to be: one walk confirms all of it.
            Turn::Last if scope.offer.is_open_ended() => missing.iter().collect(),
            Turn::First | Turn::Last => plan::walks(missing, scope.offer, scope.grid).collect(),
        }
    }
}

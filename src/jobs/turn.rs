//! Which time in a run windows are asked for.

use crate::jobs::plan;
use crate::jobs::scope::RunScope;
use crate::model::{Window, Windows};

/// Whether windows are asked for the first time in a run, or for the last after they came empty.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    First,
    Last,
}

impl Turn {
    /// The windows that one walk each takes.
    pub(super) fn windows(self, missing: &Windows, scope: &RunScope) -> Vec<Window> {
        match self {
            // Time that came empty is expected to be: one walk finds all of it so.
            Turn::Last if scope.offer.is_open_ended() => missing.iter().collect(),
            Turn::First | Turn::Last => plan::walks(missing, scope.offer, scope.grid).collect(),
        }
    }
}

//! The beginning of a window, as far as a walk through it knows.

use crate::exchange::paging::Edge;
use crate::model::Window;

/// How far it is shown where the window begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Beginning {
    /// No row was seen yet.
    #[default]
    Unseen,
    /// Nothing shows yet that nothing lies before the first row.
    Open(Head),
    /// It is shown.
    Shown,
}

/// The time between where the window begins and the first row of its first page. Trades of the first instant may have
/// been left out of that page, so that it belongs to what is not shown yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) window: Window,
    /// The first row of the first page.
    pub(super) first: Edge,
    /// The trade stepped back to, and the id the next step asks from.
    pub(super) lowest: Edge,
    pub(super) asked: u64,
    pub(super) rows: u32,
    /// Whether one answer has left out ids.
    pub(super) is_holed: bool,
    /// Rows behind the window filled an answer: no more than the window is asked for.
    pub(super) is_crowded: bool,
}

/// Time of which ids show that it had trades that the exchange no longer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The time.
    pub window: Window,
    /// The first id the exchange still has.
    pub first_id: u64,
}

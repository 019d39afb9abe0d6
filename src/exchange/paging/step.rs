//! The result of one answer to a walk.

use crate::exchange::paging::Gone;
use crate::model::{Batch, Kind, OddRow, Window};

/// The rows of one answer and what they prove.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The rows that lie in the window, and late ones that ids place in it.
    pub rows: Batch,
    /// The time they prove to be covered, odd rows left out of account.
    pub covered: Option<Window>,
    /// The time that is proven to be empty.
    pub empty: Option<Window>,
    /// Time whose trades the exchange no longer gives.
    pub gone: Option<Gone>,
    /// Rows that cannot be true, seen in two answers.
    pub set_aside: Vec<SetAside>,
    /// Rows outside what was asked for, which an exchange should not have sent.
    pub stray: u64,
    /// A hole in contiguous ids that is believed now: the number before it, and how many are skipped.
    pub id_hole: Option<(u64, u64)>,
}

impl Step {
    /// The step of an answer that only showed the way.
    pub(super) fn of_nothing(kind: Kind) -> Step {
        let (rows, set_aside) = (Batch::of(kind), Vec::new());
        Step { rows, covered: None, empty: None, gone: None, set_aside, stray: 0, id_hole: None }
    }
}

/// An odd row that two answers had, and the time it leaves without a row.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// The row.
    pub row: OddRow,
    /// The time it leaves without a row, where that is known.
    pub window: Option<Window>,
}

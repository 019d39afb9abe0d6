//! A row of an answer that cannot be true: kept as text, never among the rows.

use crate::model::{Micros, foreign};

/// How much of an odd row's text is kept, in bytes.
const TEXT_BYTES: usize = 4_096;

/// A row that cannot be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddRow {
    /// The class of its fault, one of few: a label of metrics.
    pub fault: OddFault,
    /// The fault.
    pub detail: String,
    /// The row as the exchange sent it, cut to a few kilobytes.
    pub text: String,
    /// Its open or instant, where that can be true.
    pub at: Option<Micros>,
}

impl OddRow {
    /// A row with its text, which is cut where it is long.
    #[must_use]
    pub fn new(fault: OddFault, detail: impl Into<String>, text: &str, at: Option<Micros>) -> Self {
        let text = text[..text.floor_char_boundary(TEXT_BYTES)].to_owned();
        OddRow { fault, detail: foreign(&detail.into()), text, at }
    }
}

/// The faults a row can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OddFault {
    /// A candle that opens off the grid of its span.
    OffGrid,
    /// Values that contradict one another, such as a high below the low, or two rows of one key that differ.
    Contradiction,
    /// A price or an amount that is absent, negative or no number.
    Value,
    /// An instant outside reason, or none.
    Time,
    /// A trade whose id is absent or empty.
    Id,
    /// Not the documented shape.
    Shape,
}

impl OddFault {
    /// Every fault.
    pub const ALL: [OddFault; 6] = [
        OddFault::OffGrid,
        OddFault::Contradiction,
        OddFault::Value,
        OddFault::Time,
        OddFault::Id,
        OddFault::Shape,
    ];

    /// Its word in labels and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OddFault::OffGrid => "off_grid",
            OddFault::Contradiction => "contradiction",
            OddFault::Value => "value",
            OddFault::Time => "time",
            OddFault::Id => "id",
            OddFault::Shape => "shape",
        }
    }
}

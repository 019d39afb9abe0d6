//! The kinds of changes of a body, and what is drawn to choose among them.

/// The change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// The body ends early.
    Truncated,
    /// A number is written as text, or text as a number.
    OtherType,
    /// A number is written with an exponent.
    Exponent,
    /// A row has one more column or member.
    AddedColumn,
    /// An object around the rows has one more member.
    AddedMember,
    /// Two rows have changed places.
    SwappedRows,
    /// A row is there twice.
    DoubledRow,
    /// A row is there twice, with another amount.
    DifferingRow,
    /// A column is null.
    Null,
    /// A column is of a type that no number has.
    Retyped,
    /// A column is a number that no double holds.
    Overflow,
    /// A price or an amount is negative.
    Negative,
    /// The time is in another unit.
    TimeUnit,
    /// The time or the side has changed places with another column.
    SwappedColumns,
    /// The last columns of a row are not there.
    ShortRow,
    /// A row is no row.
    NoRow,
    /// Something around the rows is of another type, null or not there.
    Around,
}

impl Change {
    pub(crate) const ALL: [Change; 17] = [
        Change::Truncated,
        Change::OtherType,
        Change::Exponent,
        Change::AddedColumn,
        Change::AddedMember,
        Change::SwappedRows,
        Change::DoubledRow,
        Change::DifferingRow,
        Change::Null,
        Change::Retyped,
        Change::Overflow,
        Change::Negative,
        Change::TimeUnit,
        Change::SwappedColumns,
        Change::ShortRow,
        Change::NoRow,
        Change::Around,
    ];

    pub(crate) fn word(self) -> String {
        format!("{self:?}")
    }

    /// Whether the rows are the same, only written otherwise.
    pub(crate) fn is_form(self) -> bool {
        use Change::{AddedColumn, AddedMember, DoubledRow, Exponent, OtherType, SwappedRows};
        matches!(self, OtherType | Exponent | AddedColumn | AddedMember | SwappedRows | DoubledRow)
    }
}

/// Numbers drawn from a name and a number, the same ones each time.
pub(crate) struct Draw {
    state: u64,
    pub(crate) number: u64,
}

impl Draw {
    pub(crate) fn new(name: &str, number: u64) -> Draw {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Draw { state: seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number }
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { Some(&of[self.below(of.len())]) }
    }
}

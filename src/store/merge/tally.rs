//! Counts of merged rows.

/// The newer rows of a merge, counted by what happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were not there before.
    pub added: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// Rows that were there already, to the last bit but for the time of receipt.
    pub repeated: u64,
    /// Rows that were there already, without the time of receipt that they have now.
    pub received: u64,
    /// Trades of the revised ones that have another price, amount or side under the same id.
    pub mismatched: u64,
}

impl Tally {
    /// Whether all of them were there already.
    pub(crate) fn is_nothing_new(self) -> bool {
        self.added + self.revised + self.received == 0
    }

    /// Both together.
    pub fn add(&mut self, other: Tally) {
        self.added += other.added;
        self.revised += other.revised;
        self.repeated += other.repeated;
        self.received += other.received;
        self.mismatched += other.mismatched;
    }
}

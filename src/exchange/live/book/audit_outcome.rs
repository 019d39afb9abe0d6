//! The outcome of a comparison of a live book, as a closed set.

/// The outcome of a comparison of a live book with the same over REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuditOutcome {
    /// Both have the same levels.
    Same,
    /// They differ.
    Differs,
    /// The exchange's book went on, and no update of it came.
    Behind,
    /// The answer did not come, is too old, or the book changed too much meanwhile.
    Undecided,
}

impl AuditOutcome {
    /// All there are.
    pub const ALL: [AuditOutcome; 4] =
        [AuditOutcome::Same, AuditOutcome::Differs, AuditOutcome::Behind, AuditOutcome::Undecided];

    /// Its word in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AuditOutcome::Same => "same",
            AuditOutcome::Differs => "differs",
            AuditOutcome::Behind => "behind",
            AuditOutcome::Undecided => "undecided",
        }
    }

    /// Whether it speaks against the live book.
    #[must_use]
    pub fn is_against(self) -> bool {
        matches!(self, AuditOutcome::Differs | AuditOutcome::Behind)
    }
}

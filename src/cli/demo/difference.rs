//! How what is stored differs from what the simulator holds.

use std::fmt;

/// A difference between the store and the simulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) rows: u64,
    pub(super) missing: u64,
    pub(super) doubled: u64,
    pub(super) wrong: u64,
    pub(super) invented: u64,
}

impl Difference {
    pub(super) fn is_none(&self) -> bool {
        (self.missing, self.doubled, self.wrong, self.invented) == (0, 0, 0, 0)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { missing, doubled, wrong, invented, .. } = self;
        write!(f, "{missing} missing, {doubled} doubled, {wrong} wrong, {invented} invented")
    }
}

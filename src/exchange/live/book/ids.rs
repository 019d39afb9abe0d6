//! The numbers by which updates of a book follow one another.

/// Numbers of an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    /// The first change in it.
    pub(crate) first: Option<i64>,
    /// The last change in it, or the number of it.
    pub(crate) last: Option<i64>,
    /// The number of the update before it.
    pub(crate) previous: Option<i64>,
}

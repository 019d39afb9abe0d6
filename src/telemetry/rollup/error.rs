//! Why an observation is not taken.

use thiserror::Error;

use super::Kind;

/// The most bytes of a key.
pub(super) const KEY_BYTES: usize = 1_024;
/// The most characters of a unit.
pub(super) const UNIT_CHARS: usize = 64;

/// Why an observation was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RollupError {
    /// The key is empty, too long or holds a NUL character.
    #[error("a key has 1 to {} bytes and no NUL character; this one has {bytes} bytes", KEY_BYTES)]
    Key {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The value is not a finite number.
    #[error("the value of `{key}` is not a finite number")]
    NotFinite {
        /// The key.
        key: String,
    },
    /// The key is that of another kind of metric.
    #[error("`{key}` is a {known}, not a {given}; use another key")]
    OtherKind {
        /// The key.
        key: String,
        /// Its kind.
        known: Kind,
        /// The kind that was given.
        given: Kind,
    },
    /// The key has another unit.
    #[error("`{key}` is in `{known}`, not in `{given}`; use another key")]
    OtherUnit {
        /// The key.
        key: String,
        /// Its unit; empty if it has none.
        known: String,
        /// The unit it was said to have.
        given: String,
    },
    /// The state store knows the key with another kind or unit.
    #[error(
        "the state store knows `{key}` with another kind or unit than that of this {given}; use another key"
    )]
    StoredOtherwise {
        /// The key.
        key: String,
        /// The kind that was given.
        given: Kind,
    },
    /// The unit is too long.
    #[error("the unit of `{key}` has more than {UNIT_CHARS} characters")]
    LongUnit {
        /// The key.
        key: String,
    },
    /// As many points wait for the store as may.
    #[error("{most} points of the metric history wait for the store already; `{key}` was not counted")]
    Full {
        /// The key.
        key: String,
        /// The most that may wait.
        most: usize,
    },
}

//! Keys of metrics: segments that `:` separates, such as `queue:binance:depth`.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::error::{KEY_BYTES, RollupError};

/// The key of a metric, 1 to 1024 bytes. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The most bytes of a key.
    pub const MOST_BYTES: usize = KEY_BYTES;

    /// Checks a key.
    ///
    /// # Errors
    /// If it is empty, too long or holds a NUL character, which no store can keep.
    pub fn new(text: &str) -> Result<Self, RollupError> {
        if text.is_empty() || text.len() > Self::MOST_BYTES || text.contains('\0') {
            return Err(RollupError::Key { bytes: text.len() });
        }
        Ok(Key(Arc::from(text)))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a key begins with the segments of a prefix: `queue` matches `queue:binance:depth`, and `queue:bin` does not.
/// The empty prefix matches every key.
#[must_use]
pub fn matches_prefix(prefix: &str, key: &str) -> bool {
    match key.strip_prefix(prefix) {
        _ if prefix.is_empty() => true,
        Some(rest) => rest.is_empty() || rest.starts_with(':'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_whole_segments_and_no_character_is_special() {
        let keys = ["queue:def", "queue:default:x", "queue:de%", "queuex", "other"];
        let matched = |prefix| keys.into_iter().filter(|key| matches_prefix(prefix, key)).collect::<Vec<_>>();

        assert_eq!(matched("queue"), ["queue:def", "queue:default:x", "queue:de%"]);
        assert_eq!(matched("queue:def"), ["queue:def"]);
        assert_eq!(matched("queue:de%"), ["queue:de%"]);
        assert_eq!(matched("que"), [""; 0]);
        assert_eq!(matched("queue:"), [""; 0]);
        assert_eq!(matched("").len(), 5);
    }

    #[test]
    fn a_key_that_no_store_could_keep_is_refused() {
        assert!(Key::new(&"k".repeat(1_024)).is_ok());
        for odd in [String::new(), "k".repeat(1_025), "a\0b".to_owned()] {
            assert_eq!(Key::new(&odd), Err(RollupError::Key { bytes: odd.len() }));
        }
    }
}

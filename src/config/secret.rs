//! Values that must never reach a log, a message or a terminal, and masking of those that might.

use std::fmt;

use crate::model::escaped;

/// A password, a token or a URL that contains one; displayed as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Secret(text.to_owned())
    }

    /// The value, for the single place that uses it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The most characters of a bad value repeated in a message.
const SHOWN_CHARS: usize = 80;

/// A value for messages: in backticks, short, without control characters or credentials.
#[must_use]
pub fn shown(text: &str) -> String {
    let masked = mask(text);
    let mut short: String = escaped(&masked.chars().take(SHOWN_CHARS).collect::<String>()).into_owned();
    if masked.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

/// `text` with `user:password@` replaced by `***@` in every word. May mask too much, but never too little.
#[must_use]
pub(crate) fn mask(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(mask_word).collect()
}

fn mask_word(word: &str) -> String {
    let Some((before, host)) = word.rsplit_once('@') else { return word.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{host}"),
        None => format!("***@{host}"),
    }
}

/// A key for messages; one with unusual characters is quoted, so that it cannot control the terminal.
pub(super) fn shown_key(key: &str) -> String {
    let plain = key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { key.to_owned() } else { shown(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_its_value() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn credentials_in_urls_are_masked_wherever_they_stand() {
        assert_eq!(mask("see postgres://me:p@ss/w@db:5432/x now"), "see postgres://***@db:5432/x now");
        assert_eq!(mask("me:pw@host"), "***@host");
        assert_eq!(mask("BTC/USDT"), "BTC/USDT");
    }

    #[test]
    fn shown_values_are_short_and_cannot_drive_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb"), "`a\\u{1b}[2Jb`");
        assert!(shown(&"x".repeat(500)).chars().count() < 100);
    }
}

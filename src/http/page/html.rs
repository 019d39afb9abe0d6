//! HTML under construction, and text in it.

use std::fmt::{Arguments, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model;

/// The most bytes that are shown of one text.
const MOST_BYTES: usize = 4_096;
/// Bytes that are escaped in a segment of an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// HTML under construction.
pub(super) struct Html(String);

impl Html {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Html(String::with_capacity(bytes))
    }

    /// Appends a line unescaped.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    pub(super) fn add(&mut self, text: Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes any text");
    }
}

impl From<Html> for String {
    fn from(html: Html) -> String {
        html.0
    }
}

/// Escapes text for an element or a quoted attribute; of a long one only the beginning, with a note of the rest.
pub(super) fn escaped(text: &str) -> String {
    let shown = if text.len() > MOST_BYTES { &text[..text.floor_char_boundary(MOST_BYTES)] } else { text };
    let mut safe = String::with_capacity(shown.len());
    for c in model::escaped(shown).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    if shown.len() < text.len() {
        let left = model::thousands((text.len() - shown.len()) as u64);
        let _ = write!(safe, "\u{2026} ({left} more bytes)");
    }
    safe
}

/// A text as one segment of a path, or as a value in a query.
pub(in crate::http) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A count with its exact value for programs.
pub(super) fn count(count: u64) -> String {
    format!("<data value=\"{count}\">{}</data>", model::thousands(count))
}

/// A size with its exact value for programs.
pub(super) fn size(bytes: u64) -> String {
    format!("<data value=\"{bytes}\">{}</data>", model::bytes(bytes))
}

/// A value, or a dash.
pub(super) fn or_dash<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "\u{2013}".to_owned(), shown)
}

/// `one gap` or `7 gaps`.
pub(super) fn plural(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {several}", model::thousands(count)) }
}

/// A state by color and word; `tone` is `good`, `bad`, `busy`, `warn` or `quiet`.
pub(super) fn chip(tone: &str, word: &str) -> String {
    format!("<span class=\"chip {tone}\">{}</span>", escaped(word))
}

/// Why a part cannot be shown.
pub(super) fn refused(html: &mut Html, why: &str) {
    html.add(format_args!("<p class=\"refusal\">{}</p>\n", escaped(why)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup_or_an_address_of_its_own() {
        assert_eq!(
            escaped("<b a='1' c=\"2\">&\u{1b}"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;\\u{1b}"
        );
        assert_eq!(segment("okx/BTC-USDT/../?a=1&b#c"), "okx%2FBTC-USDT%2F..%2F%3Fa%3D1%26b%23c");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let long = "\u{e9}".repeat(1 << 20);

        let shown = escaped(&long);

        assert!(shown.len() < 5_000, "{}", shown.len());
        assert!(shown.ends_with("\u{2026} (2,093,056 more bytes)"), "{}", &shown[4_080..]);
    }
}

//! External text, from exchanges, other programs and file names: displayed and stored as text, whatever it
//! contains.

use std::borrow::Cow;

/// The most bytes kept of one external text; the number of bytes left out is appended.
const LONGEST_BYTES: usize = 1_024;
/// Space for the number of bytes left out.
const COUNT_BYTES: usize = 32;

/// External text on one line of bounded length: its beginning, escaped.
///
/// Idempotent.
#[must_use]
pub fn foreign(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(LONGEST_BYTES));
    if text.len() <= LONGEST_BYTES + COUNT_BYTES && !text.chars().any(is_hidden) {
        kept.push_str(text);
        return kept;
    }
    for (at, c) in text.char_indices() {
        let before = kept.len();
        push(&mut kept, c);
        if kept.len() > LONGEST_BYTES {
            kept.truncate(before);
            let left = text.len() - at;
            kept.push_str(&format!("\u{2026} ({left} more bytes)"));
            break;
        }
    }
    kept
}

/// Escapes every character that does not display as itself: controls, line breaks, direction overrides, and
/// characters without width. Terminals, pages and logs only display the result.
#[must_use]
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push(&mut safe, c));
    Cow::Owned(safe)
}

fn push(text: &mut String, c: char) {
    if is_hidden(c) {
        text.extend(c.escape_default());
    } else {
        text.push(c);
    }
}

/// Whether a character does not display as itself.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_drives_a_terminal_breaks_a_line_or_turns_text_is_seen_as_an_escape() {
        assert_eq!(escaped("a\u{1b}[2Jb\r\nc"), "a\\u{1b}[2Jb\\r\\nc");
        assert_eq!(
            foreign("pay\u{202e}dap\u{2028}\u{85}\u{200b}"),
            "pay\\u{202e}dap\\u{2028}\\u{85}\\u{200b}"
        );
        assert_eq!(foreign("täglich 取引 🦀 \\n"), "täglich 取引 🦀 \\n");
    }

    #[test]
    fn a_long_text_is_cut_and_says_by_how_much() {
        let long = foreign(&"x".repeat(1 << 20));
        assert!(long.starts_with("xxx") && long.ends_with("\u{2026} (1047552 more bytes)"), "{long}");
        assert!(foreign(&"\u{1b}".repeat(1 << 20)).len() <= LONGEST_BYTES + COUNT_BYTES);
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_in_any_text_and_a_second_time_changes_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
            text in "\\PC*|.{0,2000}",
        ) {
            for kept in [foreign(&text), foreign(&String::from_utf8_lossy(&bytes))] {
                prop_assert!(!kept.chars().any(is_hidden), "{kept:?}");
                prop_assert!(kept.len() <= LONGEST_BYTES + COUNT_BYTES);
                prop_assert_eq!(foreign(&kept), kept);
            }
        }
    }
}

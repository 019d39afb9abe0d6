//! Text of other people for a terminal: nothing in it moves the cursor, breaks a line or turns the direction of text.

use std::fmt::Write as _;

/// The text with such characters as escapes, `\u001b`.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, |_| false)
}

/// JSON with such characters as escapes, which mean the same in it; its own line breaks stay.
pub(crate) fn printable_json(json: &str) -> String {
    escaped(json, |c| c == '\n')
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || is_invisible(c)) && !stays(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let sent = "a\u{1b}[2J\r\nb\u{9b}31m\u{202e}ü\u{7f}";
        assert_eq!(printable(sent), "a\\u001b[2J\\u000d\\u000ab\\u009b31m\\u202eü\\u007f");
    }

    #[test]
    fn escaped_json_means_what_it_meant() {
        let sent = "a\u{1b}[2J\r\nb\u{9b}31m\u{202e}ü\u{7f}";
        let json = serde_json::to_string_pretty(&[sent]).unwrap();
        let shown = printable_json(&json);
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && !is_invisible(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [sent]);
        assert_eq!(shown.lines().count(), 3);
    }
}

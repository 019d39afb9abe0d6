//! Locates the parts of a flow collection (`[a, b]`, `{a: b}`) in YAML text, and adds or removes one.
//!
//! It handles quotes, comments and nesting, not all of YAML: callers parse the result and compare.

use std::ops::Range;

/// A flow collection in a text.
pub(super) struct Flow {
    /// The position of its opening bracket.
    pub(super) open: usize,
    /// The position of its closing bracket.
    pub(super) close: usize,
    /// The parts between its commas.
    pub(super) parts: Vec<Part>,
}

/// One element of a flow collection.
pub(super) struct Part {
    /// From its first byte to after its last.
    pub(super) range: Range<usize>,
    /// The position of the comma after it.
    comma: Option<usize>,
}

/// A range and its replacement.
pub(super) type Change = (Range<usize>, String);

/// Applies changes that do not overlap.
pub(super) fn apply(text: &str, mut changes: Vec<Change>) -> String {
    changes.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = text.to_owned();
    for (range, new) in changes.into_iter().rev() {
        result.replace_range(range, &new);
    }
    result
}

/// Parses the collection whose bracket opens at `open`. `None` if it is not closed.
pub(super) fn scan(text: &str, open: usize) -> Option<Flow> {
    let bytes = text.as_bytes();
    let mut parts: Vec<Part> = Vec::new();
    let mut current: Option<Range<usize>> = None;
    let (mut depth, mut plain, mut at) = (1_usize, false, open + 1);
    while at < bytes.len() {
        let byte = bytes[at];
        let next = token_end(bytes, at, plain)?;
        let comment = byte == b'#' && starts_comment(bytes, at, plain);
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            parts.extend(current.map(|range| Part { range, comma: None }));
            return Some(Flow { open, close: at, parts });
        }
        if byte == b',' && depth == 1 {
            parts.push(Part { range: current.take()?, comma: Some(at) });
        } else if !byte.is_ascii_whitespace() && !comment {
            current = Some(current.map_or(at, |range| range.start)..next);
        }
        plain = continues_plain(byte, plain) && !comment;
        at = next;
    }
    None
}

/// Whether a plain scalar continues after `byte`: quotes and `#` have no special meaning inside one.
fn continues_plain(byte: u8, plain: bool) -> bool {
    match byte {
        b',' | b'[' | b']' | b'{' | b'}' | b':' | b'"' | b'\'' | b'\n' => {
            plain && matches!(byte, b'"' | b'\'')
        }
        b' ' | b'\t' | b'\r' => plain,
        _ => true,
    }
}

fn starts_comment(bytes: &[u8], at: usize, plain: bool) -> bool {
    !plain || at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_whitespace())
}

/// The end of the token at `at`: after a quoted text or a comment, else after one byte.
fn token_end(bytes: &[u8], at: usize, plain: bool) -> Option<usize> {
    match bytes[at] {
        b'#' if starts_comment(bytes, at, plain) => {
            let line = bytes[at..].iter().position(|byte| *byte == b'\n')?;
            Some(at + line)
        }
        b'\'' if !plain => quoted_end(bytes, at, |_| false),
        b'"' if !plain => quoted_end(bytes, at, |byte| byte == b'\\'),
        _ => Some(at + 1),
    }
}

/// The position after the closing quote. A doubled single quote parses as two adjacent quoted texts, which is
/// equivalent here.
fn quoted_end(bytes: &[u8], open: usize, escapes: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        if bytes[at] == bytes[open] {
            return Some(at + 1);
        }
        at += if escapes(bytes[at]) { 2 } else { 1 };
    }
    None
}

/// The position of `key`'s value in a flow mapping.
pub(super) fn value(text: &str, map: &Flow, key: &str) -> Option<usize> {
    map.parts.iter().find_map(|part| {
        let own = &text[part.range.clone()];
        let rest = after_key(own, key)?;
        Some(part.range.end - rest.trim_start().len())
    })
}

/// The text after `key:` if it begins with that; the key may be quoted.
pub(super) fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let bare = text.strip_prefix(key);
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_prefix(key)?.strip_prefix(quote);
    let rest = bare.or_else(|| quoted('"')).or_else(|| quoted('\''))?;
    let rest = rest.trim_start_matches([' ', '\t']).strip_prefix(':')?;
    let apart = rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n', '[', '{']);
    apart.then_some(rest)
}

/// Removes one part with its comma, and its line if nothing else is on it.
pub(super) fn remove(text: &str, flow: &Flow, index: usize) -> Option<Vec<Change>> {
    let part = flow.parts.get(index)?;
    let last = index + 1 == flow.parts.len();
    let mut cut = part.range.start..part.comma.map_or(part.range.end, |comma| comma + 1);
    if last {
        cut.start = flow.open + 1 + text[flow.open + 1..cut.start].trim_end_matches([' ', '\t']).len();
    } else {
        cut.end = text.len() - text[cut.end..].trim_start_matches([' ', '\t']).len();
    }
    let cut = with_blank_line(text, cut);
    let mut changes = vec![(cut.clone(), String::new())];
    let before = index.checked_sub(1).and_then(|before| flow.parts.get(before));
    if let (None, Some(comma)) = (part.comma, before.and_then(|before| before.comma)) {
        changes.push((comma..comma + 1, String::new()));
    }
    Some(changes)
}

/// Extends a cut that leaves a blank line to include that line and the line break before it.
fn with_blank_line(text: &str, cut: Range<usize>) -> Range<usize> {
    let head = text[..cut.start].trim_end_matches([' ', '\t']);
    let tail = text[cut.end..].trim_start_matches([' ', '\t']);
    let Some(above) = head.strip_suffix("\r\n").or_else(|| head.strip_suffix('\n')) else { return cut };
    if tail.starts_with('\n') || tail.starts_with("\r\n") {
        return above.len()..text.len() - tail.len();
    }
    // A closing bracket moves up, but not into a comment.
    let commented = above.rsplit('\n').next().is_some_and(|line| line.contains('#'));
    if tail.starts_with(']') && !commented { above.len()..cut.end } else { cut }
}

/// Adds an element at the end, on its own line if the last one has one.
pub(super) fn append(text: &str, flow: &Flow, element: &str, line_end: &str) -> Vec<Change> {
    let Some(last) = flow.parts.last() else {
        return vec![(flow.open + 1..flow.open + 1, element.to_owned())];
    };
    let end = last.range.end;
    let head = &text[..last.range.start];
    let indent = &head[head.trim_end_matches([' ', '\t']).len()..];
    let own_line = head[..head.len() - indent.len()].ends_with('\n');
    if !own_line {
        return vec![(end..end, format!(", {element}"))];
    }
    let (comma, mut after) = (last.comma.is_some(), end);
    // After the comma and the comment, if any; the bracket may close on the same line.
    let rest = text[end..].find('\n').map_or(text.len(), |at| end + at);
    if rest < flow.close {
        after = if text[..rest].ends_with('\r') { rest - 1 } else { rest };
    }
    let tail = if comma { "," } else { "" };
    let line = format!("{line_end}{indent}{element}{tail}");
    if comma && after == end {
        // `a,]`: the existing comma now follows the new element.
        return vec![(end..end, format!(",{line_end}{indent}{element}"))];
    }
    if comma { vec![(after..after, line)] } else { vec![(end..end, ",".to_owned()), (after..after, line)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let flow = scan(text, 0).unwrap();
        flow.parts.iter().map(|part| &text[part.range.clone()]).collect()
    }

    fn removed(text: &str, index: usize) -> String {
        apply(text, remove(text, &scan(text, 0).unwrap(), index).unwrap())
    }

    fn appended(text: &str, element: &str) -> String {
        apply(text, append(text, &scan(text, 0).unwrap(), element, "\n"))
    }

    #[test]
    fn commas_in_quotes_comments_and_nested_brackets_do_not_separate() {
        assert_eq!(
            parts("[a, 'b, ''c', \"d\\\", e\", {f: [g, h]}, i]"),
            ["a", "'b, ''c'", "\"d\\\", e\"", "{f: [g, h]}", "i"]
        );
        assert_eq!(parts("[it's, a#b, # c, d]\n e]"), ["it's", "a#b", "e"]);
        assert_eq!(parts("[]").len(), 0);
        assert_eq!(parts("[a,]"), ["a"]);
    }

    #[test]
    fn a_part_goes_with_its_comma_and_its_blank_line_but_not_with_its_neighbours_comment() {
        assert_eq!(removed("[a, b, c]", 0), "[b, c]");
        assert_eq!(removed("[a, b, c]", 1), "[a, c]");
        assert_eq!(removed("[a, b, c]", 2), "[a, b]");
        assert_eq!(removed("[a]", 0), "[]");
        assert_eq!(removed("[\n  a, # one\n  b\n]", 1), "[\n  a # one\n]");
        assert_eq!(removed("[\n  a,\n  b,\n]", 0), "[\n  b,\n]");
    }

    #[test]
    fn removing_what_was_appended_gives_the_text_back() {
        for text in [
            "[]",
            "[a]",
            "[ a ]",
            "[a,]",
            "[a, ]",
            "[\n  a\n]",
            "[\n  a,\n]",
            "[\n  a # one\n]",
            "[\n  a, # one\n]",
            "[a,\n b]",
            "[a,\n b ]",
            "[\n a,]",
            "[\n  {x: 1},\n  {y: 2}\n]",
        ] {
            let more = appended(text, "Z");
            let count = parts(&more).len();
            assert_eq!(parts(&more)[count - 1], "Z", "{more:?}");
            assert_eq!(removed(&more, count - 1), text, "through {more:?}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_key_alone() {
        let text = "{pairs_of: 1, x: pairs, 'pairs': [a]}";
        let at = value(text, &scan(text, 0).unwrap(), "pairs").unwrap();
        assert_eq!(&text[at..], "[a]}");
    }
}

//! Locates jobs in the text of a configuration by lines and indentation.
//!
//! It handles the usual styles, not all of YAML: callers parse the result and compare.

use std::ops::Range;

use crate::config::edit::flow::{self, Flow};

/// How the jobs of a file are written.
pub(super) enum Jobs {
    /// The key is missing.
    Missing,
    /// The key has no value, `null` or `[]`.
    Empty {
        /// From after the colon of the key to the end of the value.
        value: Range<usize>,
    },
    /// `[{…}, {…}]`.
    Flow(Flow),
    /// One `-` per job.
    Block {
        /// The position after the colon of the key.
        colon: usize,
        /// The jobs, in order.
        items: Vec<Item>,
    },
}

/// One job of a block sequence.
pub(super) struct Item {
    /// Its lines: from the end of the previous line to the end of its last non-blank one.
    pub(super) lines: Range<usize>,
    /// Spaces before its `-`.
    pub(super) dash: usize,
    /// The position of its first key or its `{`.
    pub(super) body: usize,
    /// Spaces before its keys.
    pub(super) indent: usize,
}

/// How the pairs of a job are written.
pub(super) enum Pairs {
    /// `[A/B, C/D]`.
    Flow(Flow),
    /// One `-` per line: each line's range including the line break before it, and the spaces before the first
    /// `-`.
    Block { lines: Vec<Range<usize>>, dash: usize },
}

/// A line without its line break, and its position in the text.
#[derive(Clone, Copy)]
struct YamlLine<'a> {
    text: &'a str,
    from: usize,
    /// The end of the previous line, without its line break.
    before: usize,
}

impl<'a> YamlLine<'a> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    fn content(&self) -> &'a str {
        self.text.trim()
    }

    fn says_something(&self) -> bool {
        says_something(self.text)
    }

    fn end(&self) -> usize {
        self.from + self.text.len()
    }

    /// The position after `- `, if the line is an item.
    fn after_dash(&self) -> Option<usize> {
        let rest = self.text.trim_start_matches(' ').strip_prefix('-')?;
        let apart = rest.is_empty() || rest.starts_with([' ', '\t']);
        apart.then(|| self.end() - rest.trim_start().len())
    }
}

fn says_something(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !text.starts_with('#')
}

fn lines(text: &str) -> Vec<YamlLine<'_>> {
    let (mut from, mut before) = (0, 0);
    text.split_inclusive('\n')
        .map(|raw| {
            let bare = raw.strip_suffix('\n').unwrap_or(raw);
            let bare = bare.strip_suffix('\r').unwrap_or(bare);
            let line = YamlLine { text: bare, from, before };
            (from, before) = (from + raw.len(), from + bare.len());
            line
        })
        .collect()
}

/// Finds the jobs under a key. `None` if they are written in an unsupported style.
pub(super) fn jobs(text: &str, key: &str) -> Option<Jobs> {
    let lines = lines(text);
    let first = lines.iter().find(|line| line.says_something() && line.content() != "---");
    if let Some(first) = first.filter(|line| line.content().starts_with('{')) {
        let root = flow::scan(text, first.from + first.indent())?;
        let at = flow::value(text, &root, key)?;
        return text[at..].starts_with('[').then(|| flow::scan(text, at))?.map(Jobs::Flow);
    }
    let own = lines.iter().enumerate().find_map(|(index, line)| {
        let rest = flow::after_key(line.text, key)?;
        Some((index, line.end() - rest.len(), rest))
    });
    let Some((index, colon, rest)) = own else { return Some(Jobs::Missing) };
    let value = rest.trim_start();
    let at = colon + rest.len() - value.len();
    if value.starts_with('[') {
        let flow = flow::scan(text, at)?;
        let empty = flow.parts.is_empty();
        return Some(if empty { Jobs::Empty { value: colon..flow.close + 1 } } else { Jobs::Flow(flow) });
    }
    if let Some(null) = ["null", "~"].into_iter().find(|null| value.split([' ', '\t']).next() == Some(null)) {
        return Some(Jobs::Empty { value: colon..at + null.len() });
    }
    if says_something(value) {
        return None;
    }
    let items = items(text, &lines[index + 1..])?;
    Some(if items.is_empty() { Jobs::Empty { value: colon..colon } } else { Jobs::Block { colon, items } })
}

fn items(text: &str, lines: &[YamlLine<'_>]) -> Option<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    let mut skip_until = 0;
    for (index, line) in lines.iter().enumerate() {
        if line.from < skip_until || !line.says_something() {
            continue;
        }
        let dash = items.last().map(|item| item.dash);
        match line.after_dash() {
            Some(body) if dash.is_none_or(|dash| dash == line.indent()) => {
                let (item, until) = item(text, lines, index, body)?;
                skip_until = until;
                items.push(item);
            }
            _ if dash.is_some_and(|dash| line.indent() > dash) => {
                items.last_mut()?.lines.end = line.end();
            }
            _ => break,
        }
    }
    Some(items)
}

/// The item that begins on a line, and the end of its flow mapping if it is one.
fn item(text: &str, lines: &[YamlLine<'_>], index: usize, body: usize) -> Option<(Item, usize)> {
    let line = lines[index];
    let mut own =
        Item { lines: line.before..line.end(), dash: line.indent(), body, indent: body - line.from };
    if text[body..].starts_with('{') {
        let close = flow::scan(text, body)?.close;
        own.lines.end = lines.iter().find(|line| line.end() > close)?.end();
        return Some((own, close));
    }
    if !says_something(&text[body..line.end()]) {
        let first = lines[index + 1..].iter().find(|line| line.says_something())?;
        own.indent = first.indent();
        own.body = first.from + first.indent();
    }
    Some((own, 0))
}

/// Finds the pairs of a job written as a block item or as a flow mapping at `body`.
pub(super) fn pairs(text: &str, item: &Item) -> Option<Pairs> {
    if text[item.body..].starts_with('{') {
        return pairs_of_map(text, item.body);
    }
    let lines: Vec<YamlLine<'_>> = lines(text)
        .into_iter()
        .filter(|line| line.from < item.lines.end && line.end() >= item.body)
        .collect();
    for (index, line) in lines.iter().enumerate() {
        let from = item.body.max(line.from + line.indent());
        let at_keys = from == item.body || line.indent() == item.indent;
        let Some(rest) = flow::after_key(&text[from..line.end()], "pairs").filter(|_| at_keys) else {
            continue;
        };
        let value = rest.trim_start();
        return if value.starts_with('[') {
            flow::scan(text, line.end() - value.len()).map(Pairs::Flow)
        } else if says_something(value) {
            None
        } else {
            block_pairs(&lines[index + 1..], item.indent)
        };
    }
    None
}

/// Finds the pairs of a flow mapping.
pub(super) fn pairs_of_map(text: &str, open: usize) -> Option<Pairs> {
    let map = flow::scan(text, open)?;
    let at = flow::value(text, &map, "pairs")?;
    text[at..].starts_with('[').then(|| flow::scan(text, at))?.map(Pairs::Flow)
}

fn block_pairs(lines: &[YamlLine<'_>], indent: usize) -> Option<Pairs> {
    let (mut found, mut dash) = (Vec::new(), None);
    for line in lines.iter().filter(|line| line.says_something()) {
        let own = line.indent();
        if own < indent || line.after_dash().is_none() {
            break;
        }
        if own != *dash.get_or_insert(own) {
            return None;
        }
        found.push(line.before..line.end());
    }
    Some(Pairs::Block { lines: found, dash: dash? })
}

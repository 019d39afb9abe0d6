//! Parses YAML text into a tree, with limits on nesting and on the expansion of aliases.
//!
//! `serde_yaml` does the parsing: users rely on its values, its rejections and its messages. A younger parser
//! (serde-saphyr) would supply positions too, but different messages; `lines.rs` supplies the positions instead.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::config::node::Node;

/// The largest weight of a tree: one per node and one per byte of text. A file within the size limit cannot reach
/// it without aliases.
const BUDGET: usize = 2 << 20;

/// The error when [`BUDGET`] is exceeded.
const OVER_BUDGET: &str = "its aliases unfold to too much; write the values out instead of `*name`";

/// The most brackets that may be open at once. For each word the parser spends time on every open bracket before
/// it checks the depth, so a file of only brackets would keep it busy for minutes.
const OPEN_BRACKETS: usize = 1_000;

/// The error for nesting deeper than any configuration needs.
const TOO_DEEP: &str = "it is nested more than 128 levels deep, or an alias holds itself";

impl Node {
    /// Parses one YAML document; an empty one is [`Node::Null`].
    ///
    /// # Errors
    /// The problem, with its line if known.
    pub fn parse(text: &str) -> Result<Self, String> {
        read(text)
    }
}

fn read(text: &str) -> Result<Node, String> {
    let (_, text) = split_mark(text);
    if most_open_brackets(text) > OPEN_BRACKETS {
        return Err(TOO_DEEP.to_owned());
    }
    let left = Cell::new(BUDGET);
    let yaml = serde_yaml::Deserializer::from_str(text);
    Seed { left: &left }.deserialize(yaml).map_err(|error| explain(text, &error))
}

/// Splits off the byte order mark that some editors write.
pub(super) fn split_mark(text: &str) -> (&str, &str) {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    text.split_at(mark)
}

/// The most brackets open at once, counting those in quotes and comments: an estimate suffices here.
fn most_open_brackets(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn explain(text: &str, error: &serde_yaml::Error) -> String {
    let why = error.to_string();
    if why.contains("repetition limit") {
        return OVER_BUDGET.to_owned();
    }
    if why.contains("recursion limit") {
        return TOO_DEEP.to_owned();
    }
    // Bytes that are no characters to the parser have no line, but a place.
    let placed = why.rsplit_once(" at position ");
    let placed = placed.and_then(|(head, place)| Some((head, place.parse::<usize>().ok()?)));
    let Some((head, place)) = placed else { return why };
    let line = 1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count();
    format!("{head} at line {line}")
}

/// Deserializes a node, deducting from the budget.
#[derive(Clone, Copy)]
struct Seed<'a> {
    left: &'a Cell<usize>,
}

impl Seed<'_> {
    fn spend<E: serde::de::Error>(self, weight: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(weight).ok_or_else(|| E::custom(OVER_BUDGET))?;
        self.left.set(left);
        Ok(())
    }

    fn leaf<E: serde::de::Error>(self, node: Node) -> Result<Node, E> {
        self.spend(1)?;
        Ok(node)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag such as `!name`")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.leaf(Node::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        self.leaf(Node::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Node, E> {
        self.leaf(Node::Flag(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Node, E> {
        self.leaf(Node::Whole(number.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Node, E> {
        self.leaf(Node::Whole(number.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, number: i128) -> Result<Node, E> {
        self.leaf(Node::Whole(number))
    }

    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Node, E> {
        self.leaf(Node::Whole(i128::try_from(number).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        self.leaf(Node::Real(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        self.spend(text.len())?;
        self.leaf(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        self.spend(1)?;
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element_seed(self)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        self.spend(1)?;
        let (mut pairs, mut merged) = (Vec::new(), Vec::new());
        while let Some(key) = map.next_key_seed(self)? {
            let key = key_text(key).map_err(A::Error::custom)?;
            let value = map.next_value_seed(self)?;
            if key == "<<" { merged.push(value) } else { pairs.push((key, value)) }
        }
        if !merged.is_empty() {
            let mut held = pairs.iter().map(|(key, _)| key.clone()).collect();
            for value in merged {
                merge(&mut pairs, &mut held, value).map_err(A::Error::custom)?;
            }
        }
        Ok(Node::Map(pairs))
    }
}

fn key_text(key: Node) -> Result<String, String> {
    match key {
        Node::Text(text) => Ok(text),
        Node::Whole(number) => Ok(number.to_string()),
        Node::Flag(flag) => Ok(flag.to_string()),
        other => Err(format!("a key must be a word, found {}", other.found())),
    }
}

/// Merges the mappings of `<<`: keys that are not held yet, earlier mappings in a list first.
fn merge(pairs: &mut Vec<(String, Node)>, held: &mut HashSet<String>, value: Node) -> Result<(), String> {
    match value {
        Node::Map(others) => {
            for (key, value) in others {
                if held.insert(key.clone()) {
                    pairs.push((key, value));
                }
            }
            Ok(())
        }
        Node::List(maps) => maps.into_iter().try_for_each(|map| merge(pairs, held, map)),
        other => Err(format!("`<<` needs a mapping, found {}", other.found())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_survive_in_the_order_of_the_file() {
        let node = read("b: 1\na: x\nb: 2.5\n").unwrap();

        let pair = |key: &str, value| (key.to_owned(), value);
        assert_eq!(
            node,
            Node::Map(vec![
                pair("b", Node::Whole(1)),
                pair("a", Node::Text("x".to_owned())),
                pair("b", Node::Real(2.5)),
            ])
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(read("\u{feff}a: 1\n"), read("a: 1\n"));
    }

    #[test]
    fn merged_keys_never_replace_the_mappings_own() {
        let node = read("base: &b {x: 1, y: 2}\njob: {<<: *b, x: 9}\n").unwrap();

        let job = node.get("job").unwrap();
        assert_eq!((job.get("x"), job.get("y")), (Some(&Node::Whole(9)), Some(&Node::Whole(2))));
    }

    #[test]
    fn a_billion_laughs_are_refused_in_words_a_person_understands() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            let list = vec![alias; 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }

        let error = read(&text).unwrap_err();

        assert!(error.contains("aliases unfold"), "{error}");
    }

    #[test]
    fn one_long_text_aliased_many_times_is_refused_before_it_fills_memory() {
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100_000));

        assert!(read(&text).unwrap_err().contains("aliases unfold"));
    }

    #[test]
    fn bottomless_nesting_is_refused() {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));

        assert!(read(&deep).unwrap_err().contains("128 levels"));
        assert!(read("a: &a [*a]").is_err());
    }

    #[test]
    fn broken_yaml_names_its_line() {
        assert!(read("a: 1\nb: [1\n").unwrap_err().contains("line"));
        assert!(read("a: !secret x").unwrap_err().contains("tag"));
        assert!(read("a: 1\n\nb: \u{1b}[2J\n").unwrap_err().ends_with("at line 3"));
    }
}

//! The YAML file as an ordered tree that still holds duplicate keys, with bounds on what aliases may unfold.
//!
//! It knows nothing of the schema; `section` walks it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::config::secret::shown;

/// What a tree may weigh: one for each node and one for each byte of text. A file within the size limit
/// cannot reach it without aliases.
const BUDGET: usize = 2 << 20;

/// The text of the error raised when [`BUDGET`] is spent.
const OVER_BUDGET: &str = "its aliases unfold to too much; write the values out instead of `*name`";

/// One value of a YAML file.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// Everything else without structure.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; a key may appear twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads one YAML document; an empty one is [`Node::Null`].
    ///
    /// # Errors
    /// What is wrong with the text, with its line where it is known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let left = Cell::new(BUDGET);
        let yaml = serde_yaml::Deserializer::from_str(text);
        Seed { left: &left }.deserialize(yaml).map_err(|error| explain(&error))
    }

    /// The first value of a key, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Node::Map(pairs) = self else { return None };
        pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The first value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Node::Map(pairs) = self else { return None };
        pairs.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The whole number this is, also when it is written `3600.0` or `"3600"`.
    #[must_use]
    pub fn whole(&self) -> Option<i128> {
        match self {
            Node::Whole(number) => Some(*number),
            Node::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i128),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The number this is, also when it is written in quotes.
    #[must_use]
    pub fn real(&self) -> Option<f64> {
        match self {
            Node::Whole(number) => Some(*number as f64),
            Node::Real(number) => Some(*number),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The text this is.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Node::Text(text) = self { Some(text) } else { None }
    }

    /// What was found, for a message: ``text `abc` ``, `the number 7`, `a list`.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Node::Null => "nothing".to_owned(),
            Node::Flag(flag) => format!("`{flag}`"),
            Node::Whole(number) => format!("the number {number}"),
            Node::Real(number) => format!("the number {number}"),
            Node::Text(text) => format!("text {}", shown(text)),
            Node::List(_) => "a list".to_owned(),
            Node::Map(_) => "a mapping".to_owned(),
        }
    }
}

fn explain(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    if text.contains("repetition limit") {
        return OVER_BUDGET.to_owned();
    }
    if text.contains("recursion limit") {
        return "it is nested more than 128 levels deep, or an alias holds itself".to_owned();
    }
    text
}

/// Deserializes a node while it counts what is left of the budget.
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
        for value in merged {
            merge(&mut pairs, value).map_err(A::Error::custom)?;
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

/// Adds what `<<` brings: keys the mapping does not have yet, the first mapping of a list before the next.
fn merge(pairs: &mut Vec<(String, Node)>, value: Node) -> Result<(), String> {
    match value {
        Node::Map(others) => {
            for (key, value) in others {
                if !pairs.iter().any(|(own, _)| *own == key) {
                    pairs.push((key, value));
                }
            }
            Ok(())
        }
        Node::List(maps) => maps.into_iter().try_for_each(|map| merge(pairs, map)),
        other => Err(format!("`<<` needs a mapping, found {}", other.found())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_survive_in_the_order_of_the_file() {
        let node = Node::parse("b: 1\na: x\nb: 2.5\n").unwrap();

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
    fn merged_keys_never_replace_the_mappings_own() {
        let node = Node::parse("base: &b {x: 1, y: 2}\njob: {<<: *b, x: 9}\n").unwrap();

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

        let error = Node::parse(&text).unwrap_err();

        assert!(error.contains("aliases unfold"), "{error}");
    }

    #[test]
    fn one_long_text_aliased_many_times_is_refused_before_it_fills_memory() {
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100_000));

        assert!(Node::parse(&text).unwrap_err().contains("aliases unfold"));
    }

    #[test]
    fn bottomless_nesting_is_refused() {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));

        assert!(Node::parse(&deep).unwrap_err().contains("128 levels"));
        assert!(Node::parse("a: &a [*a]").is_err());
    }

    #[test]
    fn broken_yaml_names_its_line() {
        assert!(Node::parse("a: 1\nb: [1\n").unwrap_err().contains("line"));
        assert!(Node::parse("a: !secret x").unwrap_err().contains("tag"));
    }

    #[test]
    fn whole_numbers_are_read_from_text_and_from_fractions_of_zero_only() {
        let whole = |text: &str| Node::parse(text).unwrap().whole();
        assert_eq!((whole("3600"), whole("'3600'"), whole("3600.0")), (Some(3600), Some(3600), Some(3600)));
        assert_eq!((whole("3600.5"), whole("1h"), whole("true")), (None, None, None));
    }
}

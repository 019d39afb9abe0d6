//! A YAML file as an ordered tree that keeps duplicate keys; independent of the schema.

use crate::config::secret::shown;

/// One value of a YAML file.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`, `~` or an empty value.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// An integer.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// Any other scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in file order, possibly with duplicate keys.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The first value of a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Node::Map(pairs) = self else { return None };
        pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The first value of a key, mutable.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Node::Map(pairs) = self else { return None };
        pairs.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The integer value, even if written `3600.0` or `"3600"`.
    #[must_use]
    pub fn whole(&self) -> Option<i128> {
        match self {
            Node::Whole(number) => Some(*number),
            Node::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i128),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The numeric value, even if quoted.
    #[must_use]
    pub fn real(&self) -> Option<f64> {
        match self {
            Node::Whole(number) => Some(*number as f64),
            Node::Real(number) => Some(*number),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Node::Text(text) = self { Some(text) } else { None }
    }

    /// A description for messages: ``text `abc` ``, `the number 7`, `a list`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_from_text_and_from_fractions_of_zero_only() {
        let whole = |text: &str| Node::parse(text).unwrap().whole();
        assert_eq!((whole("3600"), whole("'3600'"), whole("3600.0")), (Some(3600), Some(3600), Some(3600)));
        assert_eq!((whole("3600.5"), whole("1h"), whole("true")), (None, None, None));
    }
}

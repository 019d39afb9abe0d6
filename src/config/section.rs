//! Typed access to one mapping of the tree: every getter reports problems and continues with the default.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::{Report, advice, nearest};
use crate::config::secret::{shown, shown_key};

/// The system would cut every path, name and address there.
const NUL: &str = "it holds a NUL character, which no path, name or address can; remove it";

/// A mapping of the file with its place, whose keys have been checked.
pub(super) struct Section<'a> {
    at: String,
    pairs: &'a [(String, Node)],
    keys: &'static [Key],
    report: &'a Report,
}

impl<'a> Section<'a> {
    /// Opens the mapping at `at`; a missing or null one has no keys. Reports unknown and duplicate keys, and
    /// values that are not mappings.
    pub(super) fn open(node: &'a Node, at: &str, keys: &'static [Key], report: &'a Report) -> Self {
        let pairs: &[(String, Node)] = match node {
            Node::Map(pairs) => pairs,
            Node::Null => &[],
            other => {
                report.refuse(at, format!("expected a mapping, found {}", other.found()));
                &[]
            }
        };
        let section = Section { at: at.to_owned(), pairs, keys, report };
        section.check_keys();
        section
    }

    fn check_keys(&self) {
        let known: Vec<&str> = self.keys.iter().map(|key| key.name).collect();
        let (all, mut seen) = (known.join(", "), HashSet::new());
        for (key, _) in self.pairs {
            if !seen.insert(key.as_str()) {
                self.refuse(key, "this key appears twice; keep one of them");
            } else if !known.contains(&key.as_str()) {
                let meant = nearest(key, &known).map(|meant| format!("did you mean `{meant}`? "));
                let meant = meant.unwrap_or_default();
                self.refuse(key, format!("unknown key; {meant}Known here: {all}"));
            }
        }
    }

    /// The section under a key.
    pub(super) fn child(&self, key: &str) -> Section<'a> {
        let Form::Section(keys) = self.form(key) else { unreachable!("`{key}` is a section in its table") };
        let node = self.get(key).unwrap_or(&Node::Null);
        Section::open(node, &self.place(key), keys, self.report)
    }

    /// The form of a key.
    pub(super) fn form(&self, key: &str) -> Form {
        let own = self.keys.iter().find(|own| own.name == key);
        own.expect("a key that is read stands in the table of its section").form
    }

    /// The keys allowed here.
    pub(super) fn keys(&self) -> &'static [Key] {
        self.keys
    }

    /// The mapping under a key whose keys are names rather than settings.
    pub(super) fn names(&self, key: &str) -> Vec<(&'a str, &'a Node)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let Node::Map(pairs) = node else {
            self.refuse(key, format!("expected a mapping, found {}", node.found()));
            return Vec::new();
        };
        pairs.iter().map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// The value of a key, unless it is null or missing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        let found = self.pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value);
        found.filter(|value| **value != Node::Null)
    }

    /// Whether a key has a value other than null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The place of a key: `worker.slots`.
    pub(super) fn place(&self, key: &str) -> String {
        if self.at.is_empty() { shown_key(key) } else { format!("{}.{}", self.at, shown_key(key)) }
    }

    /// The collector of problems and notes.
    pub(super) fn report(&self) -> &'a Report {
        self.report
    }

    /// Adds a note for each of these keys that is set but has no effect.
    pub(super) fn unused(&self, keys: &[&str], why: &str) {
        let set: Vec<String> = keys.iter().filter(|key| self.has(key)).map(|key| self.place(key)).collect();
        if !set.is_empty() {
            self.report.note(format!("{}: not used: {why}", set.join(", ")));
        }
    }

    /// Reports a problem with a key.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        self.report.refuse(&self.place(key), message);
    }

    /// A non-blank text.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        let node = self.get(key)?;
        match node {
            Node::Text(text) if text.trim().is_empty() => {
                self.refuse(key, "must not be empty");
                None
            }
            Node::Text(text) if text.contains('\0') => {
                self.refuse(key, NUL);
                None
            }
            Node::Text(text) => Some(text),
            Node::Whole(_) | Node::Real(_) | Node::Flag(_) => {
                self.refuse(key, format!("expected text, found {}; put it in quotes", node.found()));
                None
            }
            other => {
                self.refuse(key, format!("expected text, found {}", other.found()));
                None
            }
        }
    }

    /// A text whose value must not appear in messages.
    pub(super) fn hidden(&self, key: &str) -> Option<&'a str> {
        debug_assert!(
            self.keys.iter().any(|own| own.name == key && own.is_secret),
            "`{key}` is shown elsewhere"
        );
        match self.get(key)? {
            Node::Text(text) if text.contains('\0') => {
                self.refuse(key, NUL);
                None
            }
            Node::Text(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.refuse(key, "expected text");
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> bool {
        let Form::Flag(default) = self.form(key) else { unreachable!("`{key}` is a flag in its table") };
        match self.get(key) {
            None => default,
            Some(Node::Flag(flag)) => *flag,
            Some(other) => {
                self.refuse(key, format!("expected true or false, found {}", other.found()));
                default
            }
        }
    }

    /// An integer within the table's bounds, if set.
    pub(super) fn maybe_whole(&self, key: &str) -> Option<i64> {
        self.whole_within(key, self.bounds(key).0)
    }

    /// An integer within the table's bounds, or its default.
    pub(super) fn whole(&self, key: &str) -> i64 {
        let (bounds, default) = self.bounds(key);
        self.whole_within(key, bounds)
            .or(default)
            .expect("a number that is needed has a default in its table")
    }

    /// Like [`Section::whole`], for a table whose bounds are those of a count.
    pub(super) fn count(&self, key: &str) -> u32 {
        u32::try_from(self.whole(key)).unwrap_or(u32::MAX)
    }

    fn bounds(&self, key: &str) -> (RangeInclusive<i64>, Option<i64>) {
        let Form::Whole(low, high, default) = self.form(key) else {
            unreachable!("`{key}` is a whole number in its table")
        };
        (low..=high, default)
    }

    /// An integer within bounds, if set.
    pub(super) fn whole_within(&self, key: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let node = self.get(key)?;
        let Some(number) = node.whole() else {
            self.refuse(key, format!("expected a whole number, found {}", node.found()));
            return None;
        };
        let fitting = i64::try_from(number).ok().filter(|number| bounds.contains(number));
        if fitting.is_none() {
            let (low, high) = (*bounds.start(), *bounds.end());
            let near = if number < i128::from(low) { low } else { high };
            self.refuse(
                key,
                format!("{number} is out of range; the nearest allowed is {near} (from {low} to {high})"),
            );
        }
        fitting
    }

    /// A number within the table's bounds, or its default.
    pub(super) fn real(&self, key: &str) -> f64 {
        let Form::Real(_, _, default) = self.form(key) else {
            unreachable!("`{key}` is a number in its table")
        };
        self.maybe_real(key).or(default).expect("a number that is needed has a default in its table")
    }

    /// Like [`Section::real`], in seconds.
    pub(super) fn seconds(&self, key: &str) -> Duration {
        Duration::from_secs_f64(self.real(key))
    }

    /// A number within the table's bounds, if set.
    pub(super) fn maybe_real(&self, key: &str) -> Option<f64> {
        let Form::Real(low, high, _) = self.form(key) else {
            unreachable!("`{key}` is a number in its table")
        };
        let node = self.get(key)?;
        let Some(number) = node.real() else {
            self.refuse(key, format!("expected a number, found {}", node.found()));
            return None;
        };
        if (low..=high).contains(&number) {
            return Some(number);
        }
        let near = if number > high { high } else { low };
        self.refuse(
            key,
            format!("{number} is out of range; the nearest allowed is {near} (from {low} to {high})"),
        );
        None
    }

    /// One of the table's words, or its default.
    pub(super) fn word(&self, key: &str) -> &'static str {
        let Form::Word(choices, Some(default)) = self.form(key) else {
            unreachable!("`{key}` is a word with a default in its table")
        };
        let Some(text) = self.text(key) else { return default };
        let choices = choices();
        let found = choices.iter().copied().find(|choice| *choice == text);
        if found.is_none() {
            self.refuse(key, format!("{} is not known{}", shown(text), advice(text, &choices)));
        }
        found.unwrap_or(default)
    }

    /// The values of a list, each with its place.
    pub(super) fn list(&self, key: &str) -> Vec<(String, &'a Node)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let place = self.place(key);
        match node {
            Node::List(nodes) => {
                nodes.iter().enumerate().map(|(index, node)| (format!("{place}[{index}]"), node)).collect()
            }
            other => {
                self.refuse(key, format!("expected a list, found {}", other.found()));
                Vec::new()
            }
        }
    }
}

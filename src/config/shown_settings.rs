//! Every setting as it is in force, for people: those of the file, and the defaults of the others. Secrets are masked,
//! and jobs are left out.

use crate::config::key::{Form, Key, Role};
use crate::config::node::Node;
use crate::config::secret::{mask, shown_key};
use crate::model::escaped;

/// The most characters of a value.
const MOST_CHARS: usize = 500;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its place, such as `worker.slots`.
    pub(crate) key: String,
    pub(crate) value: String,
    /// Whether the file does not set it.
    pub(crate) is_default: bool,
}

/// The settings of a file, in the order of the reference.
pub(super) fn shown_settings(tree: &Node, keys: &[Key]) -> Vec<Setting> {
    let mut all = Vec::new();
    walk(tree, "", keys, &mut all);
    all
}

fn walk(node: &Node, at: &str, keys: &[Key], all: &mut Vec<Setting>) {
    for key in keys {
        let place = if at.is_empty() { key.name.to_owned() } else { format!("{at}.{}", key.name) };
        let own = node.get(key.name).filter(|own| **own != Node::Null);
        match (key.form, own) {
            (Form::Section(keys), _) => walk(own.unwrap_or(&Node::Null), &place, keys, all),
            (Form::Each(keys), Some(Node::List(items))) if !place.ends_with("jobs") => {
                let numbered = items.iter().enumerate();
                numbered.for_each(|(number, item)| walk(item, &format!("{place}[{number}]"), keys, all));
            }
            (Form::Named(_, keys), Some(Node::Map(named))) => {
                let places = named.iter().map(|(name, own)| (format!("{place}.{}", shown_key(name)), own));
                places.for_each(|(place, own)| walk(own, &place, keys, all));
            }
            (Form::Each(_) | Form::Named(..), _) => {}
            (_, Some(own)) => {
                let value = if key.is_secret && !is_plain(own) { "***".to_owned() } else { text(own) };
                all.push(Setting { key: place, value, is_default: false });
            }
            (_, None) if matches!(key.role, Role::Older(_)) => {}
            (_, None) => all.push(Setting { key: place, value: default(key), is_default: true }),
        }
    }
}

/// Whether the value of a secret key is a word of ours.
fn is_plain(node: &Node) -> bool {
    node.text() == Some("sqlite")
}

fn text(node: &Node) -> String {
    let whole = match node {
        Node::Null => String::new(),
        Node::Flag(flag) => flag.to_string(),
        Node::Whole(number) => number.to_string(),
        Node::Real(number) => number.to_string(),
        Node::Text(text) => mask(text),
        Node::List(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        // Only where a value is refused.
        Node::Map(_) => "a mapping".to_owned(),
    };
    let mut shown = escaped(&whole.chars().take(MOST_CHARS).collect::<String>()).into_owned();
    if whole.chars().nth(MOST_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

fn default(key: &Key) -> String {
    let own = match key.form {
        _ if key.otherwise.is_some() => key.otherwise.map(|words| words.replace('`', "")),
        Form::Whole(_, _, default) => default.map(|number| number.to_string()),
        Form::Real(_, _, default) => default.map(|number| number.to_string()),
        Form::Flag(default) => Some(default.to_string()),
        Form::Word(_, default) => default.map(str::to_owned),
        _ => None,
    };
    own.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Surroundings, check};

    #[test]
    fn settings_are_those_of_the_file_and_the_defaults_and_no_secret_is_among_them() {
        let text = "settings: {data_path: /data, timezone: UTC}\nstore: 'postgres://me:s3cret@db/x'\n\
             telemetry: {textfile: 'me:s3cret@host'}\n\
             storage: {remotes: [{remote: 's3cret:x'}]}\nalerts: {webhook_url: 'https://chat.example/s3cret'}\n\
             histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 60}]\n";
        let config = check(text, Path::new("config.yml"), &Surroundings::default()).unwrap();
        let of = |key: &str| config.settings.iter().find(|own| own.key == key);

        assert_eq!(of("settings.data_path").map(|own| (&*own.value, own.is_default)), Some(("/data", false)));
        assert_eq!(of("worker.slots").map(|own| own.is_default), Some(true));
        assert_eq!(of("store").map(|own| &*own.value), Some("***"));
        assert_eq!(of("storage.remotes[0].remote").map(|own| &*own.value), Some("***"));
        assert_eq!(of("telemetry.textfile").map(|own| &*own.value), Some("***@host"));
        assert!(!format!("{:?}", config.settings).contains("s3cret"), "{:?}", config.settings);
        assert!(!config.settings.iter().any(|own| own.key.contains("jobs")));
    }
}

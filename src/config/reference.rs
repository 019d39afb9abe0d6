//! The reference of the configuration, written from the tables the checks use: as Markdown for
//! `docs/configuration.md`, and as a JSON Schema for editors.

use serde_json::{Map, Value, json};

use crate::config::check::KEYS;
use crate::config::key::{Form, Key, Role};

/// Every key with its values, default and meaning, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::new();
    table(&mut out, "The file", KEYS, None);
    for key in KEYS {
        section(&mut out, key.name, key);
    }
    out
}

/// The same as a JSON Schema (draft 7) of every key by itself; what needs the exchange or two keys together is left to
/// `dccd validate`. It is stricter in one thing: a number stands without quotes.
#[must_use]
pub fn schema() -> String {
    let mut schema = object(KEYS);
    schema.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    schema.insert("title".into(), "Configuration of dccd".into());
    let mut text = serde_json::to_string_pretty(&schema).expect("maps of texts and numbers are JSON");
    text.push('\n');
    text
}

fn section(out: &mut String, place: &str, key: &Key) {
    let (heading, keys) = match key.form {
        Form::Section(keys) => (place.to_owned(), keys),
        Form::Each(keys) => (format!("{place}[]"), keys),
        Form::Named(_, keys) => (format!("{place}.NAME"), keys),
        _ => return,
    };
    table(out, &format!("`{heading}`"), keys, Some(key));
    for inner in keys {
        section(out, &format!("{heading}.{}", inner.name), inner);
    }
}

fn table(out: &mut String, heading: &str, keys: &[Key], owner: Option<&Key>) {
    out.push_str(&format!("## {heading}\n\n"));
    if let Some(owner) = owner {
        out.push_str(&format!("{}\n\n", meaning(owner)));
    }
    out.push_str("| key | values | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            key.name,
            values(key.form),
            default(key),
            meaning(key)
        ));
    }
    out.push('\n');
}

fn meaning(key: &Key) -> String {
    match key.role {
        Role::Used | Role::Required => key.meaning.to_owned(),
        Role::Unused(why) => format!("{} Accepted and not used: {why}.", key.meaning),
        Role::Older(instead) => format!("{} Accepted; use {instead}.", key.meaning),
    }
}

fn default(key: &Key) -> String {
    let own = match key.form {
        _ if key.role == Role::Required => Some("required".to_owned()),
        _ if key.otherwise.is_some() => key.otherwise.map(str::to_owned),
        Form::Whole(_, _, default) => default.map(|number| format!("`{number}`")),
        Form::Real(_, _, default) => default.map(|number| format!("`{number}`")),
        Form::Flag(default) => Some(format!("`{default}`")),
        Form::Word(_, default) => default.map(|word| format!("`{word}`")),
        _ => None,
    };
    own.unwrap_or_else(|| "-".to_owned())
}

fn values(form: Form) -> String {
    let words = |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
    match form {
        Form::Text => "text".to_owned(),
        Form::Span => "whole number of seconds, at least 60".to_owned(),
        Form::Start => "date, `origin` or `last`".to_owned(),
        Form::Whole(low, high, _) => format!("whole number, {low} to {high}"),
        Form::Real(low, high, _) => format!("number, {low} to {high}"),
        Form::Flag(_) => "`true` or `false`".to_owned(),
        Form::Word(choices, _) => words(choices()),
        Form::Texts => "list of texts".to_owned(),
        Form::Words(choices) => format!("list of {}", words(choices())),
        Form::Spans => "list of whole numbers of seconds".to_owned(),
        Form::Section(_) => "mapping, below".to_owned(),
        Form::Named(..) => "mapping from names, below".to_owned(),
        Form::Each(_) => "list of mappings, below".to_owned(),
    }
}

fn object(keys: &[Key]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| key.role == Role::Required).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".into(), json!(["object", "null"]));
    object.insert("additionalProperties".into(), false.into());
    object.insert("properties".into(), properties.into());
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object
}

fn property(key: &Key) -> Value {
    let mut shape = shape(key.form);
    shape.insert("description".into(), meaning(key).replace('`', "").into());
    let default = match key.form {
        Form::Whole(_, _, default) => default.map(Value::from),
        Form::Real(_, _, default) => default.map(Value::from),
        Form::Flag(default) => Some(default.into()),
        Form::Word(_, default) => default.map(Value::from),
        _ => None,
    };
    if let Some(default) = default {
        shape.insert("default".into(), default);
    }
    if matches!(key.role, Role::Older(_) | Role::Unused(_)) {
        shape.insert("deprecated".into(), true.into());
    }
    shape.into()
}

/// The values as a schema; a null is a key that is left out.
fn shape(form: Form) -> Map<String, Value> {
    let shape = match form {
        Form::Text => json!({"type": ["string", "null"]}),
        Form::Span => json!({"type": ["integer", "null"], "minimum": 60}),
        Form::Start => json!({"type": ["string", "integer", "null"]}),
        Form::Whole(low, high, _) => json!({"type": ["integer", "null"], "minimum": low, "maximum": high}),
        Form::Real(low, high, _) => json!({"type": ["number", "null"], "minimum": low, "maximum": high}),
        Form::Flag(_) => json!({"type": ["boolean", "null"]}),
        Form::Word(choices, _) => {
            let mut words: Vec<Value> = choices().into_iter().map(Value::from).collect();
            words.push(Value::Null);
            json!({"enum": words})
        }
        Form::Texts => json!({"type": ["array", "null"], "items": {"type": "string"}}),
        Form::Words(choices) => json!({"type": ["array", "null"], "items": {"enum": choices()}}),
        Form::Spans => json!({"type": ["array", "null"], "items": {"type": "integer", "minimum": 60}}),
        Form::Section(keys) => return object(keys),
        Form::Named(names, keys) => {
            let each: Map<String, Value> =
                names().into_iter().map(|name| (name.to_owned(), object(keys).into())).collect();
            json!({"type": ["object", "null"], "additionalProperties": false, "properties": each})
        }
        Form::Each(keys) => json!({"type": ["array", "null"], "items": object(keys)}),
    };
    let Value::Object(shape) = shape else { unreachable!("every arm gives an object") };
    shape
}

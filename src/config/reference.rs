//! Generates the reference of the configuration from the tables that the checks use: as Markdown for
//! `docs/configuration.md`, and as a JSON Schema for editors.

use std::collections::BTreeMap;

use serde::Serialize;

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

/// The same as a JSON Schema (draft 7) for each key by itself; rules that involve the exchange or several keys are
/// left to `dccd validate`. It is stricter in one respect: numbers must not be quoted.
#[must_use]
pub fn schema() -> String {
    let schema = Schema {
        version: Some("http://json-schema.org/draft-07/schema#"),
        title: Some("Configuration of dccd"),
        ..object(KEYS)
    };
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

/// The subset of JSON Schema used here.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<bool>,
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    types: Vec<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    words: Vec<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_properties: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<&'static str, Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Scalar {
    Whole(i64),
    Real(f64),
    Flag(bool),
    Word(&'static str),
}

fn object(keys: &[Key]) -> Schema {
    let required = keys.iter().filter(|key| key.role == Role::Required);
    Schema {
        types: vec!["object", "null"],
        additional_properties: Some(false),
        properties: keys.iter().map(|key| (key.name, property(key))).collect(),
        required: required.map(|key| key.name).collect(),
        ..Schema::default()
    }
}

fn property(key: &Key) -> Schema {
    let default = match key.form {
        Form::Whole(_, _, default) => default.map(Scalar::Whole),
        Form::Real(_, _, default) => default.map(Scalar::Real),
        Form::Flag(default) => Some(Scalar::Flag(default)),
        Form::Word(_, default) => default.map(Scalar::Word),
        _ => None,
    };
    Schema {
        description: Some(meaning(key).replace('`', "")),
        deprecated: matches!(key.role, Role::Older(_)).then_some(true),
        default,
        ..shape(key.form)
    }
}

/// The values as a schema; null counts as an omitted key.
fn shape(form: Form) -> Schema {
    match form {
        Form::Text => of_type("string"),
        Form::Span => Schema { minimum: Some(Scalar::Whole(60)), ..of_type("integer") },
        Form::Start => Schema { types: vec!["string", "integer", "null"], ..Schema::default() },
        Form::Whole(low, high, _) => Schema {
            minimum: Some(Scalar::Whole(low)),
            maximum: Some(Scalar::Whole(high)),
            ..of_type("integer")
        },
        Form::Real(low, high, _) => Schema {
            minimum: Some(Scalar::Real(low)),
            maximum: Some(Scalar::Real(high)),
            ..of_type("number")
        },
        Form::Flag(_) => of_type("boolean"),
        Form::Word(choices, _) => {
            Schema { words: choices().into_iter().map(Some).chain([None]).collect(), ..Schema::default() }
        }
        Form::Texts => list(Schema { types: vec!["string"], ..Schema::default() }),
        Form::Words(choices) => {
            list(Schema { words: choices().into_iter().map(Some).collect(), ..Schema::default() })
        }
        Form::Spans => list(Schema { types: vec!["integer"], ..shape(Form::Span) }),
        Form::Section(keys) => object(keys),
        Form::Named(names, keys) => Schema {
            properties: names().into_iter().map(|name| (name, object(keys))).collect(),
            ..object(&[])
        },
        Form::Each(keys) => list(object(keys)),
    }
}

fn of_type(name: &'static str) -> Schema {
    Schema { types: vec![name, "null"], ..Schema::default() }
}

fn list(items: Schema) -> Schema {
    Schema { items: Some(Box::new(items)), ..of_type("array") }
}

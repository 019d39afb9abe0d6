//! The page of the routes, from their own document.

#![allow(clippy::disallowed_types, reason = "a document of schemas has no shape of its own")]

use std::fmt::Write as _;

use serde_json::Value;

use super::routes::{openapi, routes};

/// Every route with what it does, then the parameters of each that has some, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let document: Value = serde_json::from_str(&openapi()).unwrap_or_default();
    let mut page = String::from("| path | method | access | does |\n|---|---|---|---|\n");
    let mut details = String::new();
    for (path, method, access) in routes() {
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        let summary = operation["summary"].as_str().unwrap_or_default();
        let access = format!("{access:?}").to_ascii_lowercase();
        let _ = writeln!(page, "| `{path}` | {method} | {access} | {} |", lower(summary));
        details.push_str(&detail(&document, path, method, operation));
    }
    page + &details
}

/// The parameters and the body of a route; nothing if it has none but its id.
fn detail(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut rows: Vec<(String, String)> = parameters
        .filter(|own| own["in"] == "query")
        .map(|own| (own["name"].as_str().unwrap_or_default().to_owned(), meaning(own)))
        .collect();
    let content = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
    let body = content.map_or(&Value::Null, |content| &content["schema"]["$ref"]);
    let body = body.as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    for (name, field) in body.and_then(|body| body["properties"].as_object()).into_iter().flatten() {
        rows.push((name.clone(), meaning(field)));
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n`{method} {path}`\n\n| {} | meaning |\n|---|---|\n", kind(body));
    for (name, meaning) in rows {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    text
}

fn kind(body: Option<&Value>) -> &'static str {
    if body.is_some() { "key of the body" } else { "parameter" }
}

/// The description of a parameter or key, and the words it may be.
fn meaning(own: &Value) -> String {
    let text = own["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
    let text = text.trim_end_matches('.');
    let words = own["schema"]["enum"].as_array().or_else(|| own["enum"].as_array());
    let words = words.into_iter().flatten().filter_map(Value::as_str).filter(|word| !word.starts_with('-'));
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    if words.is_empty() { lower(text) } else { format!("{}: {}", lower(text), words.join(", ")) }
}

/// With a small first letter, unless it is a name.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

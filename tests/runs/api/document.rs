//! The document of the API is held to the server: every route is in it, and real answers are as it says.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{HOURLY, Running, segment};

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let document = own();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((path.clone(), method.to_ascii_uppercase()));
            assert_ne!(operation["summary"], "", "{method} {path} says nothing of itself");
            let answers = operation["responses"].as_object().unwrap();
            let is_done = |status: &String| status.starts_with(['2', '3']);
            assert!(answers.keys().any(is_done), "{method} {path} has no answer");
        }
    }
    let routes: BTreeSet<_> =
        dccd::http::routes().map(|(path, method, _)| (path.to_owned(), method.to_owned())).collect();
    assert_eq!(documented, routes);
    let mut ids: Vec<&str> = operations(&document).map(|own| own["operationId"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two routes have one id");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn visit(value: &Value, document: &Value) {
        if let Some(to) = value["$ref"].as_str() {
            assert!(document.pointer(&to[1..]).is_some(), "{to}");
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|field| visit(field, document)),
            Value::Array(items) => items.iter().for_each(|item| visit(item, document)),
            _ => {}
        }
    }
    let document = own();
    visit(&document, &document);
}

#[tokio::test]
async fn real_answers_are_as_the_document_says() {
    let running = Running::start().await;
    running.settled().await;
    let document = running.get("/api/openapi.json").await.json();
    assert_eq!(document, own());
    let run = running.get("/api/v1/runs?limit=1").await.json();
    let run = run["runs"][0]["id"].as_str().unwrap().to_owned();
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let id = match path.as_str() {
            path if path.starts_with("/api/v1/runs") => &run,
            // No book is stored: a problem is an answer too.
            _ => HOURLY,
        };
        let asked = path.replace("{id}", &segment(id));
        let is_book = path.ends_with("/book");
        // The feed of events has no end, and a file of the pages has the type of its own.
        if methods.get("get").is_some() && !path.ends_with("/events") && !path.starts_with("/assets/") {
            let query = if path.ends_with("/read") { format!("?series={HOURLY}") } else { String::new() };
            let answer = running.get(&format!("{asked}{query}")).await;
            assert_eq!(answer.status, if is_book { 404 } else { 200 }, "{path}: {answer:?}");
            check(&document, path, "get", &answer);
            checked += 1;
        }
        if path.starts_with("/api/") {
            let odd = running.get(&format!("{asked}?surely=not")).await;
            let method = if methods.get("get").is_some() { "get" } else { "post" };
            if odd.status != 405 {
                check(&document, path, method, &odd);
            }
        }
    }
    assert!(checked > 15, "only {checked}");
    for action in ["run", "pause", "resume", "retry", "cancel", "unlock"] {
        let path = format!("/api/v1/jobs/{}/{action}", segment(HOURLY));
        let answer = running.post(&path, "").await;
        check(&document, &format!("/api/v1/jobs/{{id}}/{action}"), "post", &answer);
    }
    running.stop().await;
}

/// Checks the status, the type and the body of an answer against the document.
fn check(document: &Value, path: &str, method: &str, answer: &super::Answer) {
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(!response.is_null(), "{method} {path}: {} is not documented", answer.status);
    let content = response["content"].as_object().unwrap();
    let kind = answer.header("content-type").unwrap().split(';').next().unwrap();
    let media = content.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind} is not documented"));
    // Rows have the columns of their kind, in any format.
    if !kind.contains("json") || path == "/api/v1/read" && answer.status == 200 {
        return;
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [strict(&media["schema"])],
        "components": strict(&document["components"]),
    });
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&answer.json())
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(faults, [""; 0], "{method} {path}: {}", answer.body);
}

/// The same schema in which a field that it does not name is a fault.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut strict: serde_json::Map<String, Value> =
                fields.iter().map(|(name, field)| (name.clone(), strict_field(name, field))).collect();
            if fields.get("properties").is_some_and(Value::is_object) && !fields.contains_key("allOf") {
                strict.entry("additionalProperties").or_insert(false.into());
            }
            Value::Object(strict)
        }
        Value::Array(items) => items.iter().map(strict).collect(),
        other => other.clone(),
    }
}

/// Names of properties are no keywords.
fn strict_field(name: &str, field: &Value) -> Value {
    match (name, field) {
        ("properties", Value::Object(fields)) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), strict(field))).collect())
        }
        _ => strict(field),
    }
}

/// The document as the program makes it.
fn own() -> Value {
    serde_json::from_str(&dccd::http::openapi()).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values())
}

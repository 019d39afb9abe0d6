//! The schema of the configuration and the example that shows every key, held to the checks.

#![allow(clippy::disallowed_types, reason = "a schema and what it describes are any JSON")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dccd::config::{Surroundings, check};
use serde_json::Value;

use crate::path;

#[test]
fn the_example_shows_every_key_and_each_line_that_is_switched_off_there_is_accepted() {
    let text = fs::read_to_string(path("examples/config.yml")).unwrap();
    let mut keys = BTreeSet::new();
    collect(&schema(), &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    let shows = |key: &&String| {
        let (plain, off, inside) =
            (format!("{key}:"), format!("# {key}:"), [format!("{{{key}:"), format!(", {key}:")]);
        let is_line = |line: &str| {
            let line = line.trim_start().trim_start_matches("- ");
            line.starts_with(&plain)
                || line.starts_with(&off)
                || inside.iter().any(|form| line.contains(form))
        };
        text.lines().any(is_line)
    };
    assert_eq!(
        keys.iter().filter(|key| !shows(key)).collect::<Vec<_>>(),
        [""; 0],
        "not in examples/config.yml"
    );

    let off: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            let key = line.trim_start().strip_prefix("# ").and_then(|rest| rest.split(':').next());
            key.is_some_and(|key| keys.contains(key)) && line.contains(':')
        })
        .map(|(number, _)| number)
        .collect();
    assert!(off.len() > 8, "{off:?}");
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("postgres_url");
    fs::write(&url, "postgres://dccd:secret@localhost/dccd").unwrap();
    for number in off {
        let lines = text.lines().enumerate();
        let on: Vec<String> = lines
            .map(|(own, line)| if own == number { line.replacen("# ", "", 1) } else { line.to_owned() })
            // A file names its store in one way.
            .filter(|line| {
                !(line.starts_with("store: ")
                    && text.lines().nth(number).unwrap().starts_with("# store_file"))
            })
            .collect();
        let line = text.lines().nth(number).unwrap();
        let on = on.join("\n").replace("/run/secrets/postgres_url", url.to_str().unwrap());
        if let Err(error) = check(&on, Path::new("config.yml"), &Surroundings::default()) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn the_schema_accepts_what_the_checks_accept_and_refuses_a_wrong_key_a_wrong_bound_and_a_wrong_word() {
    let schema = schema();
    for example in ["examples/config.yml", "examples/fleet/config.yml", "packaging/compose/config.yml"] {
        let text = fs::read_to_string(path(example)).unwrap();
        let config: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(faults(&schema, &config, ""), [""; 0], "{example}");
    }
    for (text, fault) in [
        ("worker: {slot: 8}", "/worker/slot"),
        ("worker: {slots: 257}", "/worker/slots"),
        ("worker: {lease: 9.9}", "/worker/lease"),
        ("telemetry: {log_level: verbose}", "/telemetry/log_level"),
        ("exchanges: {krakn: {timeout: 3}}", "/exchanges/krakn"),
        ("storage: {remotes: [{provider: s3}]}", "/storage/remotes/0/remote"),
        ("http: {listen: 9430}", "/http/listen"),
    ] {
        let job = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 60}]";
        let text = format!("{text}\n{job}\n");
        let config: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(faults(&schema, &config, ""), [fault], "{text}");
        assert!(check(&text, Path::new("config.yml"), &Surroundings::default()).is_err(), "{text}");
    }
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(path("docs/config.schema.json")).unwrap()).unwrap()
}

/// The names of keys, but for those of older versions and of the list of jobs of 3.x.
fn collect(schema: &Value, keys: &mut BTreeSet<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let is_older = inner["description"].as_str().is_some_and(|text| text.contains("Accepted; use"));
        if is_older {
            continue;
        }
        keys.insert(key.clone());
        // The keys below the names of exchanges are the same for all of them.
        collect(if key == "exchanges" { &inner["properties"]["binance"] } else { inner }, keys);
        collect(&inner["items"], keys);
    }
}

/// Where a value does not fit the part of JSON Schema that is used here.
fn faults(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let is_of = |name: &str| match (name, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => true,
        ("array", Value::Array(_)) | ("object", Value::Object(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => number.as_f64().unwrap().fract() == 0.0,
        _ => false,
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    };
    let words = schema["enum"].as_array();
    let number = value.as_f64();
    let beyond = |key: &str, is_off: fn(f64, f64) -> bool| {
        number.zip(schema[key].as_f64()).is_some_and(|(number, bound)| is_off(number, bound))
    };
    if (!types.is_empty() && !types.iter().any(|name| is_of(name)))
        || words.is_some_and(|words| !words.contains(value))
        || beyond("minimum", |number, bound| number < bound)
        || beyond("maximum", |number, bound| number > bound)
    {
        return vec![at.to_owned()];
    }
    let mut found = Vec::new();
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            found.extend(faults(&schema["items"], item, &format!("{at}/{index}")));
        }
    }
    if let (Value::Object(members), Some(known)) = (value, schema["properties"].as_object()) {
        for (key, inner) in members {
            let at = format!("{at}/{key}");
            found.extend(known.get(key).map_or_else(|| vec![at.clone()], |own| faults(own, inner, &at)));
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found.extend(required.filter(|key| !members.contains_key(*key)).map(|key| format!("{at}/{key}")));
    }
    found
}

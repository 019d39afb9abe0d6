//! The document of the routes after OpenAPI 3.1, from what each route knows of itself and the shapes of `api`.

#![allow(clippy::disallowed_types, reason = "a document of schemas has no shape of its own")]

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::action::KEY;
use super::operation::{Answer, Operation};
use super::route::Route;
use crate::api::Problem;
use crate::http::auth::Access;

/// The document of these routes.
pub(super) fn document(routes: &[Route]) -> String {
    let mut shapes = Shapes::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_ascii_lowercase()] = operation(route, &mut shapes);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dccd",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "paths": paths,
        "components": {
            "schemas": shapes.definitions(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of http.token_file."},
                "user": {"type": "http", "scheme": "basic", "description": "A user of http.web_config."},
            },
        },
    });
    document.to_string()
}

/// The shapes that are sent and those that are taken: a field with a default is always sent and may be left out.
struct Shapes {
    sent: SchemaGenerator,
    taken: SchemaGenerator,
}

impl Shapes {
    fn new() -> Self {
        let settings =
            || SchemaSettings::draft2020_12().with(|own| own.definitions_path = "/components/schemas".into());
        Shapes {
            sent: settings().for_serialize().into_generator(),
            taken: settings().for_deserialize().with_transform(RecursiveTransform(bounded)).into_generator(),
        }
    }

    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.taken.take_definitions(true));
        all
    }
}

/// A number that is taken has the bounds of its type.
fn bounded(schema: &mut Schema) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => (json!(0), json!(u8::MAX)),
        Some("uint16") => (json!(0), json!(u16::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("uint64" | "uint") => (json!(0), json!(u64::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        _ => return,
    };
    let own = schema.ensure_object();
    own.entry("minimum").or_insert(least);
    own.entry("maximum").or_insert(most);
}

fn operation(route: &Route, shapes: &mut Shapes) -> Value {
    let Operation { summary, body, form, is_tagged, is_once, answers, .. } = &route.operation;
    let mut all = parameters(route, shapes);
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}});
    if *is_tagged {
        all.push(header("If-None-Match", "Entity tags that the client has."));
    }
    if *is_once {
        let mut key = header(KEY, "The same request with the same key is carried out once within an hour.");
        key["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
        all.push(key);
    }
    let mut responses: Map<String, Value> = Map::new();
    for answer in answers {
        let own = response(answer, shapes);
        match responses.get_mut(&answer.status.to_string()) {
            // One status with several types.
            Some(known) => known["content"][answer.content] = own["content"][answer.content].clone(),
            None => drop(responses.insert(answer.status.to_string(), own)),
        }
    }
    if *is_tagged {
        responses.insert("304".to_owned(), json!({"description": "The client has this answer."}));
    }
    for (status, about) in refusals(route) {
        let shape = refusal(route, about, shapes);
        responses.entry(status.to_string()).or_insert(shape);
    }
    let mut operation = json!({
        "operationId": id(route),
        "summary": summary,
        "security": security(route.access),
        "responses": responses,
    });
    if !all.is_empty() {
        operation["parameters"] = all.into();
    }
    if let Some((shape, is_optional)) = body {
        let schema = shape(&mut shapes.taken);
        operation["requestBody"] =
            json!({"required": !is_optional, "content": {"application/json": {"schema": schema}}});
    }
    if let Some(shape) = form {
        let schema = shape(&mut shapes.taken);
        operation["requestBody"] =
            json!({"required": false, "content": {"application/x-www-form-urlencoded": {"schema": schema}}});
    }
    operation
}

/// Such as `get_series_id_gaps`.
fn id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1").split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let words = if words.is_empty() { "page".to_owned() } else { words.join("_") };
    let room = if route.path.starts_with("/api/v1/") { "" } else { "daemon_" };
    format!("{}_{room}{words}", route.method.to_ascii_lowercase())
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([{}]),
        Access::Reader => json!([{}, {"token": []}, {"user": []}]),
        Access::Admin => json!([{"token": []}]),
    }
}

/// The parameters of the path and the query.
fn parameters(route: &Route, shapes: &mut Shapes) -> Vec<Value> {
    let mut all = Vec::new();
    if route.path.contains("{id}") {
        let about =
            "The name of a series, the id of a task or of a run, as one segment: `/` is sent as `%2F`.";
        let schema = json!({"type": "string", "minLength": 1});
        let example = if route.path.starts_with("/api/v1/runs") { "1" } else { "binance/BTC-USDT/ohlc/1h" };
        let id = json!({
            "name": "id", "in": "path", "required": true, "description": about, "schema": schema, "example": example,
        });
        all.push(id);
    }
    if route.path.contains("{name}") {
        let schema = json!({"type": "string", "minLength": 1});
        all.push(json!({
            "name": "name", "in": "path", "required": true, "description": "The name of a file.", "schema": schema, "example": "style.css",
        }));
    }
    let mut asked = route.operation.parameters.map(|shape| shape(&mut shapes.taken)).unwrap_or_default();
    RecursiveTransform(bounded).transform(&mut asked);
    let asked = Value::from(asked);
    let required = asked["required"].as_array();
    for (name, schema) in asked["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let about = schema.as_object_mut().and_then(|own| own.remove("description"));
        without_null(&mut schema);
        let mut own = json!({"name": name, "in": "query", "description": about, "schema": schema});
        if required.is_some_and(|required| required.iter().any(|required| required == name)) {
            own["required"] = true.into();
        }
        all.push(own);
    }
    all
}

/// A parameter is there or not, and never null.
fn without_null(schema: &mut Value) {
    if let Some(kinds) = schema["type"].as_array() {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        schema["type"] = kind.unwrap_or_else(|| json!("string"));
    }
}

fn response(answer: &Answer, shapes: &mut Shapes) -> Value {
    let about = match answer.status {
        200 => "The answer.",
        202 => "It was started.",
        _ => "It is not so; the body says why.",
    };
    let schema =
        answer.shape.map_or_else(|| Schema::from(Map::from_iter([text()])), |shape| shape(&mut shapes.sent));
    json!({"description": about, "content": {answer.content: {"schema": schema}}})
}

fn text() -> (String, Value) {
    ("type".to_owned(), json!("string"))
}

/// How a route may refuse, by its path, its method and its access.
fn refusals(route: &Route) -> Vec<(u16, &'static str)> {
    let mut all = Vec::new();
    let (is_api, acts) = (route.path.starts_with("/api/"), route.access == Access::Admin);
    let has_id = route.path.contains("{id}");
    if route.access != Access::Open {
        all.extend([
            (401, "Credentials are missing or wrong."),
            (403, "These credentials do not suffice, or a page of another site asks."),
            (421, "The request names another host."),
            (429, "Too many wrong credentials came from there."),
        ]);
    }
    if is_api {
        all.push((400, "A parameter or the body is wrong; `parameter` names which."));
        all.push((503, "It cannot be answered now."));
    }
    if acts {
        all.extend([
            (408, "The body did not come in time."),
            (413, "The body is too large."),
            (500, "The change could not be saved."),
        ]);
    }
    if is_api && (has_id || acts || route.operation.selects) {
        all.push((404, "There is none of that name."));
    }
    if is_api && (has_id || acts) {
        all.push((409, "The state of the resource does not allow it."));
    }
    if route.operation.is_once {
        all.push((422, "The Idempotency-Key belongs to another request."));
    }
    all.sort_unstable();
    all
}

fn refusal(route: &Route, about: &str, shapes: &mut Shapes) -> Value {
    let content = match route.path.starts_with("/api/") {
        true => json!({"application/problem+json": {"schema": shapes.sent.subschema_for::<Problem>()}}),
        false => json!({"text/plain": {"schema": {"type": "string"}}}),
    };
    json!({"description": about, "content": content})
}

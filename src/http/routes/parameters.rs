//! The parameters of a question in a request's query. An unknown or repeated one is refused by its name.

use std::collections::BTreeSet;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::response::Response;
use hyper::http::request::Parts;
use hyper::{StatusCode, Uri};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;

use crate::http::reply::problem;

/// The most characters of an unknown parameter that an answer repeats.
const SHOWN_CHARS: usize = 40;

/// A question whose parameters are all known.
pub(super) struct Parameters<Q>(pub(super) Q);

impl<Q: DeserializeOwned + JsonSchema, S: Send + Sync> FromRequestParts<S> for Parameters<Q> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        Parameters::of(&parts.uri).map_err(|refused| *refused)
    }
}

impl<Q: DeserializeOwned + JsonSchema> Parameters<Q> {
    /// The question in the query of an address.
    pub(super) fn of(uri: &Uri) -> Result<Self, Box<Response>> {
        let unreadable =
            |error: QueryRejection| Box::new(problem(StatusCode::BAD_REQUEST, error.body_text(), None));
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(unreadable)?;
        let known = names::<Q>();
        let mut seen = BTreeSet::new();
        for (name, _) in &pairs {
            let shown: String = name.chars().take(SHOWN_CHARS).collect();
            let why = match known.iter().any(|known| known == name) {
                false if known.is_empty() => format!("there is no parameter `{shown}` here, nor any other"),
                false => format!("there is no parameter `{shown}`; use {}", known.join(", ")),
                true if !seen.insert(name) => format!("`{shown}` is given twice"),
                true => continue,
            };
            return Err(Box::new(problem(StatusCode::BAD_REQUEST, why, Some(shown))));
        }
        let Query(asked) = Query::<Q>::try_from_uri(uri).map_err(unreadable)?;
        Ok(Parameters(asked))
    }
}

/// The names of the parameters of a question.
fn names<Q: JsonSchema>() -> Vec<String> {
    let schema = schema_for!(Q);
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

/// No parameters.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

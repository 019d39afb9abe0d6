//! An action on a resource: its body, and the `Idempotency-Key` under which it is done once.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use serde::de::DeserializeOwned;

use super::body::Whole;
use super::control::{answer, control};
use crate::daemon::Control;
use crate::http::app::App;
use crate::http::kept_answers::{KeptAnswer, Known};
use crate::http::reply::{plain, problem, reply};

/// The header with the key.
pub(super) const KEY: &str = "idempotency-key";
const MOST_KEY_CHARS: usize = 255;

/// An action as it was asked for.
pub(super) struct Action {
    key: Option<String>,
    /// The digest of everything that was asked for.
    request: [u8; 32],
    body: Whole,
}

impl FromRequest<App> for Action {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
            let name: String = query.split('=').next().unwrap_or_default().chars().take(40).collect();
            let why = format!("there is no parameter `{name}` here, nor any other");
            return Err(problem(StatusCode::BAD_REQUEST, why, Some(name)));
        }
        let key = key(request.headers()).map_err(|refused| *refused)?;
        let path = request.uri().path().to_owned();
        let body = Whole::from_request(request, app).await?;
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(path.as_bytes());
        digest.update(&[0]);
        digest.update(body.bytes());
        let request = digest.finish().as_ref().try_into().unwrap_or_default();
        Ok(Action { key, request, body })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Box<Response>> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let text = key.to_str().unwrap_or_default();
    let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if keys.next().is_some() || !is_visible || text.len() > MOST_KEY_CHARS {
        let why = format!("Idempotency-Key: send one, of 1 to {MOST_KEY_CHARS} visible characters");
        return Err(Box::new(problem(StatusCode::BAD_REQUEST, why, None)));
    }
    Ok(Some(text.to_owned()))
}

impl Action {
    /// The request in its body; the default if there is none.
    pub(super) fn read<T: DeserializeOwned + Default>(&self) -> Result<T, Box<Response>> {
        if self.body.bytes().is_empty() { Ok(T::default()) } else { self.body.read() }
    }

    /// The request in its body.
    pub(super) fn read_some<T: DeserializeOwned>(&self) -> Result<T, Box<Response>> {
        self.body.read()
    }

    /// Does it, once if it has a key.
    pub(super) async fn once(
        &self,
        app: &App,
        act: impl AsyncFnOnce(&Control) -> Result<Response, Box<Response>>,
    ) -> Response {
        let control = match control(app) {
            Ok(control) => control,
            Err(none) => return *none,
        };
        let Some(key) = &self.key else { return answer(act(control).await) };
        match app.kept.begin(key, self.request) {
            Known::New => {}
            Known::Answered(known) => return reply(known.status, known.content_type, known.body),
            Known::Begun => {
                return plain(
                    StatusCode::CONFLICT,
                    "a request with this Idempotency-Key lasts, or broke off; look at what it did before another",
                );
            }
            Known::OfAnother => {
                return plain(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this Idempotency-Key belongs to another request; use a new one",
                );
            }
        }
        let done = answer(act(control).await);
        let (head, body) = done.into_parts();
        // It is whole in memory.
        let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
        let is_problem = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM);
        let content_type = if is_problem { PROBLEM } else { JSON };
        app.kept.end(key, KeptAnswer { status: head.status, content_type, body: body.clone() });
        Response::from_parts(head, body.into())
    }
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

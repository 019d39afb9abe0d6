//! The routes in one table, and the short answers.

use std::pin::Pin;

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use super::auth::{Access, Caller};
use super::{App, actions, drill, health, page, scrape};
use crate::api::Readiness;

/// An answer; its body is whole in memory, or told as things happen.
pub(super) type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What is asked of a route.
pub(super) struct Asked {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

type Pending<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// One path and what answers it. A GET route answers HEAD too.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) access: Access,
    handler: for<'a> fn(&'a App, &'a Asked) -> Pending<'a>,
}

/// A route that is answered from memory.
const fn read(
    path: &'static str,
    access: Access,
    handler: for<'a> fn(&'a App, &'a Asked) -> Pending<'a>,
) -> Route {
    Route { path, method: Method::GET, access, handler }
}

/// A route that changes something.
const fn act(path: &'static str, handler: for<'a> fn(&'a App, &'a Asked) -> Pending<'a>) -> Route {
    Route { path, method: Method::POST, access: Access::Admin, handler }
}

fn at_once<'a>(reply: Reply) -> Pending<'a> {
    Box::pin(std::future::ready(reply))
}

pub(super) static ROUTES: [Route; 14] = [
    read("/", Access::Reader, |app, _| at_once(landing(app))),
    read("/metrics", Access::Reader, |app, asked| Box::pin(scrape::metrics(app, &asked.headers))),
    read("/-/healthy", Access::Open, |app, _| at_once(healthy(app))),
    read("/-/ready", Access::Open, |app, _| at_once(ready(app))),
    read("/health", Access::Reader, |app, _| at_once(health::health(app))),
    read("/health/v2/queues", Access::Reader, |app, _| at_once(health::queues(app))),
    act("/-/reload", |app, asked| Box::pin(actions::reload(app, asked))),
    act("/api/v1/work", |app, asked| Box::pin(actions::work(app, asked))),
    act("/api/v1/work/cancel", |app, asked| Box::pin(actions::cancel(app, asked))),
    act("/api/v1/copies", |app, asked| Box::pin(actions::copies(app, asked))),
    act("/api/v1/alerts/test", |app, asked| at_once(drill::test_alert(app, asked))),
    act("/api/v1/jobs/run", |app, asked| Box::pin(actions::run_jobs(app, asked))),
    act("/api/v1/jobs/pause", |app, asked| Box::pin(actions::pause(app, asked, true))),
    act("/api/v1/jobs/resume", |app, asked| Box::pin(actions::pause(app, asked, false))),
];

/// Every route: its path, its method, and what it asks of who calls it.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str, Access)> {
    ROUTES.iter().map(|route| (route.path, route.method.as_str(), route.access))
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Sent with every answer: pages load nothing, run nothing and are framed by nobody.
const SECURITY: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The answer to any request. What there is not is told only to those who may read.
pub(super) async fn answer<B>(app: &App, caller: Caller, request: Request<B>) -> Reply
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    let (head, body) = request.into_parts();
    let found = find(head.uri.path(), &head.method);
    let needed = if let Found::Route(route) = &found { route.access } else { Access::Reader };
    let mut reply = match (app.auth.admit(&app.telemetry, caller, needed, &head).await, found) {
        (Err(refused), _) => *refused,
        (Ok(()), Found::Route(route)) => answered(app, route, head.headers, body).await,
        (Ok(()), Found::OtherMethods(allowed)) => not_allowed(&allowed),
        (Ok(()), Found::Nothing) => plain(StatusCode::NOT_FOUND, "there is nothing here; / has links\n"),
    };
    for (name, value) in SECURITY {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in app.auth.web_config().iter().flat_map(|config| &config.headers) {
        reply.headers_mut().insert(name, value.clone());
    }
    reply
}

/// Takes in the body, where there may be one, and answers.
async fn answered<B>(app: &App, route: &Route, headers: HeaderMap, body: B) -> Reply
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    if route.method == Method::GET {
        return (route.handler)(app, &Asked { headers, body: Bytes::new() }).await;
    }
    let whole = Limited::new(body, app.limits.body_bytes).collect();
    match tokio::time::timeout(app.limits.head, whole).await {
        Ok(Ok(whole)) => (route.handler)(app, &Asked { headers, body: whole.to_bytes() }).await,
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            plain(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {} bytes here\n", app.limits.body_bytes))
        }
        Ok(Err(_)) => plain(StatusCode::BAD_REQUEST, "the body broke off\n"),
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the body did not come\n"),
    }
}

enum Found {
    Route(&'static Route),
    OtherMethods(String),
    Nothing,
}

fn find(path: &str, method: &Method) -> Found {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut allowed = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        if route.method == *method {
            return Found::Route(route);
        }
        allowed.push(route.method.as_str());
        if route.method == Method::GET {
            allowed.push(Method::HEAD.as_str());
        }
    }
    if allowed.is_empty() { Found::Nothing } else { Found::OtherMethods(allowed.join(", ")) }
}

fn not_allowed(allowed: &str) -> Reply {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} here\n"));
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        reply.headers_mut().insert(header::ALLOW, allowed);
    }
    reply
}

fn landing(app: &App) -> Reply {
    let (snapshot, jobs, unready) = (app.status.snapshot(), app.status.jobs(), app.status.unready());
    let view = page::View { snapshot: &snapshot, jobs: &jobs, unready: &unready };
    reply(StatusCode::OK, HTML, page::landing(&view))
}

fn healthy(app: &App) -> Reply {
    let late = app.status.since_tick();
    if late <= app.limits.tick {
        return plain(StatusCode::OK, "healthy\n");
    }
    let what = format!("the scheduler has not ticked for {} s\n", late.as_secs());
    plain(StatusCode::SERVICE_UNAVAILABLE, what)
}

fn ready(app: &App) -> Reply {
    let reasons = app.status.unready();
    let readiness = Readiness { ready: reasons.is_empty(), reasons };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &readiness)
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(body) => reply(status, JSON, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be encoded");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be encoded; see the log\n")
        }
    }
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, TEXT, text)
}

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed_unsync());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

//! The routes in one table, and the short answers.

use std::pin::Pin;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use super::guard::{Access, Caller};
use super::{App, page, scrape};

/// An answer; its body is whole in memory.
pub(super) type Reply = Response<Full<Bytes>>;

type Pending<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// One path and what answers it. A GET route answers HEAD too.
struct Route {
    path: &'static str,
    method: Method,
    access: Access,
    handler: for<'a> fn(&'a App, &'a HeaderMap) -> Pending<'a>,
}

static ROUTES: [Route; 4] = [
    Route {
        path: "/",
        method: Method::GET,
        access: Access::Reader,
        handler: |app, _| Box::pin(std::future::ready(landing(app))),
    },
    Route {
        path: "/metrics",
        method: Method::GET,
        access: Access::Reader,
        handler: |app, headers| Box::pin(scrape::metrics(app, headers)),
    },
    Route {
        path: "/-/healthy",
        method: Method::GET,
        access: Access::Open,
        handler: |app, _| Box::pin(std::future::ready(healthy(app))),
    },
    Route {
        path: "/-/ready",
        method: Method::GET,
        access: Access::Open,
        handler: |app, _| Box::pin(std::future::ready(ready(app))),
    },
];

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
pub(super) async fn answer<B>(app: &App, caller: Caller, request: Request<B>) -> Reply {
    let found = find(request.uri().path(), request.method());
    let needed = if let Found::Route(route) = &found { route.access } else { Access::Reader };
    let mut reply = match (app.guard.admit(&app.telemetry, caller, needed, &request).await, found) {
        (Err(refused), _) => refused,
        (Ok(()), Found::Route(route)) => (route.handler)(app, request.headers()).await,
        (Ok(()), Found::OtherMethods(allowed)) => not_allowed(&allowed),
        (Ok(()), Found::Nothing) => plain(StatusCode::NOT_FOUND, "there is nothing here; / has links\n"),
    };
    for (name, value) in SECURITY {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in &app.guard.web.config().headers {
        reply.headers_mut().insert(name, value.clone());
    }
    reply
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
    reply(StatusCode::OK, HTML, page::landing(&app.status.jobs(), &app.status.unready()))
}

fn healthy(app: &App) -> Reply {
    let late = app.status.since_tick();
    if late <= app.limits.tick {
        return plain(StatusCode::OK, "healthy\n");
    }
    let what = format!("the scheduler has not ticked for {} s\n", late.as_secs());
    plain(StatusCode::SERVICE_UNAVAILABLE, what)
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

fn ready(app: &App) -> Reply {
    let reasons = app.status.unready();
    let readiness = Readiness { ready: reasons.is_empty(), reasons };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_vec(&readiness).expect("a boolean and strings are always JSON");
    reply(status, JSON, body)
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, TEXT, text)
}

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

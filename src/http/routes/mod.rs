//! The routes, one file per resource, and their router.

mod act_series;
mod act_tasks;
mod action;
mod alerts;
mod body;
mod book;
mod config;
mod control;
mod copies;
mod document;
mod event_text;
mod events;
mod follow;
mod health;
mod history;
mod jobs;
mod logs;
mod metrics;
mod openapi;
mod operation;
mod overview;
mod pages;
mod parameters;
mod probes;
mod queues;
mod read;
mod reading;
mod reload;
mod resource;
mod route;
mod sent;
mod series;
mod streams;
mod tasks;
mod verify;
mod work;

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::response::Response;
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::service::Service;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::service::TowerToHyperService;

use super::app::App;
use super::auth::{Access, Caller};
use super::reply::{as_problem, plain};
use document::document;
pub(super) use route::Route;
use route::{Guarded, guard, is_of};

pub(super) fn all() -> Vec<Route> {
    let [healthy, ready] = probes::routes();
    let [work, cancel] = work::routes();
    let [run, pause, resume] = jobs::routes();
    let mut all = pages::routes();
    all.extend([
        metrics::route(),
        healthy,
        ready,
        health::route(),
        queues::route(),
        history::route(),
        book::route(),
        read::route(),
        events::route(),
        overview::route(),
        streams::route(),
        logs::route(),
        reload::route(),
        work,
        cancel,
        copies::route(),
        alerts::route(),
        run,
        pause,
        resume,
    ]);
    all.extend(series::routes());
    all.extend(tasks::routes());
    all.extend(config::routes());
    all.extend(act_series::routes());
    all.push(verify::route());
    all.extend(act_tasks::routes());
    all.push(openapi::route());
    all
}

/// Every route: its path, method and access level.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str, Access)> {
    all().into_iter().map(|route| (route.path, route.method, route.access))
}

/// The document of the routes, after OpenAPI 3.1.
#[must_use]
pub fn openapi() -> String {
    document(&all())
}

/// An application and its router. Clones share both.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) app: App,
    router: TowerToHyperService<Router>,
}

/// Sent with every answer that has no other: nothing is loaded, run or framed. Pages have their own policy.
const SECURITY: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
];

impl Routes {
    /// Builds the router. Only readers learn which paths exist.
    pub(super) fn new(app: App) -> Self {
        let app = app.with_document(document(&all()).into());
        let reader = || guard(Guarded { app: app.clone(), access: Access::Reader });
        let known: Vec<(&str, &str)> = all().iter().map(|route| (route.path, route.method)).collect();
        let other_method = async move |uri: Uri| not_allowed(&allowed(&known, uri.path()));
        let router = all()
            .into_iter()
            .fold(Router::new(), |router, route| router.route(route.path, route.guarded(&app)))
            .method_not_allowed_fallback(other_method.layer(reader()))
            .fallback(nothing.layer(reader()))
            .with_state(app.clone());
        Routes { app, router: TowerToHyperService::new(router) }
    }

    /// Answers any request.
    pub(super) async fn answer<B>(&self, caller: Caller, mut request: Request<B>) -> Response
    where
        B: hyper::body::Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
    {
        request.extensions_mut().insert(caller);
        let is_api = request.uri().path().starts_with("/api/");
        let page = (!is_api && pages::wants_page(request.headers()))
            .then(|| pages::Visit::of(&self.app, caller, request.uri(), request.headers()));
        let Ok(mut reply) = self.router.call(request.map(Body::new)).await;
        if is_api {
            reply = as_problem(reply);
        } else if let Some(visit) = page {
            reply = visit.refusal_as_page(reply);
        }
        for (name, value) in SECURITY {
            reply.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        for (name, value) in self.app.auth.web_config().iter().flat_map(|config| &config.headers) {
            reply.headers_mut().insert(name, value.clone());
        }
        reply
    }
}

async fn nothing() -> Response {
    plain(StatusCode::NOT_FOUND, "there is nothing here; / has links\n")
}

/// The methods of a path; GET implies HEAD.
fn allowed(known: &[(&str, &str)], path: &str) -> String {
    // A path that is written out goes before one with an id in that place.
    let is_exact = known.iter().any(|(known, _)| *known == path);
    let is_own = |known: &str| if is_exact { known == path } else { is_of(known, path) };
    let own = known.iter().filter(|(known, _)| is_own(known)).map(|(_, method)| *method);
    let head = |method: &'_ str| if method == Method::GET.as_str() { ", HEAD" } else { "" };
    let methods: BTreeSet<String> = own.map(|method| format!("{method}{}", head(method))).collect();
    methods.into_iter().collect::<Vec<_>>().join(", ")
}

fn not_allowed(allowed: &str) -> Response {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} here\n"));
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        reply.headers_mut().insert(header::ALLOW, allowed);
    }
    reply
}

//! A path and method with the handler that answers it and the guard in front.

use std::pin::Pin;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{self, FromFnLayer, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::operation::Operation;
use crate::http::app::App;
use crate::http::auth::{Access, Caller};

/// A GET route also answers HEAD.
pub(in crate::http) struct Route {
    pub(in crate::http) path: &'static str,
    pub(in crate::http) method: &'static str,
    pub(in crate::http) access: Access,
    pub(super) operation: Operation,
    handler: MethodRouter<App>,
}

impl Route {
    /// A route that only reads.
    pub(super) fn read<T: 'static>(
        path: &'static str,
        access: Access,
        handler: impl Handler<T, App>,
    ) -> Self {
        let operation = Operation::default();
        Route { path, method: "GET", access, operation, handler: get(handler) }
    }

    /// A route that changes something.
    pub(super) fn act<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Self {
        let operation = Operation::default();
        Route { path, method: "POST", access: Access::Admin, operation, handler: post(handler) }
    }

    /// The same route for everyone: signing in, which needs nothing but itself.
    pub(super) fn open(self) -> Self {
        Route { access: Access::Open, ..self }
    }

    /// The same route with its description.
    pub(super) fn that(self, operation: Operation) -> Self {
        Route { operation, ..self }
    }

    /// Its handler behind its guard.
    pub(super) fn guarded(self, app: &App) -> MethodRouter<App> {
        self.handler.route_layer(guard(Guarded { app: app.clone(), access: self.access }))
    }
}

/// Whether a path is one of a route's.
pub(super) fn is_of(route: &str, path: &str) -> bool {
    let (own, segments) = (route.split('/'), path.split('/'));
    let is_same =
        |(own, segment): (&str, &str)| own == segment || (own.starts_with('{') && !segment.is_empty());
    own.clone().count() == segments.clone().count() && own.zip(segments).all(is_same)
}

/// The state of a guard.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) app: App,
    pub(super) access: Access,
}

type Pending = Pin<Box<dyn Future<Output = Response> + Send>>;

type Guard = FromFnLayer<fn(State<Guarded>, Request, Next) -> Pending, Guarded, (State<Guarded>, Request)>;

/// Admits requests that have the access level.
pub(super) fn guard(guarded: Guarded) -> Guard {
    middleware::from_fn_with_state(guarded, |state, request, next| Box::pin(admitted(state, request, next)))
}

async fn admitted(State(guarded): State<Guarded>, request: Request, next: Next) -> Response {
    let Guarded { app, access } = guarded;
    let (head, body) = request.into_parts();
    // The server attaches the caller; without one a request counts as coming from anywhere.
    let caller = head.extensions.get::<Caller>().copied().unwrap_or_default();
    match app.auth.admit(&app.telemetry, caller, access, &head).await {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(refused) => *refused,
    }
}

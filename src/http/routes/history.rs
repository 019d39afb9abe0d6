//! `GET /api/v1/metrics`: the history of metrics, of all workers of the state store.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::reading::read;
use super::route::Route;
use crate::engine::history::{AskError, Asked};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{problem, tagged};
use crate::telemetry::events::Chain;

pub(super) fn route() -> Route {
    Route::read("/api/v1/metrics", Access::Reader, metrics)
}

async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(error) => return problem(StatusCode::UNPROCESSABLE_ENTITY, error.body_text(), None),
    };
    let answered = read(&app, async |control| control.history(&asked).await).await;
    match answered {
        Ok(Ok(answer)) => tagged(&headers, &answer),
        Ok(Err(AskError::Wrong { parameter, why })) => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, why, Some(parameter))
        }
        Ok(Err(AskError::Store(error))) => {
            problem(StatusCode::SERVICE_UNAVAILABLE, Chain(&error).to_string(), None)
        }
        Err(refused) => *refused,
    }
}

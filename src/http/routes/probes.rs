//! `/-/healthy` and `/-/ready`.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::operation::Operation;
use super::route::Route;
use crate::api::Readiness;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{json, plain};

pub(super) fn routes() -> [Route; 2] {
    [
        Route::read("/-/healthy", Access::Open, healthy).that(
            Operation::about("Liveness: 503 if the scheduler does not turn")
                .sending(200, "text/plain")
                .sending(503, "text/plain"),
        ),
        Route::read("/-/ready", Access::Open, ready).that(
            Operation::about("Readiness: 503 with the reasons while nothing is collected")
                .answering::<Readiness>(200)
                .answering::<Readiness>(503),
        ),
    ]
}

async fn healthy(State(app): State<App>) -> Response {
    let late = app.status.since_tick();
    if late <= app.limits.tick {
        return plain(StatusCode::OK, "healthy\n");
    }
    let what = format!("the scheduler has not ticked for {} s\n", late.as_secs());
    plain(StatusCode::SERVICE_UNAVAILABLE, what)
}

async fn ready(State(app): State<App>) -> Response {
    let reasons = app.status.unready();
    let readiness = Readiness { ready: reasons.is_empty(), reasons };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &readiness)
}

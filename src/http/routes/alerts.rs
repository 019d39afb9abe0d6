//! `POST /api/v1/alerts/test`: a fire drill of the alerts.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::body::Whole;
use super::control::answer;
use super::operation::Operation;
use super::route::Route;
use crate::api::{AlertAsked, AlertTested};
use crate::http::app::App;
use crate::http::reply::json;
use crate::telemetry::events::TestAlertSet;

/// The longest drill.
const LONGEST: u64 = 3_600;

pub(super) fn route() -> Route {
    Route::act("/api/v1/alerts/test", test_alert).that(
        Operation::about("Raises the test alert for some seconds; 0 lowers it")
            .taking::<AlertAsked>()
            .answering::<AlertTested>(200),
    )
}

async fn test_alert(State(app): State<App>, body: Whole) -> Response {
    answer(raised(&app, &body))
}

/// Raises the test alert for this many seconds; 0 lowers it.
fn raised(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let AlertAsked { secs } = body.read()?;
    let secs = secs.min(LONGEST);
    app.telemetry.emit(TestAlertSet { lasting: Duration::from_secs(secs) });
    Ok(json(StatusCode::OK, &AlertTested { secs }))
}

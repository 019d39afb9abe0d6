//! `POST /-/reload`: reads the configuration again.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::body::Whole;
use super::control::{answer, control};
use super::operation::Operation;
use super::route::Route;
use crate::api::ReloadAnswer;
use crate::http::app::App;
use crate::http::reply::json;

pub(super) fn route() -> Route {
    Route::act("/-/reload", reload).that(
        Operation::about("Reads the configuration again: what changed, or every problem")
            .answering::<ReloadAnswer<'_>>(200)
            .answering::<ReloadAnswer<'_>>(400),
    )
}

async fn reload(State(app): State<App>, _: Whole) -> Response {
    answer(reloaded(&app).await)
}

async fn reloaded(app: &App) -> Result<Response, Box<Response>> {
    let reloaded = control(app)?.reload().await;
    let status = if reloaded.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok(json(status, &ReloadAnswer::of(&reloaded)))
}

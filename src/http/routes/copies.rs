//! `POST /api/v1/copies`: sync, purge or restore.

use axum::extract::State;
use axum::response::Response;

use super::body::Whole;
use super::control::{answer, control, refused};
use super::follow::followed;
use super::route::Route;
use crate::http::app::App;

pub(super) fn route() -> Route {
    Route::act("/api/v1/copies", copies)
}

async fn copies(State(app): State<App>, body: Whole) -> Response {
    answer(begun(&app, &body).await)
}

async fn begun(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let (id, board) = control.copies(body.read()?).await.map_err(|refusal| refused(&refusal))?;
    Ok(followed(id, board))
}

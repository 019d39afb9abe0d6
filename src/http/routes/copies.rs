//! `POST /api/v1/copies`: sync, purge or restore.

use axum::extract::State;
use axum::response::Response;

use super::body::Whole;
use super::control::{answer, control, refused};
use super::follow::followed;
use super::operation::Operation;
use super::route::Route;
use crate::api::{CopyAsked, ProgressLine};
use crate::http::app::App;

pub(super) fn route() -> Route {
    Route::act("/api/v1/copies", copies).that(
        Operation::about("Syncs the remotes, purges what they hold, or restores it, and tells the progress")
            .taking::<CopyAsked>()
            .streaming::<ProgressLine>(),
    )
}

async fn copies(State(app): State<App>, body: Whole) -> Response {
    answer(begun(&app, &body).await)
}

async fn begun(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let (id, board) = control.copies(body.read()?).await.map_err(|refusal| refused(&refusal))?;
    Ok(followed(id, board))
}

//! `POST /api/v1/work`: work on series, and its cancellation.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::body::Whole;
use super::control::{answer, bad, control, refused};
use super::follow::followed;
use super::operation::Operation;
use super::route::Route;
use crate::api::{CancelAsked, ProgressLine, WorkAsked};
use crate::engine::Work;
use crate::http::app::App;
use crate::http::reply::plain;

pub(super) fn routes() -> [Route; 2] {
    [
        Route::act("/api/v1/work", work).that(
            Operation::about(
                "Backfills or repairs series, as the commands hand it over, and tells the progress",
            )
            .taking::<WorkAsked>()
            .streaming::<ProgressLine>(),
        ),
        Route::act("/api/v1/work/cancel", cancel).that(
            Operation::about("Cancels requested work by its id")
                .taking::<CancelAsked>()
                .sending(200, "text/plain"),
        ),
    ]
}

async fn work(State(app): State<App>, body: Whole) -> Response {
    answer(begun(&app, &body).await)
}

async fn begun(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let WorkAsked { works, at_once } = body.read()?;
    let works = works.into_iter().map(Work::try_from).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    let (id, board) = control.work(works, at_once).await.map_err(|refusal| refused(&refusal))?;
    Ok(followed(id, board))
}

async fn cancel(State(app): State<App>, body: Whole) -> Response {
    answer(cancelled(&app, &body).await)
}

async fn cancelled(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let CancelAsked { id } = body.read()?;
    match control.cancel(id).await {
        Ok(true) => Ok(plain(StatusCode::OK, "cancelled\n")),
        Ok(false) => Ok(plain(StatusCode::NOT_FOUND, "there is no such work; it may be done\n")),
        Err(refusal) => Err(refused(&refusal)),
    }
}

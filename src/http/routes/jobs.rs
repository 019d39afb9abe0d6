//! `POST /api/v1/jobs/…`: runs of jobs, and pauses.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::body::Whole;
use super::control::{answer, control, refused};
use super::follow::followed;
use super::operation::Operation;
use super::route::Route;
use crate::api::{JobsAsked, JobsChanged, ProgressLine};
use crate::http::app::App;
use crate::http::reply::json;

pub(super) fn routes() -> [Route; 3] {
    [
        Route::act("/api/v1/jobs/run", run).that(
            Operation::about("Runs jobs now, all if none is named, and tells the progress")
                .taking::<JobsAsked>()
                .streaming::<ProgressLine>(),
        ),
        Route::act("/api/v1/jobs/pause", pause).that(
            Operation::about("Pauses jobs and live series, all if none is named, over restarts too")
                .taking::<JobsAsked>()
                .answering::<JobsChanged>(200),
        ),
        Route::act("/api/v1/jobs/resume", resume).that(
            Operation::about("Resumes paused jobs and live series, all if none is named")
                .taking::<JobsAsked>()
                .answering::<JobsChanged>(200),
        ),
    ]
}

async fn run(State(app): State<App>, body: Whole) -> Response {
    answer(begun(&app, &body).await)
}

async fn begun(app: &App, body: &Whole) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let JobsAsked { series } = body.read()?;
    let (id, board) = control.run_jobs(series).await.map_err(|refusal| refused(&refusal))?;
    Ok(followed(id, board))
}

async fn pause(State(app): State<App>, body: Whole) -> Response {
    answer(changed(&app, &body, true).await)
}

async fn resume(State(app): State<App>, body: Whole) -> Response {
    answer(changed(&app, &body, false).await)
}

async fn changed(app: &App, body: &Whole, is_paused: bool) -> Result<Response, Box<Response>> {
    let control = control(app)?;
    let JobsAsked { series } = body.read()?;
    let changed = control.pause(series, is_paused).await.map_err(|refusal| refused(&refusal))?;
    let series = changed.iter().map(ToString::to_string).collect();
    Ok(json(StatusCode::OK, &JobsChanged { series }))
}

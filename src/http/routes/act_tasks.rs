//! `POST /api/v1/jobs/{id}/…`: runs and pauses of one job, and decisions about one task.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::act_series::started;
use super::action::Action;
use super::control::refused;
use super::operation::Operation;
use super::resource::Id;
use super::route::Route;
use super::tasks::refuse;
use crate::api::{IgnoreAsked, JobsChanged, RetryAsked, Started, TaskLine};
use crate::daemon::{Control, WorkRefusal};
use crate::engine::tasks::TaskAction;
use crate::http::app::App;
use crate::http::reply::{json, problem};

pub(super) fn routes() -> [Route; 7] {
    let about = |summary| Operation::about(summary).once();
    let run = about("Runs a job now, a paused one too; one that is running is not run twice");
    let pause = about("Pauses a job or live series, over restarts too");
    let resume = about("Resumes a paused job or live series");
    let retry = about("Retries a task now, with all its attempts left").maybe_taking::<RetryAsked>();
    let ignore = about("Skips a task until it is retried").taking::<IgnoreAsked>();
    let cancel = about("Stops a task in progress; a waiting window is ignored");
    let unlock = about("Takes a task from its worker, whose results are dropped");
    [
        Route::act("/api/v1/jobs/{id}/run", run_job).that(run.answering::<Started>(202)),
        Route::act("/api/v1/jobs/{id}/pause", pause_job).that(pause.answering::<JobsChanged>(200)),
        Route::act("/api/v1/jobs/{id}/resume", resume_job).that(resume.answering::<JobsChanged>(200)),
        Route::act("/api/v1/jobs/{id}/retry", retry_task).that(retry.answering::<TaskLine>(200)),
        Route::act("/api/v1/jobs/{id}/ignore", ignore_task).that(ignore.answering::<TaskLine>(200)),
        Route::act("/api/v1/jobs/{id}/cancel", cancel_task).that(cancel.answering::<TaskLine>(200)),
        Route::act("/api/v1/jobs/{id}/unlock", unlock_task).that(unlock.answering::<TaskLine>(200)),
    ]
}

async fn run_job(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| started(control.run_job(&id).await, Some(&id))).await
}

async fn pause_job(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| changed(control, &id, true).await).await
}

async fn resume_job(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| changed(control, &id, false).await).await
}

async fn changed(control: &Control, id: &str, is_paused: bool) -> Result<Response, Box<Response>> {
    match control.pause_one(id, is_paused).await {
        Ok(series) => {
            let series = series.iter().map(ToString::to_string).collect();
            Ok(json(StatusCode::OK, &JobsChanged { series }))
        }
        Err(WorkRefusal::Refused(refusal)) => Err(refused(&refusal)),
        Err(other) => Err(Box::new(problem(StatusCode::NOT_FOUND, other.to_string(), Some("id".to_owned())))),
    }
}

async fn retry_task(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    let retry = async |control: &Control| {
        let RetryAsked { force } = action.read()?;
        decided(control, &id, &TaskAction::Retry { force }).await
    };
    action.once(&app, retry).await
}

async fn ignore_task(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    let ignore = async |control: &Control| {
        let IgnoreAsked { reason } = action.read_some()?;
        decided(control, &id, &TaskAction::Ignore { reason }).await
    };
    action.once(&app, ignore).await
}

async fn cancel_task(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| decided(control, &id, &TaskAction::Cancel).await).await
}

async fn unlock_task(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| decided(control, &id, &TaskAction::Unlock).await).await
}

async fn decided(control: &Control, id: &str, action: &TaskAction) -> Result<Response, Box<Response>> {
    match control.decide(id, action).await {
        Ok(task) => Ok(json(StatusCode::OK, &task)),
        Err(error) => Err(Box::new(refuse(&error))),
    }
}

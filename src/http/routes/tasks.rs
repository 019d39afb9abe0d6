//! `GET /api/v1/jobs…` and `GET /api/v1/runs…`: tasks, their attempts and their progress.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::operation::Operation;
use super::parameters::{Nothing, Parameters};
use super::reading::{answer, wrong};
use super::resource::Id;
use super::route::Route;
use crate::api::{RunLine, RunsAsked, RunsPage, TaskDetail, TasksAsked, TasksPage};
use crate::engine::tasks::TasksError;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;
use crate::telemetry::events::Chain;

pub(super) fn routes() -> [Route; 4] {
    [
        Route::read("/api/v1/jobs", Access::Reader, tasks).that(
            Operation::about("Tasks, the last changed first: jobs, live series and windows of history")
                .asking::<TasksAsked>()
                .reading::<TasksPage>(),
        ),
        Route::read("/api/v1/jobs/{id}", Access::Reader, task).that(
            Operation::about("A task with its attempts, their causes and its progress")
                .asking::<Nothing>()
                .reading::<TaskDetail>(),
        ),
        Route::read("/api/v1/runs", Access::Reader, runs)
            .that(Operation::about("Runs, the last begun first").asking::<RunsAsked>().reading::<RunsPage>()),
        Route::read("/api/v1/runs/{id}", Access::Reader, run).that(
            Operation::about("A run with its error, its causes and its progress")
                .asking::<Nothing>()
                .reading::<RunLine>(),
        ),
    ]
}

async fn tasks(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(asked): Parameters<TasksAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.tasks(&asked).await, refuse).await
}

async fn task(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(_): Parameters<Nothing>,
) -> Response {
    answer(&app, &headers, async |control| control.task(&id).await, refuse).await
}

async fn runs(
    State(app): State<App>,
    headers: HeaderMap,
    Parameters(asked): Parameters<RunsAsked>,
) -> Response {
    answer(&app, &headers, async |control| control.runs(&asked).await, refuse).await
}

async fn run(
    State(app): State<App>,
    headers: HeaderMap,
    Id(id): Id,
    Parameters(_): Parameters<Nothing>,
) -> Response {
    answer(&app, &headers, async |control| control.one_run(&id).await, refuse).await
}

pub(super) fn refuse(error: &TasksError) -> Response {
    let status = match error {
        TasksError::Wrong(part) => return wrong(part),
        TasksError::NoTask { .. } | TasksError::NoRun { .. } => StatusCode::NOT_FOUND,
        TasksError::Refused(_) => StatusCode::CONFLICT,
        TasksError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, Chain(error).to_string(), None)
}

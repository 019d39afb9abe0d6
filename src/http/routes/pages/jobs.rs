//! `/jobs…` and `/runs`: tasks, their attempts, and what is decided about them.

use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::Form;
use super::visit::{Asked, Visit, back};
use crate::api::{RunsAsked, TasksAsked};
use crate::daemon::Control;
use crate::engine::tasks::TaskAction;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, RefusedForm, View};
use crate::http::reply::html;
use crate::http::routes::act_series::unstarted;
use crate::http::routes::control::control;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::resource::Id;
use crate::http::routes::route::Route;
use crate::http::routes::tasks::refuse;

pub(super) fn routes() -> [Route; 10] {
    let about = Operation::about;
    let page = |summary| about(summary).sending(200, "text/html");
    let done = |summary| about(summary).taking_form::<Why>().sending(303, "text/plain");
    let act = |path, decision: Decision, summary| {
        let handler = move |state, visit, id, form| decide(state, visit, id, form, decision);
        Route::act(path, handler).that(done(summary))
    };
    [
        Route::read("/jobs", Access::Reader, jobs).that(page("The jobs, as a page").asking::<TasksAsked>()),
        Route::read("/jobs/{id}", Access::Reader, job).that(page("A job with its attempts, as a page")),
        Route::read("/runs", Access::Reader, runs).that(page("The runs, as a page").asking::<RunsAsked>()),
        act("/jobs/{id}/run", Decision::Run, "Runs a job now, for its page"),
        act("/jobs/{id}/pause", Decision::Pause, "Pauses a job, for its page"),
        act("/jobs/{id}/resume", Decision::Resume, "Resumes a job, for its page"),
        act("/jobs/{id}/retry", Decision::Retry, "Retries a task, for its page"),
        act("/jobs/{id}/ignore", Decision::Ignore, "Skips a task, for its page"),
        act("/jobs/{id}/cancel", Decision::Cancel, "Stops a task, for its page"),
        act("/jobs/{id}/unlock", Decision::Unlock, "Takes a task from its worker, for its page"),
    ]
}

/// A decision about a task.
#[derive(Clone, Copy)]
enum Decision {
    Run,
    Pause,
    Resume,
    Retry,
    Ignore,
    Cancel,
    Unlock,
}

/// Why a task is skipped.
#[derive(Default, Deserialize, JsonSchema)]
struct Why {
    /// Shown with the task.
    reason: Option<String>,
}

async fn jobs(State(app): State<App>, visit: Visit, Asked(asked): Asked<TasksAsked>) -> Response {
    match read(&app, async |control| control.tasks(&asked).await).await {
        Ok(Ok(shown)) => html(page::jobs(&visit.frame(View::Jobs, "Jobs"), Some(&shown), &asked)),
        Ok(Err(error)) => {
            let page = async |visit: &Visit| html(page::jobs(&visit.frame(View::Jobs, "Jobs"), None, &asked));
            visit.unanswered("/jobs", refuse(&error), page).await
        }
        Err(refused) => *refused,
    }
}

async fn job(State(app): State<App>, visit: Visit, Id(id): Id) -> Response {
    rendered(&app, &visit, &id).await
}

async fn rendered(app: &App, visit: &Visit, id: &str) -> Response {
    match read(app, async |control| control.task(id).await).await {
        Ok(Ok(shown)) => {
            let title = shown.task.series.clone();
            html(page::job(&visit.frame(View::Jobs, title), &shown))
        }
        Ok(Err(error)) => refuse(&error),
        Err(refused) => *refused,
    }
}

async fn runs(State(app): State<App>, visit: Visit, Asked(asked): Asked<RunsAsked>) -> Response {
    match read(&app, async |control| control.runs(&asked).await).await {
        Ok(Ok(shown)) => html(page::runs(&visit.frame(View::Jobs, "Runs"), Some(&shown), &asked)),
        Ok(Err(error)) => {
            let page = async |visit: &Visit| html(page::runs(&visit.frame(View::Jobs, "Runs"), None, &asked));
            visit.unanswered("/runs", refuse(&error), page).await
        }
        Err(refused) => *refused,
    }
}

async fn decide(
    State(app): State<App>,
    visit: Visit,
    Id(id): Id,
    Form(why): Form<Why>,
    decision: Decision,
) -> Response {
    let typed = why.reason.clone();
    let done = match control(&app) {
        Ok(control) => decided(control, &id, why, decision).await,
        Err(none) => Err(none),
    };
    match done {
        Ok(code) => back(&page::job_path(&id), code),
        Err(refused) if matches!(decision, Decision::Ignore) => {
            let path = page::job_path(&id);
            let typed = vec![("reason", typed.unwrap_or_default())];
            let form = RefusedForm::new(format!("{path}/ignore"), typed);
            visit.again(&path, form, *refused, async |visit| rendered(&app, visit, &id).await).await
        }
        Err(refused) => *refused,
    }
}

async fn decided(
    control: &Control,
    id: &str,
    why: Why,
    decision: Decision,
) -> Result<&'static str, Box<Response>> {
    let task = async |action, code| match control.decide(id, &action).await {
        Ok(_) => Ok(code),
        Err(error) => Err(Box::new(refuse(&error))),
    };
    match decision {
        Decision::Run => control.run_job(id).await.map(|_| "run").map_err(|error| unstarted(&error)),
        Decision::Pause => {
            control.pause_one(id, true).await.map(|_| "paused").map_err(|error| unstarted(&error))
        }
        Decision::Resume => {
            control.pause_one(id, false).await.map(|_| "resumed").map_err(|error| unstarted(&error))
        }
        Decision::Retry => task(TaskAction::Retry { force: true }, "retried").await,
        Decision::Ignore => {
            task(TaskAction::Ignore { reason: why.reason.unwrap_or_default() }, "ignored").await
        }
        Decision::Cancel => task(TaskAction::Cancel, "cancelled").await,
        Decision::Unlock => task(TaskAction::Unlock, "unlocked").await,
    }
}

//! `/api/v1/config…`: the configuration in force, its file, and edits of it.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::action::Action;
use super::operation::Operation;
use super::parameters::{Nothing, Parameters};
use super::reading::read;
use super::route::Route;
use crate::api::{Configuration, HistoryJobAsked, ReloadAnswer, RemovePairAsked, StreamJobAsked};
use crate::daemon::{ConfigEditError, Control, Reloaded};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{json, problem, tagged};

pub(super) fn routes() -> [Route; 4] {
    let about = |summary| Operation::about(summary).answering::<ReloadAnswer<'_>>(200).once();
    [
        Route::read("/api/v1/config", Access::Reader, shown).that(
            Operation::about("The configuration in force without secrets, and what is wrong with its file")
                .asking::<Nothing>()
                .reading::<Configuration>(),
        ),
        Route::act("/api/v1/config/histo_jobs", add_history).that(
            about("Adds a job to the file, checked as a whole, and reloads it").taking::<HistoryJobAsked>(),
        ),
        Route::act("/api/v1/config/stream_jobs", add_stream).that(
            about("Adds a stream to the file, checked as a whole, and reloads it").taking::<StreamJobAsked>(),
        ),
        Route::act("/api/v1/config/remove", remove).that(
            about("Removes a pair from a job or a stream of the file and reloads it; its data stays")
                .taking::<RemovePairAsked>(),
        ),
    ]
}

async fn shown(State(app): State<App>, headers: HeaderMap, Parameters(_): Parameters<Nothing>) -> Response {
    match read(&app, async |control| control.configuration().await).await {
        Ok(configuration) => tagged(&headers, &configuration),
        Err(refused) => *refused,
    }
}

async fn add_history(State(app): State<App>, action: Action) -> Response {
    let add = async |control: &Control| edited(control.add_history(&action.read_some()?).await);
    action.once(&app, add).await
}

async fn add_stream(State(app): State<App>, action: Action) -> Response {
    let add = async |control: &Control| edited(control.add_stream(&action.read_some()?).await);
    action.once(&app, add).await
}

async fn remove(State(app): State<App>, action: Action) -> Response {
    let remove = async |control: &Control| edited(control.remove_pair(action.read_some()?).await);
    action.once(&app, remove).await
}

fn edited(done: Result<Reloaded, ConfigEditError>) -> Result<Response, Box<Response>> {
    match done {
        Ok(reloaded) => Ok(json(StatusCode::OK, &ReloadAnswer::of(&Ok(reloaded)))),
        Err(error) => Err(Box::new(problem(status(&error), error.to_string(), None))),
    }
}

/// The status of a refusal.
pub(super) fn status(error: &ConfigEditError) -> StatusCode {
    match error {
        ConfigEditError::Config(_) | ConfigEditError::NotOffered(_) | ConfigEditError::Pair(_) => {
            StatusCode::BAD_REQUEST
        }
        ConfigEditError::Edit { .. } | ConfigEditError::Changed(_) => StatusCode::CONFLICT,
        ConfigEditError::Unwritten { .. } | ConfigEditError::Reload(_) | ConfigEditError::Broken(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

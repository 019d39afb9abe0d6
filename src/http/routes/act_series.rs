//! `POST /api/v1/series/{id}/…`: work on one series, and `POST /api/v1/copies/sync`.
//!
//! The answer is the id of the request; `/api/v1/jobs` and `/api/v1/runs` show how it goes.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::action::Action;
use super::control::refused;
use super::operation::Operation;
use super::reading::wrong;
use super::resource::Id;
use super::route::Route;
use crate::api::{BackfillAsked, CopyAsked, Started};
use crate::daemon::{Control, WorkRefusal};
use crate::http::app::App;
use crate::http::reply::{json, problem};

pub(super) fn routes() -> [Route; 3] {
    let backfill =
        Operation::about("Fetches what is missing of a range of a series").taking::<BackfillAsked>();
    let repair =
        Operation::about("Checks every file of a series, sets damaged ones aside and fills every hole");
    let sync = Operation::about("Sends to the remotes whatever they do not have verified");
    [
        Route::act("/api/v1/series/{id}/backfill", fetch).that(backfill.answering::<Started>(202).once()),
        Route::act("/api/v1/series/{id}/repair", mend).that(repair.answering::<Started>(202).once()),
        Route::act("/api/v1/copies/sync", send).that(sync.answering::<Started>(202).once()),
    ]
}

async fn fetch(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    let backfill = async |control: &Control| {
        let asked: BackfillAsked = action.read_some()?;
        started(control.backfill(&id, &asked).await, Some(&id))
    };
    action.once(&app, backfill).await
}

async fn mend(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    action.once(&app, async |control| started(control.repair(&id).await, Some(&id))).await
}

async fn send(State(app): State<App>, action: Action) -> Response {
    let sync = async |control: &Control| {
        let begun = control.copies(CopyAsked::Sync {}).await;
        started(begun.map(|(id, _)| id).map_err(WorkRefusal::from), None)
    };
    action.once(&app, sync).await
}

pub(super) fn started(
    begun: Result<u64, WorkRefusal>,
    series: Option<&str>,
) -> Result<Response, Box<Response>> {
    let id = begun.map_err(|refusal| unstarted(&refusal))?;
    let started = Started { id, series: series.map(str::to_owned) };
    Ok(json(StatusCode::ACCEPTED, &started))
}

pub(super) fn unstarted(refusal: &WorkRefusal) -> Box<Response> {
    match refusal {
        WorkRefusal::Wrong(part) => Box::new(wrong(part)),
        WorkRefusal::NoSeries { .. } => {
            Box::new(problem(StatusCode::NOT_FOUND, refusal.to_string(), Some("id".to_owned())))
        }
        WorkRefusal::Refused(refusal) => refused(refusal),
    }
}

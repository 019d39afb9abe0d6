//! `POST /api/v1/series/{id}/verify`: the files of a series, each against its hash, its order, its keys and the ledger.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::action::Action;
use super::operation::Operation;
use super::resource::Id;
use super::route::Route;
use super::series::refuse;
use crate::api::Verified;
use crate::daemon::{Control, VerifyError};
use crate::http::app::App;
use crate::http::reply::{json, problem};

pub(super) fn route() -> Route {
    let about = "Checks every file of a series, hash and window, as `dccd verify` does; changes nothing";
    Route::act("/api/v1/series/{id}/verify", verify)
        .that(Operation::about(about).answering::<Verified>(200).once())
}

async fn verify(State(app): State<App>, Id(id): Id, action: Action) -> Response {
    let verify = async |control: &Control| match control.verify(&id).await {
        Ok(verified) => Ok(json(StatusCode::OK, &verified)),
        Err(error) => Err(Box::new(refused(&error))),
    };
    action.once(&app, verify).await
}

pub(super) fn refused(error: &VerifyError) -> Response {
    match error {
        VerifyError::One(error) => refuse(error),
        VerifyError::Busy => problem(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), None),
    }
}

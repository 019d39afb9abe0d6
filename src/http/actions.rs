//! What may be asked of a running daemon: work, runs of jobs, a pause, another configuration.

use std::future::Future;
use std::sync::Arc;

use hyper::StatusCode;
use serde::de::DeserializeOwned;

use super::App;
use super::lines::followed;
use super::routes::{Asked, Reply, json, plain};
use crate::api::ActionError;
use crate::daemon::{Control, Refusal, ReloadAnswer};
use crate::engine::wire::{CancelAsked, JobsAsked, JobsChanged, WorkAsked};
use crate::engine::{CopyAsked, ProgressFeed, Work};
use crate::telemetry::events::Chain;

/// Reads the configuration anew.
pub(super) async fn reload(app: &App, _: &Asked) -> Reply {
    let Some(control) = &app.control else { return no_control() };
    let reloaded = control.reload().await;
    let status = if reloaded.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    json(status, &ReloadAnswer::of(&reloaded))
}

/// Does work on series and says how it goes.
pub(super) async fn work(app: &App, asked: &Asked) -> Reply {
    follow(app, asked, |control, asked: WorkAsked| async move {
        let works =
            asked.works.into_iter().map(Work::try_from).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        control.work(works, asked.at_once).await.map_err(|refusal| refused(&refusal))
    })
    .await
}

/// Runs jobs now and says how it goes.
pub(super) async fn run_jobs(app: &App, asked: &Asked) -> Reply {
    follow(app, asked, |control, asked: JobsAsked| async move {
        control.run_jobs(asked.series).await.map_err(|refusal| refused(&refusal))
    })
    .await
}

/// Syncs, purges or restores, and says how it goes.
pub(super) async fn copies(app: &App, asked: &Asked) -> Reply {
    follow(app, asked, |control, asked: CopyAsked| async move {
        control.copies(asked).await.map_err(|refusal| refused(&refusal))
    })
    .await
}

/// Takes work back.
pub(super) async fn cancel(app: &App, asked: &Asked) -> Reply {
    let Some(control) = &app.control else { return no_control() };
    let CancelAsked { id } = match read(asked) {
        Ok(asked) => asked,
        Err(reply) => return *reply,
    };
    match control.cancel(id).await {
        Ok(true) => plain(StatusCode::OK, "cancelled\n"),
        Ok(false) => plain(StatusCode::NOT_FOUND, "there is no such work; it may be done\n"),
        Err(refusal) => *refused(&refusal),
    }
}

/// Pauses jobs, or lets them run again.
pub(super) async fn pause(app: &App, asked: &Asked, is_paused: bool) -> Reply {
    let Some(control) = &app.control else { return no_control() };
    let JobsAsked { series } = match read(asked) {
        Ok(asked) => asked,
        Err(reply) => return *reply,
    };
    match control.pause(series, is_paused).await {
        Ok(series) => {
            json(StatusCode::OK, &JobsChanged { series: series.iter().map(ToString::to_string).collect() })
        }
        Err(refusal) => *refused(&refusal),
    }
}

async fn follow<T: DeserializeOwned, F>(
    app: &App,
    asked: &Asked,
    begin: impl FnOnce(Control, T) -> F,
) -> Reply
where
    F: Future<Output = Result<(u64, Arc<ProgressFeed>), Box<Reply>>>,
{
    let Some(control) = &app.control else { return no_control() };
    let asked = match read(asked) {
        Ok(asked) => asked,
        Err(reply) => return *reply,
    };
    match begin(control.clone(), asked).await {
        Ok((id, board)) => followed(id, board),
        Err(reply) => *reply,
    }
}

pub(super) fn read<T: DeserializeOwned>(asked: &Asked) -> Result<T, Box<Reply>> {
    serde_json::from_slice(&asked.body).map_err(|error| bad(error.to_string()))
}

fn bad(error: String) -> Box<Reply> {
    Box::new(json(StatusCode::BAD_REQUEST, &ActionError { error }))
}

fn refused(refusal: &Refusal) -> Box<Reply> {
    let status = match refusal {
        Refusal::NoSuchJob { .. } => StatusCode::NOT_FOUND,
        Refusal::NoRemote => StatusCode::CONFLICT,
        Refusal::TooMuch | Refusal::NoAnswer => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Db(_) | Refusal::Engine(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Box::new(json(status, &ActionError { error: Chain(refusal).to_string() }))
}

fn no_control() -> Reply {
    plain(StatusCode::SERVICE_UNAVAILABLE, "no daemon is behind this server\n")
}

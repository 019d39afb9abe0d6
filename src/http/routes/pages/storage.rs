//! `/storage…`: disk, state store and remotes, and what is done about copies and files.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::Form;
use super::visit::{Visit, back};
use crate::api::{CopyAsked, CopyUpdate, DroppedFile, Update};
use crate::daemon::{Control, WorkRefusal};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, RefusedForm, StorageResult, StorageShown, View};
use crate::http::reply::{html, problem};
use crate::http::routes::act_series::unstarted;
use crate::http::routes::control::control;
use crate::http::routes::operation::Operation;
use crate::http::routes::route::Route;
use crate::http::routes::verify::refused;

/// How long the answer to a dry run is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most files of a dry run that are held.
const MOST_FILES: usize = 10_000;
const GIB: f64 = (1_u64 << 30) as f64;

pub(super) fn routes() -> [Route; 4] {
    let about = Operation::about;
    let page = |summary| about(summary).sending(200, "text/html");
    [
        Route::read("/storage", Access::Reader, shown).that(page("Disk, state store and remotes, as a page")),
        Route::act("/storage/sync", sync)
            .that(about("Sends to the remotes what they lack, for the page").sending(303, "text/plain")),
        Route::act("/storage/purge", purge)
            .that(page("Shows what a purge would drop, and drops nothing").taking_form::<Room>()),
        Route::act("/storage/verify", verify)
            .that(page("Checks every file of a series, for the page").taking_form::<Named>()),
    ]
}

/// The room that a purge is to make.
#[derive(Default, Deserialize, JsonSchema)]
struct Room {
    /// Free GiB.
    gib: Option<String>,
}

/// A series.
#[derive(Default, Deserialize, JsonSchema)]
struct Named {
    /// Its name.
    series: Option<String>,
}

async fn shown(State(app): State<App>, visit: Visit) -> Response {
    rendered(&app, &visit, None)
}

fn rendered(app: &App, visit: &Visit, result: Option<StorageResult<'_>>) -> Response {
    let snapshot = app.status.snapshot();
    let shown = StorageShown {
        at: snapshot.at,
        disk: &snapshot.disk,
        store: &snapshot.store,
        remotes: &snapshot.remotes,
        result,
    };
    html(page::storage(&visit.frame(View::Storage, "Storage and remotes"), &shown))
}

async fn sync(State(app): State<App>) -> Response {
    let done = match control(&app) {
        Ok(control) => control.copies(CopyAsked::Sync {}).await,
        Err(none) => return *none,
    };
    match done {
        Ok(_) => back("/storage", "synced"),
        Err(refusal) => *unstarted(&WorkRefusal::from(refusal)),
    }
}

async fn purge(State(app): State<App>, visit: Visit, Form(Room { gib }): Form<Room>) -> Response {
    let typed = gib.unwrap_or_default();
    let answer = purged(&app, &visit, &typed).await;
    again(&app, &visit, RefusedForm::new("/storage/purge", vec![("gib", typed)]), answer).await
}

/// The page again, if one of its forms was refused.
async fn again(app: &App, visit: &Visit, form: RefusedForm, answer: Response) -> Response {
    visit.again("/storage", form, answer, async |visit| rendered(app, visit, None)).await
}

async fn purged(app: &App, visit: &Visit, typed: &str) -> Response {
    let control = match control(app) {
        Ok(control) => control,
        Err(none) => return *none,
    };
    let wanted = typed.trim().parse::<f64>().ok().filter(|gib| *gib > 0.0 && *gib <= 1e6);
    let Some(wanted) = wanted else {
        let why = "say how much room to make: a number of GiB above 0, such as 20";
        return problem(StatusCode::BAD_REQUEST, why, Some("gib".to_owned()));
    };
    match dry_run(control, (wanted * GIB) as u64).await {
        Ok(Found { dropped, free_bytes }) => {
            let result = StorageResult::Purge { wanted: typed.trim(), dropped: &dropped, free_bytes };
            rendered(app, visit, Some(result))
        }
        Err(refused) => *refused,
    }
}

#[derive(Default)]
struct Found {
    dropped: Vec<DroppedFile>,
    free_bytes: Option<u64>,
}

/// The files that a purge would drop.
async fn dry_run(control: &Control, wanted_bytes: u64) -> Result<Found, Box<Response>> {
    let asked = CopyAsked::Purge { wanted_bytes, dry_run: true };
    let (id, feed) = control.copies(asked).await.map_err(|refusal| unstarted(&WorkRefusal::from(refusal)))?;
    let mut found = Found::default();
    let listening = async {
        while let Some(updates) = feed.next().await {
            for update in updates {
                match update {
                    Update::Copied(CopyUpdate::Dropped { series, period, bytes, remote })
                        if found.dropped.len() < MOST_FILES =>
                    {
                        found.dropped.push(DroppedFile { series, period, bytes, remote });
                    }
                    Update::Copied(CopyUpdate::Purged { free_bytes }) => found.free_bytes = Some(free_bytes),
                    Update::Copied(CopyUpdate::NotListed { error }) => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    };
    let failed = |why: String| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, why, None));
    match tokio::time::timeout(PATIENCE, listening).await {
        Ok(Ok(())) => Ok(found),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => {
            // It only reads, and its answer would come too late.
            let _ = control.cancel(id).await;
            Err(failed("the answer was not ready in time; try again".to_owned()))
        }
    }
}

async fn verify(State(app): State<App>, visit: Visit, Form(Named { series }): Form<Named>) -> Response {
    let series = series.unwrap_or_default();
    let verified = match control(&app) {
        Ok(control) => control.verify(series.trim()).await,
        Err(none) => return *none,
    };
    match verified {
        Ok(verified) => rendered(&app, &visit, Some(StorageResult::Verified(&verified))),
        Err(error) => {
            let form = RefusedForm::new("/storage/verify", vec![("series", series)]);
            again(&app, &visit, form, refused(&error)).await
        }
    }
}

//! `/configuration…`: the configuration in force, and edits of its file.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;

use super::form::Form;
use super::visit::{Visit, back};
use crate::api::{HistoryJobAsked, RemovePairAsked, StreamJobAsked};
use crate::daemon::{ConfigEditError, Control, Reloaded, exchanges};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, RefusedForm, TypedJob, View, field_of};
use crate::http::reply::{html, problem};
use crate::http::routes::config::status;
use crate::http::routes::control::control;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::route::Route;

pub(super) fn routes() -> [Route; 5] {
    let about = Operation::about;
    let done = |summary| about(summary).sending(303, "text/plain");
    [
        Route::read("/configuration", Access::Reader, shown)
            .that(about("The configuration in force without secrets, as a page").sending(200, "text/html")),
        Route::act("/configuration/histo_jobs", add_history)
            .that(done("Adds a job to the file, for the page").taking_form::<TypedJob>()),
        Route::act("/configuration/stream_jobs", add_stream)
            .that(done("Adds a stream to the file, for the page").taking_form::<TypedJob>()),
        Route::act("/configuration/remove", remove)
            .that(done("Removes a pair from the file, for the page").taking_form::<RemovePairAsked>()),
        Route::act("/configuration/reload", reload).that(done("Reads the file again, for the page")),
    ]
}

async fn shown(State(app): State<App>, visit: Visit) -> Response {
    rendered(&app, &visit).await
}

async fn rendered(app: &App, visit: &Visit) -> Response {
    match read(app, async |control| control.configuration().await).await {
        Ok(shown) => {
            let frame = visit.frame(View::Configuration, "Configuration");
            html(page::configuration(&frame, &shown, &exchanges()))
        }
        Err(refused) => *refused,
    }
}

async fn add_history(State(app): State<App>, visit: Visit, Form(typed): Form<TypedJob>) -> Response {
    let asked = HistoryJobAsked {
        exchange: typed.exchange.clone(),
        pairs: words(&typed.pairs),
        kind: typed.kind.clone(),
        span: typed.span.clone(),
    };
    let add = async |control: &Control| control.add_history(&asked).await;
    added(&app, &visit, RefusedForm::new("/configuration/histo_jobs", typed.fields()), add).await
}

async fn add_stream(State(app): State<App>, visit: Visit, Form(typed): Form<TypedJob>) -> Response {
    let channels = [("trades", &typed.trades), ("book", &typed.book), ("ohlc", &typed.ohlc)];
    let channels = channels.into_iter().filter(|(_, on)| on.is_some()).map(|(name, _)| name.to_owned());
    let asked = StreamJobAsked {
        exchange: typed.exchange.clone(),
        pairs: words(&typed.pairs),
        channels: channels.collect(),
        spans: words(typed.span.as_deref().unwrap_or_default()),
    };
    let add = async |control: &Control| control.add_stream(&asked).await;
    added(&app, &visit, RefusedForm::new("/configuration/stream_jobs", typed.fields()), add).await
}

/// Words with spaces or commas between.
fn words(text: &str) -> Vec<String> {
    text.split([',', ' ', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Adds, or shows the form again with what was typed and why it is refused.
async fn added(
    app: &App,
    visit: &Visit,
    form: RefusedForm,
    add: impl AsyncFnOnce(&Control) -> Result<Reloaded, ConfigEditError>,
) -> Response {
    let done = match control(app) {
        Ok(control) => add(control).await,
        Err(none) => return *none,
    };
    match done {
        Ok(_) => back("/configuration", "added"),
        Err(error) => {
            let why = error.to_string();
            let form = why.lines().fold(form, |form, line| form.because(field_of(line), line));
            let answer = problem(status(&error), why.clone(), None);
            let page = async |visit: &Visit| rendered(app, visit).await;
            visit.shown_again("/configuration", form, answer, page).await
        }
    }
}

async fn remove(State(app): State<App>, Form(asked): Form<RemovePairAsked>) -> Response {
    let done = match control(&app) {
        Ok(control) => control.remove_pair(asked).await,
        Err(none) => return *none,
    };
    match done {
        Ok(_) => back("/configuration", "removed"),
        Err(error) => problem(status(&error), error.to_string(), None),
    }
}

async fn reload(State(app): State<App>) -> Response {
    let done = match control(&app) {
        Ok(control) => control.reload().await,
        Err(none) => return *none,
    };
    match done {
        Ok(_) => back("/configuration", "reloaded"),
        Err(error) => problem(StatusCode::BAD_REQUEST, error.lines().join("\n"), None),
    }
}

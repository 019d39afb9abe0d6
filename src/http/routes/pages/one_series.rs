//! `/series/{id}`: one series, and what can be done with it.

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::Form;
use super::newest::newest;
use super::visit::{Asked, Visit, back};
use crate::api::{BackfillAsked, CoverageAsked, FilesAsked, GapsAsked, LogsAsked, RunsAsked};
use crate::daemon::{Control, WorkRefusal};
use crate::engine::series::OneError;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, OneSeries, RefusedForm, View, segment};
use crate::http::reply::{html, problem};
use crate::http::routes::act_series::unstarted;
use crate::http::routes::control::control;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::resource::Id;
use crate::http::routes::route::Route;
use crate::http::routes::series::refuse;
use crate::telemetry::events::Chain;

/// Windows of a map: more than it has dots.
const WINDOWS: &str = "600";
const GAPS: &str = "25";
const FILES: &str = "25";
const RUNS: &str = "10";
const LINES: &str = "12";

/// The part of a series that is looked at.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PartAsked {
    /// `next` of the gaps before.
    gaps: Option<String>,
}

/// A range to fetch, as a form has it.
#[derive(Debug, Deserialize, JsonSchema)]
struct RangeForm {
    /// A day in UTC, or an instant with its zone.
    #[serde(default)]
    from: String,
    /// The same; now if it is left out.
    until: Option<String>,
}

pub(super) fn routes() -> [Route; 6] {
    let about = Operation::about;
    let page = about("The page of one series").asking::<PartAsked>().sending(200, "text/html");
    let done = |operation: Operation| operation.sending(303, "text/plain");
    let backfill =
        about("Fetches what is missing of a range, and returns to the page").taking_form::<RangeForm>();
    let repair =
        about("Checks every file, sets damaged ones aside, fills every hole, and returns to the page");
    [
        Route::read("/series/{id}", Access::Reader, shown).that(page),
        Route::act("/series/{id}/backfill", backfill_range).that(done(backfill)),
        Route::act("/series/{id}/repair", mend).that(done(repair)),
        Route::act("/series/{id}/run", run).that(done(about("Runs the job now, and returns to the page"))),
        Route::act("/series/{id}/pause", pause)
            .that(done(about("Pauses the series, and returns to the page"))),
        Route::act("/series/{id}/resume", resume)
            .that(done(about("Resumes the series, and returns to the page"))),
    ]
}

async fn shown(State(app): State<App>, visit: Visit, Id(id): Id, Asked(asked): Asked<PartAsked>) -> Response {
    rendered(&app, &visit, &id, asked).await
}

async fn rendered(app: &App, visit: &Visit, id: &str, asked: PartAsked) -> Response {
    match read(app, async |control| one(control, id, asked).await).await {
        Ok(Ok(series)) => html(page::one_series(&visit.frame(View::Series, id), &series)),
        Ok(Err(error)) => refuse(&error),
        Err(refused) => *refused,
    }
}

async fn one(control: &Control, id: &str, asked: PartAsked) -> Result<OneSeries, OneError> {
    let line = control.one_series(id).await?;
    let windows = CoverageAsked { windows: Some(WINDOWS.to_owned()), ..CoverageAsked::default() };
    let gaps = GapsAsked { limit: Some(GAPS.to_owned()), cursor: asked.gaps, ..GapsAsked::default() };
    let files = FilesAsked { limit: Some(FILES.to_owned()), cursor: None };
    let runs =
        RunsAsked { series: Some(id.to_owned()), limit: Some(RUNS.to_owned()), ..RunsAsked::default() };
    let logs =
        LogsAsked { series: Some(id.to_owned()), limit: Some(LINES.to_owned()), ..LogsAsked::default() };
    let gaps = control.gaps(id.to_owned(), gaps).await;
    if let Err(OneError::Wrong(wrong)) = gaps {
        return Err(wrong.into());
    }
    Ok(OneSeries {
        coverage: words(control.coverage(id.to_owned(), windows).await),
        gaps: words(gaps),
        files: words(control.files(id.to_owned(), files).await),
        runs: words(control.runs(&runs).await),
        logs: words(control.logs(logs).await),
        rows: newest(control, &line).await,
        line,
    })
}

/// A part, or why there is none.
pub(super) fn words<T, E: std::error::Error>(answer: Result<T, E>) -> Result<T, String> {
    answer.map_err(|error| Chain(&error).to_string())
}

async fn backfill_range(
    State(app): State<App>,
    visit: Visit,
    Id(id): Id,
    Form(range): Form<RangeForm>,
) -> Response {
    let typed = vec![("from", range.from.clone()), ("until", range.until.clone().unwrap_or_default())];
    let asked = BackfillAsked { from: instant(range.from), until: range.until.map(instant) };
    let answer =
        act(&app, &id, "backfill", async |control| control.backfill(&id, &asked).await.map(drop)).await;
    let path = format!("/series/{}", segment(&id));
    let form = RefusedForm::new(format!("{path}/backfill"), typed);
    visit
        .again(&path, form, answer, async |visit| rendered(&app, visit, &id, PartAsked::default()).await)
        .await
}

/// A day is its first instant.
fn instant(text: String) -> String {
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_day { format!("{text}T00:00:00Z") } else { text }
}

async fn mend(State(app): State<App>, Id(id): Id) -> Response {
    act(&app, &id, "repair", async |control| control.repair(&id).await.map(drop)).await
}

async fn run(State(app): State<App>, Id(id): Id) -> Response {
    act(&app, &id, "run", async |control| control.run_job(&id).await.map(drop)).await
}

async fn pause(State(app): State<App>, Id(id): Id) -> Response {
    act(&app, &id, "paused", async |control| control.pause_one(&id, true).await.map(drop)).await
}

async fn resume(State(app): State<App>, Id(id): Id) -> Response {
    act(&app, &id, "resumed", async |control| control.pause_one(&id, false).await.map(drop)).await
}

/// Acts on a series and returns to its page; a refusal has the words of the API's.
async fn act(
    app: &App,
    id: &str,
    code: &str,
    act: impl AsyncFnOnce(&Control) -> Result<(), WorkRefusal>,
) -> Response {
    let control = match control(app) {
        Ok(control) => control,
        Err(none) => return *none,
    };
    match act(control).await {
        Ok(()) => back(&format!("/series/{}", segment(id)), code),
        Err(WorkRefusal::NoSeries { name }) => {
            problem(StatusCode::NOT_FOUND, WorkRefusal::NoSeries { name }.to_string(), None)
        }
        Err(refusal) => *unstarted(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_a_form_is_its_first_instant_and_anything_else_is_read_as_it_is() {
        let read = |text: &str| instant(text.to_owned());

        assert_eq!(read("2026-01-31"), "2026-01-31T00:00:00Z");
        for text in ["", "yesterday!", "2026-01-31T12:00:00+01:00"] {
            assert_eq!(read(text), text);
        }
    }
}

//! `GET /api/v1/read`: rows of one or many series in the order of time, as they are read.
//!
//! A client that stops reading is cut off, and no other waits for it: what is sent of one answer waits in a bounded
//! channel, and answers are refused that would be too many at a time.

use std::io::BufWriter;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::operation::Operation;
use super::reading::wrong;
use super::route::Route;
use super::sent::{Sender, channel};
use crate::engine::read::{AskError, Asked, Plan, RowFormat, RowReader, WriteError};
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;
use crate::telemetry::events::{Chain, RowsRead, RowsReading};
use crate::telemetry::{ReadOutcome, Telemetry};

/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 1 << 16;

pub(super) fn route() -> Route {
    let about = "Rows of one or many series in the order of time, from one state";
    let formats = [RowFormat::Jsonl, RowFormat::Csv, RowFormat::Arrow, RowFormat::Parquet];
    let operation = formats
        .into_iter()
        .fold(Operation::about(about).asking::<Asked>().selecting(), |operation, format| {
            operation.sending(200, format.content_type())
        });
    Route::read("/api/v1/read", Access::Reader, read).that(operation)
}

async fn read(
    State(app): State<App>,
    asked: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let answered = answer(&app, asked).await;
    answered.unwrap_or_else(|refused| {
        app.telemetry.emit(RowsRead { rows: 0, outcome: ReadOutcome::Refused });
        *refused
    })
}

async fn answer(
    app: &App,
    asked: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Box<Response>> {
    let Query(pairs) =
        asked.map_err(|error| Box::new(problem(StatusCode::BAD_REQUEST, error.body_text(), None)))?;
    let asked = Asked::of_query(pairs).map_err(|error| Box::new(wrong(&error)))?;
    let control = app.control.clone().ok_or_else(|| unavailable("no daemon is behind this server"))?;
    let place = Arc::clone(&app.row_reads).try_acquire_owned();
    let place = place.map_err(|_| unavailable("as many answers are being sent as may be; try again"))?;
    let opened = tokio::time::timeout(app.limits.read, control.read(asked)).await;
    let opened = opened.map_err(|_| unavailable("the files could not be opened in time; try again"))?;
    let (plan, rows) = opened.map_err(|error| Box::new(refuse(&error)))?;
    let content_type = HeaderValue::from_static(plan.format.content_type());
    let (telemetry, patience) = (app.telemetry.clone(), app.limits.stall);
    let (sender, receiver) = channel();
    let sending = tokio::task::spawn_blocking(move || {
        let _place = place;
        send(&plan, rows, sender, patience, &telemetry);
    });
    let mut reply = Response::new(axum::body::Body::new(receiver.fed_by(sending)));
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(reply)
}

/// Sends the rows until the last, or until the client takes no more.
fn send(plan: &Plan, rows: RowReader, sender: Sender, patience: Duration, telemetry: &Telemetry) {
    telemetry.emit(RowsReading { begun: true });
    let out = BufWriter::with_capacity(CHUNK_BYTES, sender.patient(patience));
    let (rows, outcome) = match plan.write(rows, out) {
        Ok(rows) => (rows, ReadOutcome::Done),
        Err(WriteError::Write(_)) => (0, ReadOutcome::CutOff),
        Err(WriteError::Store(error)) => {
            tracing::warn!(error = %Chain(&error), "rows could not be read to their end");
            // The status has been sent: only a broken answer shows that it is not whole.
            sender.fail();
            (0, ReadOutcome::Failed)
        }
    };
    telemetry.emit(RowsRead { rows, outcome });
    telemetry.emit(RowsReading { begun: false });
}

fn unavailable(why: &str) -> Box<Response> {
    let mut reply = problem(StatusCode::SERVICE_UNAVAILABLE, why, None);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    Box::new(reply)
}

fn refuse(error: &AskError) -> Response {
    let why = Chain(error).to_string();
    match error {
        AskError::Wrong(part) => wrong(part),
        AskError::NoSeries(_) => problem(StatusCode::NOT_FOUND, why, Some("series".to_owned())),
        AskError::Store(_) | AskError::Broken { .. } => problem(StatusCode::SERVICE_UNAVAILABLE, why, None),
    }
}

//! Answers that are read from the state store or from files: a few at a time, and none for ever.

use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use serde::Serialize;

use crate::daemon::Control;
use crate::engine::wrong::Wrong;
use crate::http::app::App;
use crate::http::reply::{problem, tagged};

/// Answers a question: a wrong one and one that has no answer are refused.
pub(super) async fn answer<A: Serialize, E>(
    app: &App,
    headers: &HeaderMap,
    ask: impl AsyncFnOnce(&Control) -> Result<A, E>,
    refuse: impl FnOnce(&E) -> Response,
) -> Response {
    match read(app, ask).await {
        Ok(Ok(answer)) => tagged(headers, &answer),
        Ok(Err(error)) => refuse(&error),
        Err(refused) => *refused,
    }
}

/// The answer to a question of which a part is wrong.
pub(super) fn wrong(wrong: &Wrong) -> Response {
    problem(StatusCode::BAD_REQUEST, wrong.why.clone(), Some(wrong.parameter.to_owned()))
}

/// Reads with `work`; the error is the answer that there is nothing to read from, or that it took too long.
pub(super) async fn read<T>(app: &App, work: impl AsyncFnOnce(&Control) -> T) -> Result<T, Box<Response>> {
    let unavailable = |why| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, why, None));
    let Some(control) = &app.control else { return Err(unavailable("no daemon is behind this server")) };
    let reading = async {
        // It is never closed.
        let _place = app.reads.acquire().await;
        work(control).await
    };
    tokio::time::timeout(app.limits.read, reading).await.map_err(|_| {
        let mut late = unavailable("the answer was not ready in time; try again");
        late.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        late
    })
}

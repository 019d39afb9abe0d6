//! The streamed answer to requested work: a line of JSON for each update.
//!
//! A client that disconnects ends only its own answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::unfold;
use hyper::header::{self, HeaderValue};

use crate::api::ProgressLine;
use crate::engine::ProgressFeed;

/// The interval of keep-alive lines while there is no news.
const SAY_WITHIN: Duration = Duration::from_secs(5);

/// Streams the updates of a request to its end.
pub(super) fn followed(id: u64, board: Arc<ProgressFeed>) -> Response {
    let lines = unfold(Feed { board, first: Some(id), is_over: false }, |feed| async {
        let (feed, said) = feed.next().await;
        said.map(|said| (Ok::<_, Infallible>(said), feed))
    });
    let mut reply = Response::new(Body::from_stream(lines));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    reply
}

struct Feed {
    board: Arc<ProgressFeed>,
    /// The id of the request, until it was sent.
    first: Option<u64>,
    is_over: bool,
}

impl Feed {
    async fn next(mut self) -> (Feed, Option<Bytes>) {
        if self.is_over {
            return (self, None);
        }
        if let Some(id) = self.first.take() {
            return (self, Some(text([ProgressLine::Accepted { id }])));
        }
        let said = match tokio::time::timeout(SAY_WITHIN, self.board.next()).await {
            Err(_) => text([ProgressLine::Alive {}]),
            Ok(Some(told)) => text(told.into_iter().map(ProgressLine::Update)),
            Ok(None) => {
                self.is_over = true;
                text([if self.board.is_cut_short() {
                    ProgressLine::Stopped {}
                } else {
                    ProgressLine::Over {}
                }])
            }
        };
        (self, Some(said))
    }
}

fn text(lines: impl IntoIterator<Item = ProgressLine>) -> Bytes {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line).expect("strings and numbers are always JSON");
        text.push(b'\n');
    }
    text.into()
}

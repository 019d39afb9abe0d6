//! A client of the daemon of a data path, over its unix socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::api::{CancelAsked, ProgressLine};
use crate::engine::Update;
use crate::http::connect;

/// How long the daemon may take to begin an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long it may stay silent; it sends a line every few seconds.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// How long cancelled work may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of a line, and of a response that is not a stream.
const MOST_BYTES: usize = 4 << 20;
/// The most bytes of a server-sent event.
const MOST_EVENT_BYTES: usize = 64 << 20;

/// Why the daemon did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// It refused.
    #[error("the daemon refused: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
    /// The connection ended too early.
    #[error("the daemon was lost ({why}); what it accepted is stored, and the next run goes on from there")]
    Lost {
        /// The cause.
        why: String,
    },
    /// It was stopped before everything was done.
    #[error(
        "the daemon stopped before this was done; what it stored stays, and this asked again goes on from there"
    )]
    Stopped,
    /// The socket cannot be used.
    #[error("the daemon's socket cannot be used; run this as the user who runs the daemon")]
    Socket(#[from] std::io::Error),
}

/// The daemon that runs on a data path.
pub(crate) struct Daemon {
    own: PathBuf,
}

/// A response, with the connection that it comes over.
struct DaemonResponse {
    response: Response<Incoming>,
    _connection: JoinSet<()>,
}

fn lost(why: impl ToString) -> ClientError {
    ClientError::Lost { why: why.to_string() }
}

impl Daemon {
    /// The daemon of a data path, if it runs.
    pub(crate) async fn find(own: &Path) -> Result<Option<Self>, ClientError> {
        let found = timeout(ANSWER_WITHIN, connect(own)).await.map_err(lost)??;
        Ok(found.map(|_| Daemon { own: own.to_owned() }))
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        asked: &impl Serialize,
    ) -> Result<T, ClientError> {
        let mut response = self.post(path, asked).await?;
        let whole = whole(&mut response.response).await?;
        serde_json::from_slice(&whole).map_err(lost)
    }

    /// Reads an answer.
    pub(crate) async fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, ClientError> {
        let mut response = self.request(Method::GET, path, Bytes::new()).await?;
        let whole = whole(&mut response.response).await?;
        serde_json::from_slice(&whole).map_err(lost)
    }

    /// Requests work and passes on its progress until it ends. `stop` cancels it and waits for its end.
    pub(crate) async fn follow(
        &self,
        path: &str,
        asked: &impl Serialize,
        stop: &CancellationToken,
        mut on: impl FnMut(Update),
    ) -> Result<(), ClientError> {
        let mut response = self.post(path, asked).await?;
        let mut lines = Lines::default();
        let mut id = None;
        let mut end: Option<Instant> = None;
        loop {
            let deadline = end.unwrap_or_else(|| Instant::now() + SILENT_FOR);
            let frame = tokio::select! {
                frame = timeout_at(deadline, response.response.body_mut().frame()) => frame,
                () = stop.cancelled(), if end.is_none() => {
                    end = Some(Instant::now() + STOP_WITHIN);
                    if let Some(id) = id {
                        self.post("/api/v1/work/cancel", &CancelAsked { id }).await?;
                    }
                    continue;
                }
            };
            let frame = frame.map_err(|_| lost("it sends nothing"))?;
            let frame = frame.ok_or_else(|| lost("its answer broke off"))?.map_err(lost)?;
            for line in lines.register(&frame.into_data().unwrap_or_default())? {
                match line {
                    ProgressLine::Accepted { id: given } => id = Some(given),
                    ProgressLine::Update(told) => on(told),
                    ProgressLine::Alive {} => {}
                    ProgressLine::Over {} => return Ok(()),
                    ProgressLine::Stopped {} => return Err(ClientError::Stopped),
                }
            }
        }
    }

    /// Follows server-sent events until `stop`, or until `on` wants no more: it gets the name of each and its lines of data.
    pub(crate) async fn events(
        &self,
        path: &str,
        stop: &CancellationToken,
        mut on: impl FnMut(&str, &[&str]) -> bool,
    ) -> Result<(), ClientError> {
        let mut response = self.request(Method::GET, path, Bytes::new()).await?;
        let mut events = Events::default();
        loop {
            let frame = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                frame = timeout(SILENT_FOR, response.response.body_mut().frame()) => frame,
            };
            let frame = frame.map_err(|_| lost("it sends nothing"))?;
            let frame = frame.ok_or_else(|| lost("it ended, or rows came faster than they were read"))?;
            let frame = frame.map_err(lost)?;
            if !events.read(&frame.into_data().unwrap_or_default(), &mut on)? {
                return Ok(());
            }
        }
    }

    async fn post(&self, path: &str, asked: &impl Serialize) -> Result<DaemonResponse, ClientError> {
        let body = serde_json::to_vec(asked).map_err(lost)?;
        self.request(Method::POST, path, body.into()).await
    }

    async fn request(&self, method: Method, path: &str, body: Bytes) -> Result<DaemonResponse, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(lost)?;
        let mut response = timeout(ANSWER_WITHIN, self.send(request)).await.map_err(lost)??;
        if response.response.status() == StatusCode::OK {
            return Ok(response);
        }
        let reason = whole(&mut response.response).await?;
        Err(ClientError::Refused { reason: words(&reason) })
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<DaemonResponse, ClientError> {
        let stream = connect(&self.own).await?.ok_or_else(|| lost("it ended"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let mut driven = JoinSet::new();
        driven.spawn(async move {
            // Reading the response reports what broke.
            let _ = connection.await;
        });
        let response = sender.send_request(request).await.map_err(lost)?;
        Ok(DaemonResponse { response, _connection: driven })
    }
}

async fn whole(response: &mut Response<Incoming>) -> Result<Bytes, ClientError> {
    let limited = http_body_util::Limited::new(response.body_mut(), MOST_BYTES);
    let whole = timeout(ANSWER_WITHIN, limited.collect()).await.map_err(lost)?;
    whole.map(http_body_util::Collected::to_bytes).map_err(lost)
}

/// The reason in the body of a refusal.
fn words(body: &[u8]) -> String {
    match serde_json::from_slice::<Detail>(body) {
        Ok(problem) => problem.detail,
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

/// The part of a problem that is for people.
#[derive(Deserialize)]
struct Detail {
    detail: String,
}

/// Splits a body that comes in pieces into server-sent events.
#[derive(Default)]
struct Events(Vec<u8>);

impl Events {
    /// Passes on each event that is whole; returns whether more are wanted.
    fn read(
        &mut self,
        piece: &[u8],
        on: &mut impl FnMut(&str, &[&str]) -> bool,
    ) -> Result<bool, ClientError> {
        self.0.extend_from_slice(piece);
        let end = self.0.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        let whole: Vec<u8> = self.0.drain(..end).collect();
        if self.0.len() > MOST_EVENT_BYTES {
            return Err(lost("an event is longer than any it sends"));
        }
        for event in String::from_utf8(whole).map_err(lost)?.split_terminator("\n\n") {
            let value = |name| event.lines().filter_map(move |line| line.strip_prefix(name));
            let data: Vec<&str> = value("data: ").collect();
            if let Some(name) = value("event: ").next()
                && !on(name, &data)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Splits a body that comes in pieces into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn register(&mut self, piece: &[u8]) -> Result<Vec<ProgressLine>, ClientError> {
        self.0.extend_from_slice(piece);
        let end = self.0.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.0.drain(..end).collect();
        if self.0.len() > MOST_BYTES {
            return Err(lost("a line is longer than any it sends"));
        }
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(lost)).collect()
    }
}

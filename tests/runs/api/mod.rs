//! The HTTP API of a whole program: what it answers is what the command line prints and what its document says.

#![allow(clippy::disallowed_types, reason = "a test may read any JSON as a tree")]

mod actions;
mod document;
mod forms;
mod questions;
mod random;
mod same;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::Child;

use dccd::sim::Knobs;

use crate::program::{command, configure, dccd, end, terminate, wait_for_exit};
use crate::test_daemon::TestDaemon;

/// The series of the first job.
const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
/// Two jobs that work, and between them one whose pair is not listed.
const JOBS: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}\n\
    {exchange: binance, pairs: [NONE/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01, max_retries: 1}\n\
    {exchange: binance, pairs: [BTC/USDT], span: 86400, start: 2024-01-01}";

/// A daemon with rows and a failed job.
struct Running {
    setup: TestDaemon,
    child: Child,
}

/// An answer with its head.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Running {
    async fn start() -> Running {
        Running::with(JOBS).await
    }

    async fn with(jobs: &str) -> Running {
        let setup = TestDaemon::with(jobs, "2024-01-31 12:00:30", Knobs::default()).await;
        configure(&setup, &setup.text());
        let child = command(&setup, &["start"]).spawn().unwrap();
        let running = Running { setup, child };
        wait_for_exit(&running.setup, &["healthcheck"], 0).await;
        running
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, "", body).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let socket = self.setup.data_path().join(".dccd/daemon.sock");
        let asking = async {
            let mut stream = UnixStream::connect(socket).await.unwrap();
            let length = body.len();
            let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
            let request = format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        };
        let text = tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.expect("no answer");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Waits until an answer is so.
    async fn wait_for(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let answer = self.get(path).await;
                if answer.status == 200 && is_so(&answer.json()) {
                    return answer.json();
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        found.unwrap_or_else(|_| panic!("{path} never became so"))
    }

    /// Waits until two jobs succeeded and the other failed.
    async fn settled(&self) {
        let has = |page: &Value, series: &str, state: &str| {
            let all = page["series"].as_array().unwrap();
            all.iter().any(|one| one["series"] == series && one["state"] == state)
        };
        self.wait_for("/api/v1/series", |page| {
            has(page, HOURLY, "ok")
                && has(page, "binance/BTC-USDT/ohlc/1d", "ok")
                && has(page, "binance/NONE-USDT/ohlc/1h", "failing")
        })
        .await;
    }

    /// The output of a command as JSON.
    async fn printed(&self, args: &[&str]) -> Value {
        let ended = dccd(&self.setup, args).await;
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{args:?}: {error} in {ended:?}"))
    }

    async fn stop(self) {
        terminate(&self.child).await;
        assert_eq!(end(self.child).await.code, Some(0));
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// An id as a segment of a path.
fn segment(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

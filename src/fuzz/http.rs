//! Requests to a daemon's own socket: heads, queries, bodies and forms of every route. Whatever is asked, the answer is
//! about the question, never a fault of the daemon.
//!
//! The daemon has an empty data path and no exchange that it can reach. Requests that leave work or jobs
//! behind would make it slower and slower, so that another takes its place after so many.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use crate::config::{Surroundings, check};
use crate::exchange;
use crate::http::{connect, routes};
use crate::service::Service;

/// Requests to one daemon.
const REQUESTS: u32 = 400;

/// How long the first part of an answer may take, and every other: feeds of events have no end.
const PATIENCE: Duration = Duration::from_millis(500);
const FEED: Duration = Duration::from_millis(30);

/// As much of an answer is read.
const MOST_BYTES: usize = 256 << 10;

/// An input that begins so is sent as it is; of every other the length of the body is made right.
const RAW: u8 = b'!';

static DAEMON: Mutex<Option<Daemon>> = Mutex::new(None);

pub(super) fn run(bytes: &[u8]) {
    let request = match bytes {
        [RAW, raw @ ..] => raw.to_vec(),
        bytes => with_length(bytes),
    };
    let mut daemon = DAEMON.lock().unwrap_or_else(PoisonError::into_inner);
    if daemon.as_ref().is_some_and(|daemon| daemon.asked >= REQUESTS) {
        *daemon = None;
    }
    let daemon = daemon.get_or_insert_with(Daemon::start);
    daemon.asked += 1;
    let answer = daemon.ask(&request);
    // A head that is none may be answered by nothing but the end of the connection.
    if answer.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(&answer);
    let status: Option<u16> = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {:?}", &text[..text.floor_char_boundary(200)]));
    // The daemon says that it is not ready, or has no remote or no such reader now.
    let is_fault = status >= 500 && status != 503;
    assert!(!is_fault, "{status} to {:?}:\n{text}", String::from_utf8_lossy(&request));
}

/// Ends the daemon.
#[cfg(test)]
pub(super) fn end() {
    *DAEMON.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// A request whose head says how long its body is, and that none follows: the end of the answer is then seen at once.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    const END: &[u8] = b"\r\n\r\n";
    let at = bytes.windows(END.len()).position(|own| own == END);
    let (head, body) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + END.len()..]));
    [head, format!("\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

struct Daemon {
    runtime: Runtime,
    running: JoinSet<()>,
    stop: CancellationToken,
    own: PathBuf,
    asked: u32,
    _folder: Folder,
}

impl Daemon {
    fn start() -> Daemon {
        let folder = Folder::new();
        let runtime = Runtime::new().expect("the system gives threads");
        let (stop, path) =
            (CancellationToken::new(), folder.put("config.yml", text(folder.path()).as_bytes()));
        let around = Surroundings::default();
        let config = check(&text(folder.path()), &path, &around).expect("the configuration is right");
        let running = runtime.block_on(async {
            let service = Service::prepare(config).await.expect("an empty data path can be used");
            let (stop, mut running) = (stop.clone(), JoinSet::new());
            running.spawn(async move {
                service.run(stop).await;
            });
            running
        });
        let own = folder.path().join("data/.dccd");
        Daemon { runtime, running, stop, own, asked: 0, _folder: folder }
    }

    /// Sends bytes, and returns the beginning of the answer.
    fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let socket = connect(&self.own).await.expect("the socket may be used");
            let mut socket = socket.expect("the daemon listens");
            // It may have answered and closed before it read all.
            let _ = timeout(PATIENCE, socket.write_all(bytes)).await;
            let mut answer = Vec::new();
            let mut patience = PATIENCE;
            while answer.len() < MOST_BYTES {
                match timeout(patience, socket.read_buf(&mut answer)).await {
                    Ok(Ok(read)) if read > 0 => {}
                    _ => break,
                }
                patience = FEED;
            }
            answer
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.cancel();
        let running = &mut self.running;
        self.runtime.block_on(async { while running.join_next().await.is_some() {} });
    }
}

/// A configuration of which no exchange is reached.
fn text(folder: &Path) -> String {
    let nowhere = |name: &str| {
        format!("  {name}: {{rest_url: 'http://127.0.0.1:9', ws_url: 'ws://127.0.0.1:9', timeout: 1}}\n")
    };
    let exchanges: String = exchange::names().into_iter().map(nowhere).collect();
    format!(
        "settings: {{data_path: {}/data}}\nhttp: {{listen: []}}\nexchanges:\n{exchanges}histo_jobs:\n  - exchange: \
         binance\n    pairs: [BTC/USDT]\n    span: 3600\n    retry_delay: 60\n",
        folder.display()
    )
}

/// A request to every route, with parameters and bodies that fit most of them.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    const SERIES: &str = "binance/BTC-USDT/ohlc/1h";
    const QUERIES: [&str; 6] = [
        "",
        "?limit=10&cursor=x&sort=name&desc=1",
        "?series=binance%2FBTC-USDT%2Fohlc%2F1h&from=2024-01-30&until=2024-01-31&columns=ts,close&limit=5",
        "?metric=dccd_rows_written_total&since=1h&until=now&step=60&by=exchange",
        "?status=failed&exchange=binance&pair=BTC%2FUSDT&kind=ohlc&span=1h",
        "?at=2024-01-30T00:00:00Z&depth=5&level=error&grep=x&lines=5&done=added",
    ];
    const BODIES: [&str; 5] = [
        "{}",
        "{\"series\":[\"binance/BTC-USDT/ohlc/1h\"],\"jobs\":[\"binance\"],\"ids\":[1]}",
        "{\"exchange\":\"binance\",\"pairs\":[\"ETH/USDT\"],\"kind\":\"ohlc\",\"span\":\"1h\"}",
        "exchange=binance&pairs=ETH%2FUSDT&kind=ohlc&span=3600&trades=on",
        "series=binance%2FBTC-USDT%2Fohlc%2F1h&list=histo_jobs&index=0&pair=BTC%2FUSDT&id=1&selector=binance",
    ];
    let mut seeds = Vec::new();
    for (place, (route, method, _)) in routes().enumerate() {
        let path = route.split('/').map(|part| match part {
            "{id}" => "1",
            part if part.starts_with("{*") => SERIES,
            part if part.starts_with('{') => "binance",
            part => part,
        });
        let path = path.collect::<Vec<_>>().join("/");
        if method == "GET" {
            let accept = if place % 2 == 0 { "text/html" } else { "*/*" };
            let request =
                |query| format!("GET {path}{query} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\r\n");
            seeds.extend(QUERIES.map(request));
        } else {
            seeds.extend(BODIES.map(|body| {
                let kind = if body.starts_with('{') {
                    "application/json"
                } else {
                    "application/x-www-form-urlencoded"
                };
                format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n\r\n{body}")
            }));
        }
    }
    seeds.extend([
        "!GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned()
    ]);
    seeds.into_iter().map(String::into_bytes).collect()
}

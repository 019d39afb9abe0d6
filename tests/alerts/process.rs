//! Programs that tests start: looked for, run with a time limit, and killed when their owner goes.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The same for one thing to come true. In the long form nothing is shortened: an alert is kept for a minute.
fn patience() -> Duration {
    if std::env::var_os("DCCD_SIEGE").is_some() { 4 * PATIENCE } else { PATIENCE }
}
/// The pause between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(20);

/// The combined standard output and error of a program run in a folder; also the error if it fails.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{program} {arguments:?}: {}\n{said}", output.status))
    }
}

/// A server that was started and says on standard error where it listens.
pub(crate) struct Server {
    _child: Child,
    _log: Lines<BufReader<ChildStderr>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts Prometheus or Alertmanager and waits for its `Listening on` line.
    pub(crate) async fn start(folder: &Path, program: &str, arguments: &[&str]) -> Server {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = timeout(PATIENCE, listening_at(&mut log)).await.unwrap();
        let address = listening.unwrap_or_else(|said| panic!("{program} did not start:\n{said}"));
        Server { _child: child, _log: log, address }
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        ask(self.address, "GET", path, "").await.unwrap()
    }
}

/// The address in `msg="Listening on" address=127.0.0.1:40123`; everything it said where there is none.
async fn listening_at(log: &mut Lines<BufReader<ChildStderr>>) -> Result<SocketAddr, String> {
    let mut said = String::new();
    while let Some(line) = log.next_line().await.unwrap() {
        if line.contains("Listening on") {
            let address = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
            return Ok(address.unwrap().trim_matches('"').parse().unwrap());
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(said)
}

/// Asks a server on this machine; the body of a good answer. HTTP 1.0, so that no answer comes in chunks.
pub(crate) async fn ask(at: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<String> {
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut bytes = Vec::new();
    let conversation = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut bytes).await
    };
    timeout(PATIENCE, conversation).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
        Ok(body.to_owned())
    } else {
        Err(io::Error::other(format!("{path}: {status}: {body}")))
    }
}

/// Waits until something is there.
pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(PAUSE).await;
    }
}

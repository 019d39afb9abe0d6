//! The program itself, run as a process on the data path of a setup.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::test_daemon::TestDaemon;

/// How a process ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Writes the configuration of a setup where the program looks for it.
pub(crate) fn configure(setup: &TestDaemon, text: &str) {
    std::fs::write(setup.folder.path().join("config.yml"), text).unwrap();
}

/// The command, not started yet; it sees nothing of this machine's own configuration.
pub(crate) fn command(setup: &TestDaemon, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
    command
        .args(args)
        .current_dir(setup.folder.path())
        .env("HOME", setup.folder.path())
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("ENVIRONMENT")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn dccd(setup: &TestDaemon, args: &[&str]) -> Ended {
    end(command(setup, args).spawn().unwrap()).await
}

pub(crate) async fn end(child: Child) -> Ended {
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let ended = ended.expect("the program does not end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
}

/// Asks a process to end, as `kill` does.
pub(crate) async fn terminate(child: &Child) {
    signal(child, "TERM").await;
}

/// Sends a process a signal.
pub(crate) async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
}

/// The daemon's answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks the daemon of a setup over its socket.
pub(crate) async fn request(setup: &TestDaemon, method: &str, path: &str, body: &str) -> Reply {
    try_request(setup, method, path, body).await.expect("no answer")
}

/// The same of a daemon that may have ended.
pub(crate) async fn try_request(setup: &TestDaemon, method: &str, path: &str, body: &str) -> Option<Reply> {
    let mut stream = UnixStream::connect(setup.data_path().join(".dccd/daemon.sock")).await.ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await;
    read.ok()?.ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Reply { status: head.split(' ').nth(1)?.parse().ok()?, body: body.to_owned() })
}

/// Waits until something is so.
pub(crate) async fn wait_for<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it never came about");
}

/// Runs a command again and again until it ended so.
pub(crate) async fn wait_for_exit(setup: &TestDaemon, args: &[&str], code: i32) -> Ended {
    let waiting = async {
        loop {
            let ended = dccd(setup, args).await;
            if ended.code == Some(code) {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(40), waiting).await;
    ended.unwrap_or_else(|_| panic!("{args:?} does not end with {code}"))
}

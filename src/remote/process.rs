//! Runs another program: no shell, a cleared environment, a time limit, and bounded output.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, sink};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::Sender;

/// The most bytes kept of standard error.
const KEPT_BYTES: u64 = 8 << 10;
/// The most bytes kept of standard output.
const KEPT_OUT_BYTES: u64 = 64 << 20;
/// The chunk size for passing standard output on.
const CHUNK_BYTES: usize = 1 << 18;
/// How long a program may take to end once asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Variables that rclone needs to find its programs, its configuration and a proxy.
const PASSED_ON: [&str; 12] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSH_AUTH_SOCK",
];

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output, unless it was passed on.
    pub out: String,
    /// The beginning of its standard error.
    pub err: String,
}

impl Ended {
    /// Whether it ended with 0.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Its exit code as text.
    #[must_use]
    pub fn code_text(&self) -> String {
        self.code.map_or("a signal".to_owned(), |code| format!("code {code}"))
    }
}

/// Runs a program with these arguments. If it takes too long, or the future is dropped, it is ended with
/// everything it started. With `to`, its standard output is sent there.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] if there is no such program, [`io::ErrorKind::TimedOut`], or any other I/O error.
pub async fn run(
    program: &str,
    args: &[&str],
    within: Duration,
    to: Option<Sender<Bytes>>,
) -> io::Result<Ended> {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(environment());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    if let Ok(ended) = tokio::time::timeout(within, outputs(&mut child, to)).await {
        // Whatever it left running no longer holds its outputs.
        group.0 = None;
        return ended;
    }
    group.signal(Signal::TERM);
    let _ = tokio::time::timeout(ENDS_WITHIN, child.wait()).await;
    group.signal(Signal::KILL);
    child.wait().await?;
    group.0 = None;
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", within.as_secs())))
}

/// A program and everything it started, ended when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may already have ended, which is fine.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn outputs(child: &mut Child, to: Option<Sender<Bytes>>) -> io::Result<Ended> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = async {
        match to {
            Some(to) => passed_on(out, to).await.map(|()| String::new()),
            None => kept(out, KEPT_OUT_BYTES).await,
        }
    };
    let (out, err, status) = tokio::join!(out, kept(err, KEPT_BYTES), child.wait());
    Ok(Ended { code: status?.code(), out: out?, err: err? })
}

/// The beginning of an output; the rest is read and discarded so that the writer does not block.
async fn kept(output: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<String> {
    let Some(mut output) = output else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    (&mut output).take(most).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut output, &mut sink()).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn passed_on(output: Option<impl AsyncRead + Unpin>, to: Sender<Bytes>) -> io::Result<()> {
    let Some(mut output) = output else { return Ok(()) };
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if output.read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        if to.send(chunk.into()).await.is_err() {
            // The reader is gone; do not block the writer.
            tokio::io::copy(&mut output, &mut sink()).await?;
            return Ok(());
        }
    }
}

fn environment() -> Vec<(OsString, OsString)> {
    let passed = |name: &OsString| {
        name.to_str().is_some_and(|name| PASSED_ON.contains(&name) || name.starts_with("RCLONE_"))
    };
    std::env::vars_os().filter(|(name, _)| passed(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_program_that_hangs_ends_when_its_time_is_over_even_if_what_it_started_holds_its_outputs() {
        let started = Instant::now();

        // The inner shell holds the outputs open: reading them would wait for it too.
        let hanging = "sh -c 'sleep 30; echo late' & wait";
        let ended = run("sh", &["-c", hanging], Duration::from_millis(100), None).await;

        assert_eq!(ended.err().map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_flood_of_output_is_cut_and_never_blocks_the_program() {
        let flood = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done";

        let ended = run("sh", &["-c", flood], LONG, None).await.unwrap();

        assert!(ended.is_ok());
        assert_eq!((ended.err.len() as u64, ended.out.len()), (KEPT_BYTES, 0));
    }

    #[tokio::test]
    async fn a_program_whose_run_is_dropped_ends_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let text = pipe.to_str().unwrap().to_owned();
        assert!(run("mkfifo", &[&text], LONG, None).await.unwrap().is_ok());
        // The reader of the pipe sees its end only once every writer is gone.
        let script = format!("sh -c 'exec 3>{text}; echo up >&3; sleep 60' & wait");
        let args = ["-c", script.as_str()];
        let mut running = Box::pin(run("sh", &args, LONG * 10, None));
        let reading = tokio::task::spawn_blocking(move || {
            use std::io::BufRead as _;
            let mut pipe = io::BufReader::new(std::fs::File::open(pipe).unwrap());
            let mut line = String::new();
            pipe.read_line(&mut line).unwrap();
            (line, pipe)
        });
        let (line, mut pipe) = tokio::select! {
            read = reading => read.unwrap(),
            ended = &mut running => panic!("ended early: {ended:?}"),
        };
        assert_eq!(line, "up\n");
        drop(running);
        let rest = tokio::task::spawn_blocking(move || io::Read::read_to_end(&mut pipe, &mut Vec::new()));

        assert_eq!(tokio::time::timeout(LONG, rest).await.unwrap().unwrap().unwrap(), 0);
    }
}

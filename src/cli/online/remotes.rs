//! Asking whether the remotes answer, by running rclone: no shell, a cleared environment, a time limit.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, sink};
use tokio::process::{Child, Command};

use crate::cli::online::Check;
use crate::config::{Provider, Remote, mask};

const VERSION_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What is kept of each of its two outputs.
const KEPT_BYTES: u64 = 8 << 10;
/// What rclone needs to find its programs, its configuration and the way out.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSH_AUTH_SOCK",
];
/// rclone's code for a folder that does not exist, which the first copy makes.
const NO_FOLDER: i32 = 3;

/// Asks the remote at a place of `storage.remotes`.
pub(super) async fn ask(place: usize, remote: Remote) -> Vec<Check> {
    let about = format!("storage.remotes[{place}]");
    if remote.provider == Provider::S3 {
        return vec![Check::skipped(about, "not asked: copies to S3 are not running in this version")];
    }
    let version = match run("rclone", &["version"], VERSION_WITHIN).await {
        Ok(ended) if ended.status.success() => ended.out.lines().next().unwrap_or("rclone").to_owned(),
        Ok(ended) => return vec![Check::failed(about, refusal("rclone version", &ended, &remote))],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Check::failed(about, "rclone is not installed, or not on the PATH; install it")];
        }
        Err(error) => return vec![Check::failed(about, format!("rclone cannot be run: {error}"))],
    };
    // What follows `--` is never an option, whatever it begins with.
    let asked =
        ["lsd", "--max-depth=1", "--retries=1", "--low-level-retries=1", "--", remote.remote.expose()];
    let check = match run("rclone", &asked, ANSWER_WITHIN).await {
        Ok(ended) if ended.status.success() => Check::ok(about, format!("answers ({version})")),
        Ok(ended) if ended.status.code() == Some(NO_FOLDER) => {
            Check::ok(about, format!("answers ({version}); its folder is not there yet"))
        }
        Ok(ended) => Check::failed(about, refusal("rclone lsd", &ended, &remote)),
        Err(error) => Check::failed(about, format!("rclone lsd: {error}")),
    };
    vec![check]
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

/// Runs a program with these arguments; one that takes too long is killed with all it started.
async fn run(program: &str, args: &[&str], within: Duration) -> io::Result<Ended> {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(environment());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    match tokio::time::timeout(within, outputs(&mut child)).await {
        Ok(ended) => ended,
        Err(_) => {
            if let Some(group) = group {
                // It may have ended by now, which is as well.
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait().await?;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", within.as_secs())))
        }
    }
}

async fn outputs(child: &mut Child) -> io::Result<Ended> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = tokio::join!(kept(out), kept(err), child.wait());
    Ok(Ended { status: status?, out: out?, err: err? })
}

/// The beginning of an output; the rest is read and thrown away, so that its writer does not wait.
async fn kept(output: Option<impl tokio::io::AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut output) = output else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    (&mut output).take(KEPT_BYTES).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut output, &mut sink()).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn environment() -> Vec<(OsString, OsString)> {
    let passed = |name: &OsString| {
        name.to_str().is_some_and(|name| PASSED_ON.contains(&name) || name.starts_with("RCLONE_"))
    };
    std::env::vars_os().filter(|(name, _)| passed(name)).collect()
}

/// Why rclone refused, by its last line. A connection string may hold credentials, and rclone repeats it.
fn refusal(what: &str, ended: &Ended, remote: &Remote) -> String {
    let code = ended.status.code().map_or("a signal".to_owned(), |code| format!("code {code}"));
    let own = remote.remote.expose();
    if own.starts_with(':') || own.contains([',', '=']) {
        return format!("{what} ended with {code}; run it by hand, as its words may hold credentials");
    }
    let last = ended.err.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("without a word");
    let said: String = mask(last).chars().filter(|c| !c.is_control()).take(300).collect();
    format!("{what} ended with {code}: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_program_that_hangs_ends_when_its_time_is_over_even_if_what_it_started_holds_its_outputs() {
        let started = Instant::now();

        // The inner shell holds the outputs open: reading them would wait for it as well.
        let hanging = "trap '' TERM; sh -c 'sleep 30; echo late' & wait";
        let ended = run("sh", &["-c", hanging], Duration::from_millis(100)).await;

        assert_eq!(ended.err().map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_flood_of_output_is_cut_and_never_blocks_the_program() {
        let flood = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done";

        let ended = run("sh", &["-c", flood], LONG).await.unwrap();

        assert!(ended.status.success());
        assert_eq!((ended.err.len() as u64, ended.out.len()), (KEPT_BYTES, 0));
    }
}

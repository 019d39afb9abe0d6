//! `dccd healthcheck`: whether the daemon is alive, from `health.json` alone. No socket, no database, no runtime.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, test_kill_process};

use crate::api::Healthcheck;
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config;
use crate::daemon::{Condition, FRESH_SECS, Liveness, STUCK_SECS};
use crate::store::Layout;

/// Print whether the daemon collects, as one line of JSON.
///
/// Exits with 1 if it does not. A daemon that collects while something else is wrong, such as a state store that is
/// away, is degraded and exits with 0: a restart would not help. Run it in the same process namespace as the daemon,
/// whose process it looks up by number. It works with `http.listen: []` too.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd healthcheck"]))]
pub struct Args {}

/// The status of a daemon that collects nothing.
const UNHEALTHY: &str = Condition::Unhealthy.name();

/// Prints the line.
pub(crate) fn run(_: &Args, path: Option<&Path>, out: &mut Output) -> Exit {
    let installation = match config::installation(path) {
        Ok(installation) => installation,
        Err(error) => {
            error.lines().iter().for_each(|line| out.error(line));
            return Exit::Config;
        }
    };
    let read = Liveness::read(&Layout::new(&installation.data_path).own());
    let (liveness, unread) = match read {
        Ok(liveness) => (liveness, None),
        Err(error) => (None, Some(format!("health.json cannot be read: {error}"))),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let line = match &liveness {
        Some(liveness) => judge(liveness, now, is_alive(liveness.pid)),
        None => not_running(&installation.environment, unread),
    };
    Exit::of(line.status != UNHEALTHY).or_worse(out.json_line(&line))
}

fn not_running(environment: &str, unread: Option<String>) -> Healthcheck<'_> {
    let reason = unread.unwrap_or_else(|| "no daemon runs on this data path".to_owned());
    Healthcheck {
        status: UNHEALTHY,
        worker: "gone",
        broker: "error",
        database: "error",
        queue_depth: None,
        processing: None,
        failed: None,
        environment,
        reason: Some(reason),
    }
}

/// Judges the health file by its age and its process.
fn judge(liveness: &Liveness, now: f64, is_alive: bool) -> Healthcheck<'_> {
    let age = now - liveness.written_at;
    let (worker, reason) = if !is_alive {
        ("gone", Some(format!("process {} is gone; restart the daemon", liveness.pid)))
    } else if age > FRESH_SECS {
        ("silent", Some(format!("process {} has given no sign of life for {age:.0} s", liveness.pid)))
    } else if liveness.tick_age_secs > STUCK_SECS {
        ("stuck", Some(format!("the scheduler has not gone round for {:.0} s", liveness.tick_age_secs)))
    } else {
        (liveness.worker.as_str(), None)
    };
    // A process that does not run has no connections.
    let reached = liveness.store_error.is_none() && !matches!(worker, "gone" | "silent");
    let state = if reached { "connected" } else { "error" };
    let status = if reason.is_some() { UNHEALTHY } else { liveness.status.as_str() };
    let told = (!liveness.reasons.is_empty()).then(|| liveness.reasons.join("; "));
    let reason = reason.or(told);
    Healthcheck {
        status,
        worker,
        broker: state,
        database: state,
        queue_depth: Some(liveness.queue_depth),
        processing: Some(liveness.processing),
        failed: Some(liveness.failed),
        environment: &liveness.environment,
        reason,
    }
}

/// Whether a process runs. A zombie does not.
fn is_alive(pid: u32) -> bool {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    if test_kill_process(id) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liveness() -> Liveness {
        Liveness {
            worker_id: "host-7".to_owned(),
            worker: "running".to_owned(),
            pid: 7,
            version: "0.1.0".to_owned(),
            environment: "production".to_owned(),
            written_at: 1_000.0,
            tick_age_secs: 0.4,
            status: "healthy".to_owned(),
            reasons: Vec::new(),
            store_error: None,
            queue_depth: 3,
            processing: 2,
            failed: 1,
        }
    }

    fn told(liveness: &Liveness, now: f64, is_alive: bool) -> String {
        let line = judge(liveness, now, is_alive);
        format!("{} {} {} {}", line.status, line.worker, line.broker, line.database)
    }

    #[test]
    fn only_a_fresh_file_of_a_living_process_whose_loop_turns_is_healthy_and_a_store_that_is_away_degrades_it()
     {
        let well = liveness();
        assert_eq!(told(&well, 1_015.0, true), "healthy running connected connected");
        assert_eq!(told(&well, 1_015.1, true), "unhealthy silent error error");
        assert_eq!(told(&well, 1_001.0, false), "unhealthy gone error error");
        let stuck = Liveness { tick_age_secs: 30.1, ..liveness() };
        assert_eq!(told(&stuck, 1_001.0, true), "unhealthy stuck connected connected");
        let unreached = Liveness {
            status: "degraded".to_owned(),
            reasons: vec!["state store: locked".to_owned()],
            store_error: Some("locked".to_owned()),
            ..liveness()
        };
        assert_eq!(told(&unreached, 1_001.0, true), "degraded running error error");
        assert_eq!(judge(&unreached, 1_001.0, true).reason.as_deref(), Some("state store: locked"));
    }

    #[test]
    fn this_process_is_alive_and_one_that_cannot_be_is_not() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(0) && !is_alive(u32::MAX));
    }
}

//! `dccd top`: the overview in a terminal, from the daemon's socket, refreshed until `q`.

mod draw;
#[cfg(test)]
mod draw_tests;
mod screen;

use std::io::IsTerminal;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::api::Overview;
use crate::cli::Exit;
use crate::cli::client::{ClientError, Daemon};
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config::Config;
use crate::store::Layout;
use draw::{Shown, lines, text};
use screen::{Key, Screen};

/// Columns of lines that go to no terminal.
const PLAIN_COLUMNS: usize = 120;
const PATH: &str = "/api/v1/overview";

/// Watch the running daemon in the terminal.
///
/// Shows problems, work, exchanges, live series, remotes, workers, and every job, failing ones first. `q` leaves, the arrow keys scroll. Without a terminal the overview is printed once, as plain lines.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd top", "dccd top --interval 5"]))]
pub struct Args {
    /// Seconds between refreshes.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    interval: u16,
}

/// Shows the overview.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let daemon = match Daemon::find(&Layout::new(&config.data_path).own()).await {
        Ok(Some(daemon)) => daemon,
        Ok(None) => {
            let why = format!("no daemon runs on {}; `dccd start` starts one", config.data_path.display());
            return out.fail(Exit::Failed, why);
        }
        Err(error) => return out.failed(&error),
    };
    let first: Overview = match daemon.get(PATH).await {
        Ok(first) => first,
        Err(error) => return out.failed(&error),
    };
    let mut shown = Shown { overview: first, zone: config.zone, rate: None, lost: None, scrolled: 0 };
    if !std::io::stdout().is_terminal() {
        for line in lines(&shown, PLAIN_COLUMNS, usize::MAX) {
            out.line(text(&line));
        }
        return Exit::Done;
    }
    let mut screen = match Screen::open() {
        Ok(screen) => screen,
        Err(error) => return out.fail(Exit::Failed, format!("the terminal cannot be used: {error}")),
    };
    let watched = watch(&daemon, &mut shown, &mut screen, Duration::from_secs(args.interval.into()), &stop);
    let watched = watched.await;
    drop(screen);
    match watched {
        Ok(()) => Exit::Done,
        Err(error) => out.fail(Exit::Failed, format!("the terminal cannot be used: {error}")),
    }
}

/// Redraws until a key ends it, or `stop`.
async fn watch(
    daemon: &Daemon,
    shown: &mut Shown,
    screen: &mut Screen,
    every: Duration,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = (Instant::now(), shown.overview.jobs.rows);
    loop {
        screen.draw(|columns, rows| lines(shown, columns, rows))?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            key = screen.key() => match key? {
                Key::Leave => return Ok(()),
                Key::Scroll(by) => {
                    let most = shown.overview.series.len().saturating_sub(1);
                    shown.scrolled = shown.scrolled.saturating_add_signed(by).min(most);
                }
                Key::Other => {}
            },
            _ = rounds.tick() => refresh(shown, daemon.get(PATH).await, &mut before),
        }
    }
}

/// Takes an answer; without one the last overview stays, and says so.
fn refresh(shown: &mut Shown, answer: Result<Overview, ClientError>, before: &mut (Instant, u64)) {
    match answer {
        Err(error) => shown.lost = Some(error.to_string()),
        Ok(overview) => {
            let (at, rows) = (Instant::now(), overview.jobs.rows);
            let secs = at.duration_since(before.0).as_secs_f64();
            if secs > 0.5 {
                shown.rate = Some(rows.saturating_sub(before.1) as f64 / secs);
                *before = (at, rows);
            }
            (shown.overview, shown.lost) = (overview, None);
        }
    }
}

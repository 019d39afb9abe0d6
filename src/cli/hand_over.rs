//! Work that a command is to do: handed to the daemon that runs on the data path, or done here where none does.
//! What is told of it is the same either way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::client::Daemon;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::wire::{JobsAsked, WireWork, WorkAsked};
use crate::daemon::{Board, CopyAsked, How, Job, Refusal, Report, Site, Told, Work, carry_out};
use crate::jobs::Progress;
use crate::model::{Series, select};
use crate::store::Layout;

/// What is to be done.
pub(crate) enum Ask {
    /// This work, so many pieces side by side.
    Work { works: Vec<Work>, at_once: usize },
    /// A run of each job meant; of all where none is named. With a daemon, of its jobs.
    Jobs { asked: Vec<String> },
}

/// Does it, telling how it goes. With a daemon, a command that is stopped takes its work back; one that is lost
/// leaves it running.
pub(crate) async fn do_work(
    config: &Config,
    command: &str,
    ask: Ask,
    out: &mut Output,
    stop: &CancellationToken,
    mut on: impl FnMut(Told, &mut Output),
) -> Result<(), Exit> {
    let own = Layout::new(&config.data_path).own();
    let found = Daemon::find(&own).await.map_err(|error| out.failed(&error))?;
    let Some(daemon) = found else { return here(config, command, ask, out, stop, on).await };
    let told = |told: Told| tell(told, &mut *out, &mut on);
    let done = match ask {
        Ask::Work { works, at_once } => {
            let works = works.iter().map(WireWork::from).collect();
            daemon.follow("/api/v1/work", &WorkAsked { works, at_once }, stop, told).await
        }
        Ask::Jobs { asked } => {
            daemon.follow("/api/v1/jobs/run", &JobsAsked { series: asked }, stop, told).await
        }
    };
    done.map_err(|error| out.failed(&error))
}

/// Does what is asked of the copies, telling how it goes; where a daemon runs it does it.
pub(crate) async fn do_copies(
    config: &Config,
    command: &str,
    asked: CopyAsked,
    out: &mut Output,
    stop: &CancellationToken,
    mut on: impl FnMut(Told, &mut Output),
) -> Result<(), Exit> {
    let own = Layout::new(&config.data_path).own();
    if let Some(daemon) = Daemon::find(&own).await.map_err(|error| out.failed(&error))? {
        let done = daemon.follow("/api/v1/copies", &asked, stop, |told| tell(told, &mut *out, &mut on)).await;
        return done.map_err(|error| out.failed(&error));
    }
    let one_shot = OneShot::open(config, command, std::iter::empty(), out).await?;
    let board = Arc::new(Board::default());
    let telling = async {
        while let Some(told) = board.next().await {
            told.into_iter().for_each(|told| tell(told, out, &mut on));
        }
    };
    tokio::join!(copies_here(one_shot.site(), asked, Arc::clone(&board), stop), telling);
    one_shot.close().await;
    Ok(())
}

/// Series that are named where work was not begun; of any more only the number.
const NAMED: usize = 5;

/// Passes on what is told; what was not begun is complained of whatever the command is.
fn tell(told: Told, out: &mut Output, on: &mut impl FnMut(Told, &mut Output)) {
    if let Told::NotBegun { series } = &told {
        let named = series.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match series.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.error(format!("stopped before these were begun: {named}{more}"));
    }
    on(told, out);
}

async fn copies_here(site: Arc<Site>, asked: CopyAsked, board: Arc<Board>, stop: &CancellationToken) {
    match asked {
        CopyAsked::Sync {} => site.sync_all(&board, stop).await,
        CopyAsked::Purge { wanted_bytes, dry_run } => site.purge(wanted_bytes, dry_run, &board, stop).await,
        CopyAsked::Restore { series } => {
            let held = site.on_remotes(&series, &board, stop).await;
            held.iter().for_each(|series| site.declare(series, Duration::ZERO));
            let works = held.into_iter().map(Work::restore).collect();
            return run_all(site, works, 1, board, stop).await;
        }
    }
    drop(site);
    board.close();
}

async fn here(
    config: &Config,
    command: &str,
    ask: Ask,
    out: &mut Output,
    stop: &CancellationToken,
    mut on: impl FnMut(Told, &mut Output),
) -> Result<(), Exit> {
    let (works, at_once) = match ask {
        Ask::Work { works, at_once } => (works, at_once),
        Ask::Jobs { asked } => (of_jobs(config, &asked).map_err(|why| out.fail(Exit::Failed, why))?, 1),
    };
    let mut works = works;
    // Who stops the command takes its work back.
    works.iter_mut().for_each(|work| work.withdrawn = stop.clone());
    let series: Vec<Arc<Series>> = works.iter().map(|work| Arc::clone(&work.order.series)).collect();
    let is_configured = |series: &Series| config.histo_jobs.iter().any(|job| job.series.contains(series));
    let ad_hoc = series.iter().map(|series| &**series).filter(|series| !is_configured(series));
    let one_shot = OneShot::open(config, command, ad_hoc, out).await?;
    let board = Arc::new(Board::default());
    let telling = async {
        while let Some(told) = board.next().await {
            told.into_iter().for_each(|told| tell(told, out, &mut on));
        }
    };
    tokio::join!(run_all(one_shot.site(), works, at_once, Arc::clone(&board), stop), telling);
    one_shot.close().await;
    Ok(())
}

/// Resolves selectors to jobs. Errors if a selector matches none.
pub(crate) fn meant(config: &Config, asked: &[String]) -> Result<Vec<Job>, Refusal> {
    let jobs = Job::all(config);
    let meant = select(asked, jobs.iter().map(|job| &**job.series())).map_err(Refusal::NoSuchJob)?;
    let meant: HashSet<Series> = meant.into_iter().cloned().collect();
    Ok(jobs.into_iter().filter(|job| meant.contains(job.series())).collect())
}

fn of_jobs(config: &Config, asked: &[String]) -> Result<Vec<Work>, Refusal> {
    let jobs = meant(config, asked)?;
    Ok(jobs.into_iter().map(|job| Work::turn_of(job, 0)).collect())
}

/// Runs every piece, some side by side; a failure of one stops none of the others.
async fn run_all(
    site: Arc<Site>,
    works: Vec<Work>,
    at_once: usize,
    board: Arc<Board>,
    stop: &CancellationToken,
) {
    let mut waiting = works.into_iter();
    let mut running: JoinSet<Report> = JoinSet::new();
    let mut series: HashMap<Id, Arc<Series>> = HashMap::new();
    loop {
        while running.len() < at_once && !stop.is_cancelled() {
            let Some(work) = waiting.next() else { break };
            let (site, stop, board) = (Arc::clone(&site), stop.clone(), Arc::clone(&board));
            let own = Arc::clone(&work.order.series);
            let run = running.spawn(async move {
                let series = &work.order.series;
                let tell = |at: Progress| board.progress(series, at);
                let done = carry_out(&site, &work, Duration::ZERO, &tell, &stop).await;
                Report::of(&site, series, &done)
            });
            series.insert(run.id(), own);
        }
        match running.join_next_with_id().await {
            None => break,
            Some(Ok((id, report))) => {
                series.remove(&id);
                board.report(report);
            }
            Some(Err(error)) => {
                let Some(series) = series.remove(&error.id()) else { continue };
                let why = format!("{series}: the run broke off: {error}");
                board.report(Report { error: Some(why), ..Report::new(&series, How::Failed) });
            }
        }
    }
    let left: Vec<Work> = waiting.collect();
    board.not_begun(left.iter().map(|work| &work.order.series));
    board.close();
}

//! Work of a command: handed to the daemon on the data path, or done here if none runs. It prints the same either way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::api::{JobsAsked, WireWork, WorkAsked};
use crate::cli::Exit;
use crate::cli::client::Daemon;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::clock::now;
use crate::config::Config;
use crate::daemon::Refusal;
use crate::engine::{
    CopyAsked, Engine, How, Job, ProgressFeed, Report, Update, Work, carry_out, is_worth_telling,
};
use crate::jobs::Progress;
use crate::model::{Micros, Series, Zone, select};
use crate::store::Layout;

/// The work of a command.
pub(crate) enum WorkRequest {
    /// These pieces, `at_once` of them side by side.
    Work { works: Vec<Work>, at_once: usize },
    /// A run of each selected job, or of all. With a daemon, of its jobs.
    Jobs { selectors: Vec<String> },
}

/// Does the work and reports its progress. With a daemon, a command that is stopped cancels its work; one that is
/// lost leaves it running.
pub(crate) async fn do_work(
    config: &Config,
    command: &str,
    request: WorkRequest,
    out: &mut Output,
    stop: &CancellationToken,
    on: impl FnMut(Update, &mut Output),
) -> Result<(), Exit> {
    let own = Layout::new(&config.data_path).own();
    let found = Daemon::find(&own).await.map_err(|error| out.failed(&error))?;
    let Some(daemon) = found else { return here(config, command, request, out, stop, on).await };
    let mut printer = ProgressPrinter::new(config, out, on);
    let on = |update: Update| printer.print(update);
    let done = match request {
        WorkRequest::Work { works, at_once } => {
            let works = works.iter().map(WireWork::from).collect();
            daemon.follow("/api/v1/work", &WorkAsked { works, at_once }, stop, on).await
        }
        WorkRequest::Jobs { selectors } => {
            daemon.follow("/api/v1/jobs/run", &JobsAsked { series: selectors }, stop, on).await
        }
    };
    if stop.is_cancelled() {
        printer.stopped();
    }
    done.map_err(|error| out.failed(&error))
}

/// Copies to or from the remotes and reports the progress; a daemon does it if one runs.
pub(crate) async fn do_copies(
    config: &Config,
    command: &str,
    request: CopyAsked,
    out: &mut Output,
    stop: &CancellationToken,
    on: impl FnMut(Update, &mut Output),
) -> Result<(), Exit> {
    let own = Layout::new(&config.data_path).own();
    if let Some(daemon) = Daemon::find(&own).await.map_err(|error| out.failed(&error))? {
        let mut printer = ProgressPrinter::new(config, out, on);
        let done = daemon.follow("/api/v1/copies", &request, stop, |update| printer.print(update)).await;
        return done.map_err(|error| out.failed(&error));
    }
    let one_shot = OneShot::open(config, command, std::iter::empty(), out, stop).await?;
    let feed = Arc::new(ProgressFeed::default());
    let mut printer = ProgressPrinter::new(config, out, on);
    let printing = async {
        while let Some(next) = feed.next().await {
            next.into_iter().for_each(|update| printer.print(update));
        }
    };
    tokio::join!(copies_here(one_shot.engine(), request, Arc::clone(&feed), stop), printing);
    one_shot.close(out).await
}

/// The most series named of those that were not begun; the rest is counted.
const NAMED: usize = 5;

/// Prints what every command prints of its work, then passes each update on to the command.
struct ProgressPrinter<'a, F> {
    out: &'a mut Output,
    zone: &'a Zone,
    on: F,
    /// The last limit or ban of each exchange: until when, and whether it is a ban.
    holds: BTreeMap<String, (Micros, bool)>,
}

impl<'a, F: FnMut(Update, &mut Output)> ProgressPrinter<'a, F> {
    fn new(config: &'a Config, out: &'a mut Output, on: F) -> Self {
        ProgressPrinter { out, zone: &config.zone, on, holds: BTreeMap::new() }
    }

    fn print(&mut self, update: Update) {
        match &update {
            Update::NotBegun { series } => self.not_begun(series),
            Update::Held { exchange, until, is_ban } => self.held(exchange, Micros(*until), *is_ban),
            _ => {}
        }
        (self.on)(update, self.out);
    }

    fn not_begun(&mut self, series: &[String]) {
        let named = series.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match series.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.out.error(format!("stopped before these were begun: {named}{more}"));
    }

    fn held(&mut self, exchange: &str, until: Micros, is_ban: bool) {
        let what = held(exchange, until, is_ban, self.zone);
        self.out.note(format!("{what}; waiting until then"));
        self.holds.insert(exchange.to_owned(), (until, is_ban));
    }

    /// Prints what a stopped command was waiting for.
    fn stopped(&mut self) {
        for (exchange, (until, is_ban)) in self.holds.iter().filter(|(_, (until, _))| *until > now()) {
            let what = held(exchange, *until, *is_ban, self.zone);
            self.out.note(format!("stopped while {what}; a run after that goes on from here"));
        }
    }
}

fn held(exchange: &str, until: Micros, is_ban: bool, zone: &Zone) -> String {
    let until = zone.second(until);
    match is_ban {
        true => format!("{exchange} has banned this address until {until}"),
        false => format!("{exchange} limits our requests until {until}"),
    }
}

async fn copies_here(
    engine: Arc<Engine>,
    request: CopyAsked,
    feed: Arc<ProgressFeed>,
    stop: &CancellationToken,
) {
    let held = engine.copy(&request, &feed, stop).await;
    held.iter().for_each(|series| engine.declare(series, Duration::ZERO));
    run_all(engine, held.into_iter().map(Work::restore).collect(), 1, feed, stop).await;
}

async fn here(
    config: &Config,
    command: &str,
    request: WorkRequest,
    out: &mut Output,
    stop: &CancellationToken,
    on: impl FnMut(Update, &mut Output),
) -> Result<(), Exit> {
    let (works, at_once) = match request {
        WorkRequest::Work { works, at_once } => (works, at_once),
        WorkRequest::Jobs { selectors } => {
            (of_jobs(config, &selectors).map_err(|why| out.fail(Exit::Failed, why))?, 1)
        }
    };
    let mut works = works;
    // Stopping the command cancels its work.
    works.iter_mut().for_each(|work| work.withdrawn = stop.clone());
    let series: Vec<Arc<Series>> = works.iter().map(|work| Arc::clone(&work.order.series)).collect();
    let is_configured = |series: &Series| config.histo_jobs.iter().any(|job| job.series.contains(series));
    let ad_hoc = series.iter().map(|series| &**series).filter(|series| !is_configured(series));
    let one_shot = OneShot::open(config, command, ad_hoc, out, stop).await?;
    let feed = Arc::new(ProgressFeed::default());
    let mut printer = ProgressPrinter::new(config, out, on);
    let printing = async {
        while let Some(next) = feed.next().await {
            next.into_iter().for_each(|update| printer.print(update));
        }
    };
    tokio::join!(run_all(one_shot.engine(), works, at_once, Arc::clone(&feed), stop), printing);
    if stop.is_cancelled() {
        printer.stopped();
    }
    one_shot.close(out).await
}

/// Resolves selectors to jobs. Errors if a selector matches none.
pub(crate) fn selected_jobs(config: &Config, selectors: &[String]) -> Result<Vec<Job>, Refusal> {
    let jobs = Job::all(config);
    let meant = select(selectors, jobs.iter().map(|job| &**job.series())).map_err(Refusal::NoSuchJob)?;
    let meant: HashSet<Series> = meant.into_iter().cloned().collect();
    Ok(jobs.into_iter().filter(|job| meant.contains(job.series())).collect())
}

fn of_jobs(config: &Config, selectors: &[String]) -> Result<Vec<Work>, Refusal> {
    let jobs = selected_jobs(config, selectors)?;
    Ok(jobs.into_iter().map(|job| Work::of_job(job, 0)).collect())
}

/// How often limits and bans are checked.
const LOOK: Duration = Duration::from_millis(250);

/// Reports limits and bans of the exchanges that runs wait for.
fn report_holds<'a>(engine: &Engine, running: impl Iterator<Item = &'a Arc<Series>>, feed: &ProgressFeed) {
    for series in running {
        let Some(client) = engine.client(series.exchange()) else { continue };
        let hold = client.held().filter(is_worth_telling);
        hold.into_iter().for_each(|hold| feed.held(client.exchange().name(), hold));
    }
}

/// Runs every piece, some side by side; a failure stops none of the others.
async fn run_all(
    engine: Arc<Engine>,
    works: Vec<Work>,
    at_once: usize,
    feed: Arc<ProgressFeed>,
    stop: &CancellationToken,
) {
    let mut waiting = works.into_iter();
    let mut running: JoinSet<Report> = JoinSet::new();
    let mut series: HashMap<Id, Arc<Series>> = HashMap::new();
    loop {
        while running.len() < at_once && !stop.is_cancelled() {
            let Some(work) = waiting.next() else { break };
            let (engine, stop, feed) = (Arc::clone(&engine), stop.clone(), Arc::clone(&feed));
            let own = Arc::clone(&work.order.series);
            let run = running.spawn(async move {
                let series = &work.order.series;
                let report = |at: Progress| feed.progress(series, at);
                let done = carry_out(&engine, &work, Duration::ZERO, &report, &stop).await;
                Report::of(&engine, series, &done)
            });
            series.insert(run.id(), own);
        }
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = tokio::time::sleep(LOOK) => {
                report_holds(&engine, series.values(), &feed);
                continue;
            }
        };
        match ended {
            None => break,
            Some(Ok((id, report))) => {
                series.remove(&id);
                feed.report(report);
            }
            Some(Err(error)) => {
                let Some(series) = series.remove(&error.id()) else { continue };
                let why = format!("{series}: the run broke off: {error}");
                feed.report(Report { error: Some(why), ..Report::new(&series, How::Failed) });
            }
        }
    }
    let left: Vec<Work> = waiting.collect();
    feed.not_begun(left.iter().map(|work| &work.order.series));
    feed.close();
}

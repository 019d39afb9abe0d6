//! The handle through which others act on a running daemon: start work, run or pause jobs, reload the
//! configuration.
//!
//! A new action needs a method here, a [`Command`] if the scheduler takes part, and a route.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::api::{BookAnswer, HistoryAnswer};
use crate::clock::now;
use crate::config::Config;
use crate::daemon::Scheduler;
use crate::daemon::command::Command;
use crate::daemon::refusal::Refusal;
use crate::daemon::reload::{ReloadError, Reloaded, waits_for_restart};
use crate::engine::book;
use crate::engine::history::{AskError, Asked, answer};
use crate::engine::read::{self, RowFormat, RowReader};
use crate::engine::series::Catalogue;
use crate::engine::{CopyAsked, Engine, Job, LiveJob, ProgressFeed, Work};
use crate::model::Series;
use crate::telemetry::events::{Chain, ConfigInForce, ConfigRefused, JobsPaused};

/// How long to wait for the scheduler's reply.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Which parts of a configuration a daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Its jobs and its streams.
    Everything,
    /// Its streams alone.
    Streams,
}

impl Scope {
    /// The jobs that run by themselves.
    #[must_use]
    pub fn jobs(self, config: &Config) -> Vec<Job> {
        match self {
            Scope::Everything => Job::all(config),
            Scope::Streams => Vec::new(),
        }
    }
}

/// A handle on a running daemon. A clone is the same daemon.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    commands: mpsc::Sender<Command>,
    /// The series to listen to.
    live: watch::Sender<Arc<Vec<LiveJob>>>,
    scope: Scope,
    /// The configuration at startup; some of its settings only change with a restart.
    started: Config,
    in_force: Mutex<Arc<Config>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    /// One edit of the file at a time.
    editing: tokio::sync::Mutex<()>,
    catalogue: Catalogue,
    /// One check of files at a time.
    verifying: Arc<Semaphore>,
}

impl Control {
    /// A handle on the daemon that runs `scheduler`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, scheduler: &Scheduler, config: Config, scope: Scope) -> Self {
        engine.telemetry().emit(in_force(&config.hash, &config, 0));
        Control(Arc::new(Inner {
            engine,
            commands: scheduler.commands(),
            live: watch::Sender::new(Arc::new(LiveJob::all(&config))),
            scope,
            started: config.clone(),
            in_force: Mutex::new(Arc::new(config)),
            reloading: tokio::sync::Mutex::default(),
            editing: tokio::sync::Mutex::default(),
            catalogue: Catalogue::default(),
            verifying: Arc::new(Semaphore::new(1)),
        }))
    }

    /// Starts work on series, `at_once` at a time. It continues whether or not anyone follows it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing is started then.
    pub async fn work(&self, works: Vec<Work>, at_once: usize) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        let config = self.in_force();
        let series: Vec<Arc<Series>> = works.iter().map(|work| Arc::clone(&work.order.series)).collect();
        self.0.engine.register(&config, &series).await?;
        self.ask(|reply| Command::Work { works, at_once, reply }).await?
    }

    /// Runs the jobs that match the selectors now, or all jobs if there are none. A job that is already
    /// running is followed rather than run twice.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) async fn run_jobs(&self, asked: Vec<String>) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        self.ask(|reply| Command::RunJobs { asked, reply }).await?
    }

    /// Starts a request about the copies. It continues whether or not anyone follows it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing is started then.
    pub async fn copies(&self, asked: CopyAsked) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        if self.engine().copies().remotes().is_empty() {
            return Err(Refusal::NoRemote);
        }
        let config = self.in_force();
        self.ask(|reply| Command::Copies { asked, config, reply }).await?
    }

    /// Cancels a request: pending work is dropped, running work is stopped. Returns whether the request
    /// existed.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn cancel(&self, id: u64) -> Result<bool, Refusal> {
        self.ask(|reply| Command::Cancel { id, reply }).await
    }

    /// Pauses or resumes jobs and live series, and returns them. The change is saved, and so survives restarts, before
    /// it takes effect.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn pause(&self, asked: Vec<String>, is_paused: bool) -> Result<Vec<Series>, Refusal> {
        let live = LiveJob::series(&self.0.live.borrow());
        let series = self.ask(|reply| Command::Find { asked, live, reply }).await??;
        self.0.engine.keep_paused(&series, is_paused).await?;
        self.send(Command::Pause { series: series.clone(), is_paused }).await?;
        self.0.catalogue.expire().await;
        self.0.engine.telemetry().emit(JobsPaused { series: &series, is_paused });
        Ok(series)
    }

    /// Reloads the configuration file. Runs under way are not affected.
    ///
    /// # Errors
    /// If the file cannot be used; nothing changes then.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _one = self.0.reloading.lock().await;
        let reloaded = self.try_reload().await;
        let telemetry = self.0.engine.telemetry();
        match &reloaded {
            Ok(reloaded) => {
                telemetry.emit(in_force(&reloaded.hash, &self.in_force(), reloaded.waits_for_restart.len()));
                tracing::info!("{reloaded}");
            }
            Err(error) => telemetry.emit(ConfigRefused { problems: &error.lines() }),
        }
        reloaded
    }

    async fn try_reload(&self) -> Result<Reloaded, ReloadError> {
        let path = self.0.started.path.clone();
        let loaded = tokio::task::spawn_blocking(move || crate::config::load(Some(&path))).await;
        let config = loaded.map_err(|error| ReloadError::Broken { reason: error.to_string() })??;
        let (jobs, slots) = (self.0.scope.jobs(&config), config.worker.slots as usize);
        let live = LiveJob::all(&config);
        let engine = &self.0.engine;
        let series = jobs.iter().map(|job| Arc::clone(job.series()));
        let series: Vec<Arc<Series>> = series.chain(LiveJob::series(&live)).collect();
        engine.make_room(series.len());
        engine.register(&config, &series).await.map_err(|error| ReloadError::Refused(error.into()))?;
        engine.worker().want(&Job::wanted(&jobs), &LiveJob::series(&live));
        let changes =
            self.ask(|reply| Command::Adopt { jobs, slots, reply }).await.map_err(ReloadError::Refused)?;
        self.0.live.send_if_modified(|own| {
            let is_changed = **own != live;
            *own = Arc::new(live);
            is_changed
        });
        let reloaded = Reloaded {
            hash: config.hash.clone(),
            changes,
            waits_for_restart: waits_for_restart(&self.0.started, &config),
            notes: config.notes.clone(),
        };
        *self.0.in_force.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(reloaded)
    }

    /// The series to listen to, now and whenever that changes.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<Arc<Vec<LiveJob>>> {
        self.0.live.subscribe()
    }

    /// Answers a question about the metric history, for all workers of the state store.
    ///
    /// # Errors
    /// If the question is wrong, or the store cannot be read.
    pub(crate) async fn history(&self, asked: &Asked) -> Result<HistoryAnswer, AskError> {
        answer(self.0.engine.database(), asked, None, now()).await
    }

    /// Answers a question about a stored order book.
    ///
    /// # Errors
    /// If the question is wrong, or the book is not known.
    pub(crate) async fn book(&self, asked: book::Asked) -> Result<BookAnswer, book::AskError> {
        if let Some(present) = self.0.engine.present_book(&asked, now()).await {
            return present;
        }
        let layout = self.0.engine.layout().clone();
        let answered = tokio::task::spawn_blocking(move || book::answer(&layout, &asked, None, now())).await;
        answered.unwrap_or_else(|error| Err(book::AskError::Broken { reason: error.to_string() }))
    }

    /// Takes the state of the rows that a question is about.
    ///
    /// # Errors
    /// If the question is wrong, or files or journal cannot be read.
    pub(crate) async fn read(&self, asked: read::Asked) -> Result<(read::Plan, RowReader), read::AskError> {
        let layout = self.0.engine.layout().clone();
        let open = move || {
            let plan = asked.plan(&layout, None, now(), RowFormat::Jsonl)?;
            let rows = plan.open(&layout)?;
            Ok((plan, rows))
        };
        let opened = tokio::task::spawn_blocking(open).await;
        opened.unwrap_or_else(|error| Err(read::AskError::Broken { reason: error.to_string() }))
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(super) fn verifying(&self) -> &Arc<Semaphore> {
        &self.0.verifying
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// The configuration that the process started with.
    pub(super) fn started(&self) -> &Config {
        &self.0.started
    }

    pub(super) fn editing(&self) -> &tokio::sync::Mutex<()> {
        &self.0.editing
    }

    pub(super) fn in_force(&self) -> Arc<Config> {
        Arc::clone(&self.0.in_force.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn send(&self, command: Command) -> Result<(), Refusal> {
        self.0.commands.send_timeout(command, ANSWER_WITHIN).await.map_err(|_| Refusal::NoAnswer)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(Refusal::NoAnswer),
        }
    }
}

fn in_force<'a>(hash: &'a str, config: &Config, waiting: usize) -> ConfigInForce<'a> {
    ConfigInForce { hash, max_consecutive_errors: config.alerts.max_consecutive_errors, waiting, at: now() }
}

impl ReloadError {
    /// The problems to correct, one per line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            ReloadError::Config(error) => error.lines(),
            ReloadError::Refused(refusal) => vec![Chain(refusal).to_string()],
            ReloadError::Broken { .. } => vec![self.to_string()],
        }
    }
}

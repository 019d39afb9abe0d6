//! What others may ask a running daemon: work on series, runs of jobs, a pause, another configuration.
//!
//! Further actions get a method here, a [`Command`] where the scheduler must know of them, and a route.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::now;
use crate::config::Config;
use crate::daemon::Scheduler;
use crate::daemon::command::Command;
use crate::daemon::refusal::Refusal;
use crate::daemon::reload::{ReloadError, Reloaded, waits_for_restart};
use crate::engine::{CopyAsked, Engine, Job, ProgressFeed, Work};
use crate::model::Series;
use crate::telemetry::events::{Chain, ConfigInForce, ConfigRefused, JobsPaused};

/// How long the scheduler may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A handle on a running daemon. A clone is the same daemon.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    commands: mpsc::Sender<Command>,
    /// What cannot change while it runs is as it was then.
    started: Config,
    in_force: Mutex<Arc<Config>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

impl Control {
    /// A handle on the daemon that runs this scheduler with this configuration.
    #[must_use]
    pub fn new(engine: Arc<Engine>, scheduler: &Scheduler, config: Config) -> Self {
        engine.telemetry().emit(in_force(&config.hash, &config, 0));
        Control(Arc::new(Inner {
            engine,
            commands: scheduler.commands(),
            started: config.clone(),
            in_force: Mutex::new(Arc::new(config)),
            reloading: tokio::sync::Mutex::default(),
        }))
    }

    /// Takes work in, `at_once` pieces of it side by side. It goes on whether or not anybody follows it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing of it is done then.
    pub async fn work(&self, works: Vec<Work>, at_once: usize) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        let config = self.in_force();
        let series: Vec<Arc<Series>> = works.iter().map(|work| Arc::clone(&work.order.series)).collect();
        self.0.engine.register(&config, &series).await?;
        self.ask(|reply| Command::Work { works, at_once, reply }).await?
    }

    /// Runs jobs now, those that begin as asked, or all; one that runs already is followed and not run again.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn run_jobs(&self, asked: Vec<String>) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        self.ask(|reply| Command::RunJobs { asked, reply }).await?
    }

    /// Takes a request about the copies in. It goes on whether or not anybody follows it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing of it is done then.
    pub async fn copies(&self, asked: CopyAsked) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        if self.engine().copies().remotes().is_empty() {
            return Err(Refusal::NoRemote);
        }
        let config = self.in_force();
        self.ask(|reply| Command::Copies { asked, config, reply }).await?
    }

    /// Takes work back: what has not begun is not done, and what has stops. Gives whether there was any.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn cancel(&self, id: u64) -> Result<bool, Refusal> {
        self.ask(|reply| Command::Cancel { id, reply }).await
    }

    /// Pauses jobs, or lets them run again; kept over restarts before it is done. Gives their series.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn pause(&self, asked: Vec<String>, is_paused: bool) -> Result<Vec<Series>, Refusal> {
        let series = self.ask(|reply| Command::Find { asked, reply }).await??;
        self.0.engine.keep_paused(&series, is_paused).await?;
        self.send(Command::Pause { series: series.clone(), is_paused }).await?;
        self.0.engine.telemetry().emit(JobsPaused { series: &series, is_paused });
        Ok(series)
    }

    /// Reads the configuration anew and goes on with it. Runs under way are not touched.
    ///
    /// # Errors
    /// With a file that cannot be used nothing changes.
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
        let (jobs, slots) = (Job::all(&config), config.worker.slots as usize);
        let engine = &self.0.engine;
        let series: Vec<Arc<Series>> = jobs.iter().map(|job| Arc::clone(job.series())).collect();
        engine.make_room(jobs.len());
        engine.register(&config, &series).await.map_err(|error| ReloadError::Refused(error.into()))?;
        let adopted = Job::wanted(&jobs);
        let changes =
            self.ask(|reply| Command::Adopt { jobs, slots, reply }).await.map_err(ReloadError::Refused)?;
        engine.worker().want(&adopted);
        let reloaded = Reloaded {
            hash: config.hash.clone(),
            changes,
            waits_for_restart: waits_for_restart(&self.0.started, &config),
            notes: config.notes.clone(),
        };
        *self.0.in_force.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(reloaded)
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
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
    /// One line for each thing to correct.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            ReloadError::Config(error) => error.lines(),
            ReloadError::Refused(refusal) => vec![Chain(refusal).to_string()],
            ReloadError::Broken { .. } => vec![self.to_string()],
        }
    }
}

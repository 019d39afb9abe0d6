//! dccd as a whole: the order in which it starts, and the order in which it ends.
//!
//! Each part ends after everything that uses it: runs before the pages that count them, pages before the data path,
//! the data path before its log.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::daemon::{
    CatalogueRefresher, Control, HealthReporter, HistorySampler, STARTING, STOPPING, Scheduler, Scope,
    Status, TaskPoller, Watchdog,
};
use crate::engine::{Broken, Engine, EngineError, Job, LiveJob, Logging, Streams};
use crate::http::{App, Auth, SocketFile, bind, bind_socket, serve, serve_socket};
use crate::telemetry::events::Chain;
use crate::telemetry::logs::LogError;

/// A daemon that is ready to run.
pub struct Service {
    engine: Arc<Engine>,
    status: Arc<Status>,
    listeners: Vec<TcpListener>,
    jobs: Vec<Job>,
    scope: Scope,
    config: Config,
    auth: Auth,
    socket: Option<(UnixListener, SocketFile)>,
    logging: Option<Logging>,
}

/// Where a service writes its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// To the subscriber that the program has, or nowhere.
    Callers,
    /// To `dccd.log` in its data path.
    File,
    /// There and to stderr.
    FileAndStderr,
}

/// Why a service cannot start.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// It would let in whom it should not, or has no credentials to check.
    #[error("{0}")]
    Auth(String),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(io::Error),
    /// The data path cannot be put to use.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no log.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Runs that did not end in time.
    pub unfinished: usize,
    /// Whether everything accepted is known to survive.
    pub is_durable: bool,
    /// Why it ended by itself.
    pub broken: Option<Broken>,
}

impl Service {
    /// Takes the addresses and the data path of a configuration. Nothing is fetched yet.
    ///
    /// # Errors
    /// See [`ServiceError`]; nothing is kept then.
    pub async fn prepare(config: Config) -> Result<Self, ServiceError> {
        Service::prepare_as(config, "start", Log::Callers).await
    }

    /// The same for a `command`, which the data path's lock then names, with a log of its own.
    ///
    /// # Errors
    /// See [`ServiceError`]; nothing is kept then.
    pub async fn prepare_as(config: Config, command: &str, log: Log) -> Result<Self, ServiceError> {
        let auth = auth(&config).map_err(ServiceError::Auth)?;
        let listeners = bind(&config.http.listen).await.map_err(ServiceError::Bind)?;
        let engine = Arc::new(Engine::open(&config, command).await?);
        let logging = match log {
            Log::Callers => None,
            Log::File | Log::FileAndStderr => {
                Some(Logging::start(&config, &engine, log == Log::FileAndStderr)?)
            }
        };
        for note in &config.notes {
            tracing::warn!("{note}");
        }
        engine.keep_copies();
        engine.register(&config, &LiveJob::series(&LiveJob::all(&config))).await?;
        let scope = if command == "stream" { Scope::Streams } else { Scope::Everything };
        let (socket, jobs, status) = (open_socket(&engine), scope.jobs(&config), Arc::new(Status::new()));
        Ok(Service { engine, status, listeners, jobs, scope, config, auth, socket, logging })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// How these addresses begin: `http` or `https`.
    #[must_use]
    #[doc(hidden)]
    pub fn scheme(&self) -> &'static str {
        self.auth.scheme()
    }

    /// The data path in use.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// The jobs it runs.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The series it listens to.
    #[must_use]
    pub fn live(&self) -> Vec<LiveJob> {
        LiveJob::all(&self.config)
    }

    /// Runs until `stop` or a journal beyond help, then ends gracefully.
    pub async fn run(self, stop: CancellationToken) -> Ended {
        let Service { engine, status, listeners, jobs, scope, config, auth, socket, logging } = self;

        let watchdog = Watchdog::over(engine.rounds()).inspect_err(|error| {
            tracing::warn!(%error, "there is no watchdog: a stuck loop would not end the process");
        });
        let slots = config.worker.slots as usize;
        let scheduler = Scheduler::new(Arc::clone(&engine), Arc::clone(&status), jobs, slots);
        let reporter = HealthReporter::new(Arc::clone(&engine), Arc::clone(&status), &config);
        let control = Control::new(Arc::clone(&engine), &scheduler, config.clone(), scope);
        let streams = Streams::new(Arc::clone(&engine), &config, control.live());
        let app = App::new(engine.telemetry().clone(), Arc::clone(&status));
        let app = app.with_auth(auth).with_control(control.clone());
        let (mut serving, served) = (JoinSet::new(), CancellationToken::new());
        serving.spawn(reporter.run(served.clone()));
        serving.spawn(HistorySampler::new(Arc::clone(&engine), &config).run(served.clone()));
        serving.spawn(CatalogueRefresher::new(control.clone()).run(served.clone()));
        serving.spawn(serve(listeners, app.clone(), served.clone()));
        let socket_file = socket.map(|(socket, file)| {
            serving.spawn(serve_socket(socket, app, served.clone()));
            file
        });
        serving.spawn(reload_on_hangup(control.clone(), served.clone()));
        serving.spawn(TaskPoller::new(control).run(stop.clone()));
        status.clear_unready(STARTING);

        let (unfinished, (), ()) =
            tokio::join!(scheduler.run(&stop), streams.run(&stop), until_stopped(&engine, &status, &stop));

        drop(watchdog);
        // Scrapes are answered until the last run has been counted.
        served.cancel();
        while serving.join_next().await.is_some() {}
        socket_file.into_iter().for_each(SocketFile::remove);
        let broken = engine.why_broken().await;
        let is_durable = engine.close().await;
        if let Some(logging) = logging {
            logging.close().await;
        }
        Ended { unfinished, is_durable, broken }
    }
}

/// Waits for `stop`, or cancels it once nothing more may be accepted.
async fn until_stopped(engine: &Engine, status: &Status, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = engine.broken() => stop.cancel(),
    }
    status.set_unready(STOPPING, "the daemon is stopping");
}

/// The daemon's socket; without one it runs all the same, and other commands find the data path in use.
fn open_socket(engine: &Engine) -> Option<(UnixListener, SocketFile)> {
    let opened = bind_socket(&engine.layout().own());
    opened
        .inspect_err(|error| {
            tracing::warn!(%error, "daemon.sock cannot be opened; work cannot be handed over");
        })
        .ok()
}

/// Reads the configuration anew at each SIGHUP.
async fn reload_on_hangup(control: Control, stop: CancellationToken) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = hangups.recv() => {}
        }
        // Its event says whether it succeeded.
        let _ = control.reload().await;
    }
}

/// Who may do what at a configuration's listeners.
///
/// # Errors
/// The reason not to open them, with its place in the configuration.
#[doc(hidden)]
pub fn auth(config: &Config) -> Result<Auth, String> {
    let http = &config.http;
    let mut auth = Auth::new(http.token_file.as_deref(), http.allow_unauthenticated)
        .map_err(|error| format!("http.token_file: {error}"))?;
    if let Some(path) = &http.web_config {
        auth = auth.with_web_config(path).map_err(|error| format!("http.web_config: {}", Chain(&error)))?;
    }
    let beyond: Vec<&SocketAddr> = http.listen.iter().filter(|address| !address.ip().is_loopback()).collect();
    if auth.is_decided() || beyond.is_empty() {
        return Ok(auth);
    }
    let named = beyond.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ");
    Err(format!(
        "http.listen: {named} can be reached from other machines and http.web_config asks for no credentials; add \
         basic_auth_users or client_auth_type: RequireAndVerifyClientCert to it, set http.token_file, or \
         http.allow_unauthenticated: true to let anyone read"
    ))
}

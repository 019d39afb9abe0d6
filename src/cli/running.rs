//! A running daemon: its listeners, its engine and its scheduler, wired together.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::one_shot::{Logging, open_engine};
use crate::cli::output::Output;
use crate::cli::web;
use crate::config::Config;
use crate::daemon::{Control, HealthReporter, Scheduler, TaskPoller, Watchdog};
use crate::daemon::{STARTING, STOPPING, Status};
use crate::engine::{Broken, Engine, Job};
use crate::http::{App, Auth, SocketFile, bind, bind_socket, serve, serve_socket};

/// A daemon that is ready to run.
pub(crate) struct Running {
    engine: Arc<Engine>,
    status: Arc<Status>,
    listeners: Vec<TcpListener>,
    jobs: Vec<Job>,
    slots: usize,
    config: Config,
    auth: Auth,
    socket: Option<(UnixListener, SocketFile)>,
    logging: Logging,
}

impl Running {
    /// Takes the addresses and the data path of a configuration. Nothing is fetched yet.
    pub(crate) async fn prepare(
        config: &Config,
        command: &str,
        log_to_stderr: bool,
        out: &mut Output,
    ) -> Result<Self, Exit> {
        let auth = web::auth(config).map_err(|line| out.fail(Exit::Config, line))?;
        let listeners =
            bind(&config.http.listen).await.map_err(|error| out.fail(Exit::of_bind(&error), error))?;
        let mut engine = open_engine(config, command, out).await?;
        let logging = Logging::start(config, &engine, log_to_stderr, out)?;
        for note in &config.notes {
            tracing::warn!("{note}");
        }
        engine.keep_copies();
        let (engine, status) = (Arc::new(engine), Arc::new(Status::new()));
        Ok(Running {
            socket: open_socket(&engine),
            auth,
            config: config.clone(),
            engine,
            status,
            listeners,
            jobs: Job::all(config),
            slots: config.worker.slots as usize,
            logging,
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// How these addresses begin.
    pub(crate) fn scheme(&self) -> &'static str {
        self.auth.scheme()
    }

    /// What it runs on.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// The series it collects.
    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Runs until `stop` or a journal beyond help, then ends gracefully.
    pub(crate) async fn run(self, stop: CancellationToken) -> Ended {
        let Running { engine, status, listeners, jobs, slots, config, auth, socket, logging } = self;
        let watchdog = Watchdog::over(engine.rounds());
        if let Err(error) = &watchdog {
            tracing::warn!(%error, "there is no watchdog: a stuck loop would not end the process");
        }
        let pages_stop = CancellationToken::new();
        let scheduler = Scheduler::new(Arc::clone(&engine), Arc::clone(&status), jobs, slots);
        let mut pages = JoinSet::new();
        pages.spawn(
            HealthReporter::new(Arc::clone(&engine), Arc::clone(&status), &config).run(pages_stop.clone()),
        );
        let control = Control::new(Arc::clone(&engine), &scheduler, config);
        let app = App::new(engine.telemetry().clone(), Arc::clone(&status)).with_auth(auth);
        let app = app.with_control(control.clone());
        pages.spawn(serve(listeners, app.clone(), pages_stop.clone()));
        let socket_file = socket.map(|(socket, file)| {
            pages.spawn(serve_socket(socket, app, pages_stop.clone()));
            file
        });
        pages.spawn(reload_on_hangup(control.clone(), pages_stop.clone()));
        pages.spawn(TaskPoller::new(control).run(stop.clone()));
        status.clear_unready(STARTING);
        let draining = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = engine.broken() => stop.cancel(),
            }
            status.set_unready(STOPPING, "the daemon is stopping");
        };
        let (unfinished, ()) = tokio::join!(scheduler.run(&stop), draining);
        drop(watchdog);
        // Scrapes are answered until the last run has been counted.
        pages_stop.cancel();
        while pages.join_next().await.is_some() {}
        socket_file.into_iter().for_each(SocketFile::remove);
        let broken = engine.why_broken().await;
        let is_durable = match Arc::into_inner(engine) {
            Some(engine) => engine.close().await,
            None => {
                tracing::error!(
                    "somebody still uses the data path; its journal is replayed at the next start"
                );
                false
            }
        };
        logging.close().await;
        Ended { unfinished, is_durable, broken }
    }
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
        // What came of it is told by its event.
        let _ = control.reload().await;
    }
}

/// How a daemon ended.
pub(crate) struct Ended {
    /// Runs that did not end in time.
    pub(crate) unfinished: usize,
    /// Whether everything accepted is known to survive.
    pub(crate) is_durable: bool,
    /// Why it ended by itself.
    pub(crate) broken: Option<Broken>,
}

//! A connection to one line that is made anew whenever it ends, and carries its topics from one to the next.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::exchange::live::{Line, Live, Topic};
use crate::model::Micros;
use crate::net::limit::jitter;
use crate::net::ws::backoff::Backoff;
use crate::net::ws::dial::{DialError, Dialer, Socket};
use crate::net::ws::drive::Driven;
use crate::net::ws::ended::Ended;
use crate::net::ws::handover::{Command, Inlet, Outlet, Update, channel};

/// A connection to a line.
pub struct Connection {
    /// The exchange's live offer.
    pub live: &'static dyn Live,
    /// The line.
    pub line: &'static Line,
    /// Another host than the exchange's own; the path of the line stays.
    pub host: Option<String>,
    /// The topics it begins with, each with the newest trade that is held; at most as many as the line bears.
    pub topics: Vec<Topic>,
    /// The exchange's clock.
    pub clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// The dialer, shared by all connections of the process.
    pub dialer: Arc<Dialer>,
}

impl Connection {
    /// Prepares a task that keeps the connection until `stop`, or until the sender of commands or the inlet is dropped;
    /// it reports through the inlet. When stopped, it still hands over what it has read, for at most three seconds.
    pub fn keep(
        self,
        commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) -> (impl Future<Output = ()> + Send, Inlet) {
        let (outlet, inlet) = channel();
        let connection_loop = ConnectionLoop {
            own: self,
            commands,
            outlet,
            stop,
            backoff: Backoff::default(),
            sockets: JoinSet::new(),
            dialling: None,
        };
        (connection_loop.run(), inlet)
    }
}

/// An attempt to connect, which may wait first.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<Socket, DialError>> + Send>>;

/// A connection while it is kept.
pub(super) struct ConnectionLoop {
    pub(super) own: Connection,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) outlet: Outlet,
    pub(super) stop: CancellationToken,
    pub(super) backoff: Backoff,
    /// The task of the open socket, and that of a second one which is to take over from it.
    pub(super) sockets: JoinSet<Driven>,
    /// The attempt under way.
    pub(super) dialling: Option<Dialling>,
}

/// The task has nothing to do any more.
pub(super) struct Over;

impl ConnectionLoop {
    async fn run(mut self) {
        while self.turn().await.is_ok() {}
    }

    /// One attempt, the connections that come of it, and the wait behind them.
    async fn turn(&mut self) -> Result<(), Over> {
        while self.own.topics.is_empty() {
            self.pause(None).await?;
        }
        self.tell(Update::Connecting).await?;
        let wait = match self.dial().await? {
            Err(error) => {
                let least = error.wait().unwrap_or_default();
                self.tell(Update::Failed { error }).await?;
                self.backoff.next(jitter()).max(least)
            }
            Ok(socket) => {
                self.tell(Update::Connected).await?;
                let (why, was_live) = self.carry(socket).await?;
                let is_over = why == Ended::Stopped;
                // Another attempt was begun already, behind a wait of its own where it needs one.
                let is_wanted = why == Ended::GivenUp || self.dialling.is_some();
                if was_live {
                    self.backoff.reset();
                }
                self.tell(Update::Disconnected { why, was_live }).await?;
                if is_over {
                    return Err(Over);
                }
                if is_wanted { Duration::ZERO } else { self.backoff.next(jitter()) }
            }
        };
        let until = Instant::now() + wait;
        while Instant::now() < until {
            self.pause(Some(until)).await?;
        }
        Ok(())
    }

    /// An attempt to connect that begins after a wait.
    pub(super) fn dial_after(&self, wait: Duration) -> Dialling {
        let (dialer, line, host) = (Arc::clone(&self.own.dialer), self.own.line, self.own.host.clone());
        let at = Instant::now() + wait;
        Box::pin(async move {
            sleep_until(at).await;
            dialer.dial(line, host.as_deref()).await
        })
    }

    async fn dial(&mut self) -> Result<Result<Socket, DialError>, Over> {
        let mut dialling = self.dialling.take().unwrap_or_else(|| self.dial_after(Duration::ZERO));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Over),
            dialled = &mut dialling => Ok(dialled),
        }
    }

    /// Waits for a command or an instant.
    async fn pause(&mut self, until: Option<Instant>) -> Result<(), Over> {
        let elapsed = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Over),
            () = self.outlet.updates.closed() => return Err(Over),
            command = self.commands.recv() => {
                let command = command.ok_or(Over)?;
                self.note(&command);
            }
            () = elapsed => {}
        }
        Ok(())
    }

    /// Keeps the topics of the next connection.
    pub(super) fn note(&mut self, command: &Command) {
        let topics = &mut self.own.topics;
        match command {
            Command::Want(topic) => {
                if topics.iter().all(|own| own.id != topic.id) {
                    topics.push(topic.clone());
                }
            }
            Command::Leave(id) => topics.retain(|topic| topic.id != *id),
            Command::Book { .. }
            | Command::BookLost(_)
            | Command::BeginAudit(_)
            | Command::Audit { .. }
            | Command::ShowBook { .. }
            | Command::Reconnect => {}
        }
    }

    /// Reports to the caller, waiting while the channel is full.
    pub(super) async fn tell(&mut self, update: Update) -> Result<(), Over> {
        tokio::select! {
            told = self.outlet.updates.send(update) => told.map_err(|_| Over),
            () = stopped_for_good(&self.stop) => Err(Over),
        }
    }
}

/// Ends some time after `stop`, never without it.
async fn stopped_for_good(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}

/// How long the caller may take for the last update once we are stopping.
const STOP_GRACE: Duration = Duration::from_secs(3);

//! A connection to one line that is made anew whenever it ends, and carries its topics from one to the next.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::exchange::live::{Line, Live, Topic};
use crate::model::Micros;
use crate::net::limit::jitter;
use crate::net::ws::backoff::Backoff;
use crate::net::ws::dial::{DialError, Dialer, Socket};
use crate::net::ws::drive::{Drive, PingTimer, want};
use crate::net::ws::ended::Ended;
use crate::net::ws::handover::{Command, Handover, Inlet, Outlet, Update, channel};

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
        let connection_loop =
            ConnectionLoop { own: self, commands, outlet, stop, backoff: Backoff::default() };
        (connection_loop.run(), inlet)
    }
}

/// A connection while it is kept.
struct ConnectionLoop {
    own: Connection,
    commands: mpsc::Receiver<Command>,
    outlet: Outlet,
    stop: CancellationToken,
    backoff: Backoff,
}

/// The task has nothing to do any more.
struct Over;

impl ConnectionLoop {
    async fn run(mut self) {
        while self.turn().await.is_ok() {}
    }

    /// One attempt, the connection that comes of it, and the wait behind it.
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
                let (why, was_live) = self.drive(socket).await;
                let is_over = why == Ended::Stopped;
                let is_wanted = why == Ended::GivenUp;
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

    async fn dial(&mut self) -> Result<Result<Socket, DialError>, Over> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Over),
            dialled = self.own.dialer.dial(self.own.line, self.own.host.as_deref()) => Ok(dialled),
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
        let topics = &mut self.own.topics;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Over),
            () = self.outlet.updates.closed() => return Err(Over),
            command = self.commands.recv() => match command.ok_or(Over)? {
                Command::Want(topic) => {
                    if topics.iter().all(|own| own.id != topic.id) {
                        topics.push(topic);
                    }
                }
                Command::Leave(id) => topics.retain(|topic| topic.id != id),
                Command::Book { .. } | Command::Reconnect => {}
            },
            () = elapsed => {}
        }
        Ok(())
    }

    /// Drives an open connection to its end. Returns why it ended, and whether anything was acknowledged on it.
    async fn drive(&mut self, socket: Socket) -> (Ended, bool) {
        let Connection { live, line, topics, clock, .. } = &mut self.own;
        let mut session = live.session(line);
        let mut full = Box::new(Handover::default());
        topics.retain(|topic| want(&mut *session, topic, &mut full));
        let drive = Drive {
            socket,
            session,
            line,
            clock: &**clock,
            began: Instant::now(),
            topics,
            commands: &mut self.commands,
            outlet: &mut self.outlet,
            stop: &self.stop,
            full,
            ping_timer: PingTimer::new(line),
            broken: None,
        };
        let (ended, session) = drive.run().await;
        for topic in topics {
            topic.held = session.newest(topic.id).or(topic.held);
        }
        (ended, session.topics().live > 0)
    }

    /// Reports to the caller, waiting while the channel is full.
    async fn tell(&mut self, update: Update) -> Result<(), Over> {
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

//! The sockets that carry the topics of a connection: one, or two while the second takes over before the first one ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{self, JoinError};
use tokio::time::Instant;

use crate::exchange::live::Topic;
use crate::net::limit::jitter;
use crate::net::ws::carrier::{Carrier, ORDERS, Signals};
use crate::net::ws::connection::{Connection, ConnectionLoop, Dialling, Over};
use crate::net::ws::dial::{DialError, Socket};
use crate::net::ws::drive::{Drive, Driven, PingTimer, want};
use crate::net::ws::ended::Ended;
use crate::net::ws::handover::{Command, Handover, Update};
use crate::net::ws::own_topic::{OwnTopic, is_book};
use crate::net::ws::takeover::{Order, Standby};

impl ConnectionLoop {
    /// Carries the topics over an open socket, and over others that take over from it, until the last has ended. Returns
    /// why, and whether anything was acknowledged on it.
    pub(super) async fn carry(&mut self, socket: Socket) -> Result<(Ended, bool), Over> {
        let mut first = self.begin(socket, None);
        let mut second: Option<Carrier> = None;
        let (mut is_commanded, mut is_retired) = (true, false);
        loop {
            let is_single = second.is_none();
            tokio::select! {
                biased;
                Some(ended) = self.sockets.join_next_with_id() => {
                    let (task, driven) = outcome(ended);
                    is_retired = false;
                    if second.take_if(|second| second.task == task).is_some() {
                        self.lost_standby(driven).await?;
                    } else if let Some(next) = second.take() {
                        self.take_over(driven, first.cause(), &next).await?;
                        first = next;
                    } else {
                        return Ok(self.settle(driven));
                    }
                }
                command = self.commands.recv(), if is_commanded => {
                    is_commanded = command.is_some();
                    is_retired |= self.obey(command, &first, second.as_ref()).await;
                }
                () = ready(&second), if !is_retired => {
                    is_retired = true;
                    first.order(Order::Retire(first.cause())).await;
                }
                dialled = dialled(&mut self.dialling), if is_single => match dialled {
                    Err(error) => self.no_standby(error).await?,
                    Ok(_) if self.own.topics.is_empty() || self.has_book() => {}
                    Ok(socket) => {
                        self.tell(Update::StandbyConnected).await?;
                        second = Some(self.begin(socket, Some(&first)));
                    }
                },
                () = first.is_due(), if is_single && self.dialling.is_none() && !self.has_book() => {
                    self.dialling = Some(self.dial_after(Duration::ZERO));
                }
            }
        }
    }

    /// Drives an open socket, beside another one where that is there.
    fn begin(&mut self, socket: Socket, before: Option<&Carrier>) -> Carrier {
        let Connection { live, line, topics, clock, .. } = &mut self.own;
        let (live, line) = (*live, *line);
        let mut session = live.session(line);
        let mut full = Box::new(Handover::default());
        // It is not known yet how much the one before will hold at its end.
        let held = |topic: &Topic| topic.held.filter(|_| before.is_none());
        topics.retain(|topic| want(&mut *session, &Topic { held: held(topic), ..topic.clone() }, &mut full));
        let (orders, received) = mpsc::channel(ORDERS);
        let signals = Signals::default();
        let drive = Drive {
            socket,
            session,
            live,
            line,
            clock: Arc::clone(clock),
            began: Instant::now(),
            topics: topics.iter().map(|topic| OwnTopic::new(topic, live)).collect(),
            orders: received,
            outlet: self.outlet.clone(),
            stop: self.stop.clone(),
            full,
            ping_timer: PingTimer::new(line),
            progress: signals.progress.clone(),
            standby: before
                .map(|before| Standby::new(before.signals.progress.clone(), signals.ready.clone())),
            notice: signals.notice.clone(),
            refused: Vec::new(),
            broken: None,
        };
        let task = self.sockets.spawn(drive.run()).id();
        Carrier::new(task, orders, signals, line)
    }

    /// Passes a command on; without a caller there is nothing to carry any more. Returns whether the second socket, if
    /// there is one, is given up: beside a book none takes over.
    async fn obey(&mut self, command: Option<Command>, first: &Carrier, second: Option<&Carrier>) -> bool {
        let Some(command) = command else {
            for carrier in [Some(first), second].into_iter().flatten() {
                carrier.order(Order::Retire(Ended::Stopped)).await;
            }
            return false;
        };
        self.note(&command);
        let is_given_up = second.is_some() && self.has_book();
        if let Some(second) = second {
            let order =
                if is_given_up { Order::Retire(Ended::GivenUp) } else { Order::Obey(command.clone()) };
            second.order(order).await;
        }
        first.order(Order::Obey(command)).await;
        is_given_up
    }

    /// Whether a book is among the topics: its rows are of one socket, and begin anew with the next.
    fn has_book(&self) -> bool {
        self.own.topics.iter().any(is_book)
    }

    /// Keeps what the topics hold now that a socket has ended.
    fn settle(&mut self, driven: Result<Driven, Ended>) -> (Ended, bool) {
        let Driven { why, session, refused } = match driven {
            Ok(driven) => driven,
            Err(why) => return (why, false),
        };
        self.own.topics.retain(|topic| !refused.contains(&topic.id));
        for topic in &mut self.own.topics {
            topic.held = session.newest(topic.id).or(topic.held);
        }
        (why, session.topics().live > 0)
    }

    /// Lets the second socket carry the topics, now that the first has ended.
    async fn take_over(
        &mut self,
        driven: Result<Driven, Ended>,
        cause: Ended,
        next: &Carrier,
    ) -> Result<(), Over> {
        let (why, was_live) = self.settle(driven);
        if was_live {
            self.backoff.reset();
        }
        // The exchange may close it first, as it said.
        let why = if matches!(why, Ended::Closed { .. }) { cause } else { why };
        self.tell(Update::TakenOver { why }).await?;
        let held = self.own.topics.iter().filter_map(|topic| Some((topic.id, topic.held?)));
        next.order(Order::TakeOver(held.collect())).await;
        Ok(())
    }

    /// The second socket ended first: another is made, unless nothing is wanted any more.
    async fn lost_standby(&mut self, driven: Result<Driven, Ended>) -> Result<(), Over> {
        let (why, refused) = match driven {
            Ok(driven) => (driven.why, driven.refused),
            Err(why) => (why, Vec::new()),
        };
        // Its newest trades are not those of the first: some may lie between.
        self.own.topics.retain(|topic| !refused.contains(&topic.id));
        if !self.has_book() {
            self.dialling = Some(self.dial_after_failure(Duration::ZERO));
        }
        self.tell(Update::StandbyEnded { why }).await
    }

    async fn no_standby(&mut self, error: DialError) -> Result<(), Over> {
        if !self.has_book() {
            self.dialling = Some(self.dial_after_failure(error.wait().unwrap_or_default()));
        }
        self.tell(Update::StandbyFailed { error }).await
    }

    fn dial_after_failure(&mut self, least: Duration) -> Dialling {
        let wait = self.backoff.next(jitter()).max(least);
        self.dial_after(wait)
    }
}

/// Which task ended, and how.
fn outcome(ended: Result<(task::Id, Driven), JoinError>) -> (task::Id, Result<Driven, Ended>) {
    match ended {
        Ok((task, driven)) => (task, Ok(driven)),
        Err(error) => {
            tracing::error!(%error, "a connection broke off; please report this");
            (error.id(), Err(Ended::Reset { reason: error.to_string() }))
        }
    }
}

/// Waits until a second socket is ready to take over.
async fn ready(second: &Option<Carrier>) {
    match second {
        Some(second) => second.signals.ready.cancelled().await,
        None => std::future::pending().await,
    }
}

/// Waits for the attempt under way.
async fn dialled(dialling: &mut Option<Dialling>) -> Result<Socket, DialError> {
    let Some(attempt) = dialling else { return std::future::pending().await };
    let dialled = attempt.await;
    *dialling = None;
    dialled
}

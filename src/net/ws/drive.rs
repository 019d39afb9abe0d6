//! One open connection: reads what there is, sends what the conversation wants to send, hands over, and watches for
//! silence.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use crate::exchange::live::{Event, Line, Live, NotOffered, Now, Session, Topic, TopicId};
use crate::model::Micros;
use crate::net::ws::dial::Socket;
use crate::net::ws::ended::Ended;
use crate::net::ws::handover::{Command, Handover, Outlet, ShownBook, Update};
use crate::net::ws::own_topic::OwnTopic;
use crate::net::ws::takeover::{Order, Progress, Standby};

/// The most frames read, and the longest time spent on that, before they are handed over.
const FRAMES: usize = 256;

const READING: Duration = Duration::from_millis(20);

/// How often the time is looked at while frames are read.
const LOOK_EVERY: usize = 16;

/// How often all topics are vouched for.
const VOUCH_EVERY: Duration = Duration::from_secs(1);

/// How long a message may take to be sent.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long the last handover, and the close, may take once the connection ends.
const LAST_WITHIN: Duration = Duration::from_secs(3);

/// Everything an open connection works with.
pub(super) struct Drive {
    pub(super) socket: Socket,
    pub(super) session: Box<dyn Session>,
    pub(super) live: &'static dyn Live,
    pub(super) line: &'static Line,
    pub(super) clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    pub(super) began: Instant,
    pub(super) topics: Vec<OwnTopic>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) outlet: Outlet,
    pub(super) stop: CancellationToken,
    pub(super) full: Box<Handover>,
    pub(super) ping_timer: PingTimer,
    pub(super) progress: Progress,
    /// While another connection carries the topics.
    pub(super) standby: Option<Standby>,
    /// Cancelled once the exchange gives notice that it will end the connection.
    pub(super) notice: CancellationToken,
    /// Topics that the exchange refused.
    pub(super) refused: Vec<TopicId>,
    /// Set once the conversation has no use for the connection any more.
    pub(super) broken: Option<Ended>,
}

/// How a connection ended.
pub(super) struct Driven {
    pub(super) why: Ended,
    pub(super) session: Box<dyn Session>,
    pub(super) refused: Vec<TopicId>,
}

/// The pings of a connection, and what is due by the clock.
pub(super) struct PingTimer {
    ping_at: Instant,
    /// When the connection is dead, unless something comes before.
    dead_at: Option<Instant>,
    vouch_at: Instant,
}

impl PingTimer {
    pub(super) fn new(line: &Line) -> Self {
        let now = Instant::now();
        PingTimer { ping_at: now + line.ping.every, dead_at: None, vouch_at: now + VOUCH_EVERY }
    }
}

impl Drive {
    /// Runs the connection to its end and closes it.
    pub(super) async fn run(mut self) -> Driven {
        let now = self.now();
        self.session.opened(now);
        let ended = match self.converse().await {
            Err(ended) => ended,
            Ok(never) => match never {},
        };
        self.hand_over_last().await;
        self.close(&ended).await;
        Driven { why: ended, session: self.session, refused: self.refused }
    }

    fn now(&self) -> Now {
        Now { elapsed: self.began.elapsed(), at: (self.clock)() }
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, Ended> {
        loop {
            self.send().await?;
            let is_due = Instant::now() >= self.ping_timer.vouch_at;
            let has_more = is_due || !self.full.received.is_empty();
            let is_handed_over = !has_more || self.try_hand_over(is_due)?;
            if let Some(ended) = self.broken.take_if(|_| is_handed_over) {
                return Err(ended);
            }
            let wakes = self.wakes();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Ended::Stopped),
                room = self.outlet.updates.reserve().map(|room| room.map(drop)), if !is_handed_over => {
                    room.map_err(|_| Ended::Stopped)?;
                    // Nothing was read meanwhile, so nothing was missed.
                    self.ping_timer.dead_at = self.ping_timer.dead_at.map(|_| Instant::now() + self.line.ping.within);
                }
                order = self.orders.recv() => self.heed_order(order)?,
                message = self.socket.next(), if is_handed_over => self.read(message)?,
                () = sleep_until(wakes), if is_handed_over => self.wake().await?,
            }
        }
    }

    /// When something is due, at the latest.
    fn wakes(&self) -> Instant {
        let session = self.session.wakes().map(|elapsed| self.began + elapsed);
        let ping_timer = self.ping_timer.ping_at.min(self.ping_timer.vouch_at);
        [session, self.ping_timer.dead_at].into_iter().flatten().fold(ping_timer, Instant::min)
    }

    /// Does what is due.
    async fn wake(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        if self.ping_timer.dead_at.is_some_and(|dead_at| now >= dead_at) {
            return Err(Ended::Silent);
        }
        if now >= self.ping_timer.ping_at {
            self.ping_timer.ping_at = now + self.line.ping.every;
            self.ping_timer.dead_at.get_or_insert(now + self.line.ping.within);
            self.put(Message::Ping(Bytes::new())).await?;
            let now = self.now();
            self.session.spent(now);
        }
        self.receive_at(now);
        self.tick();
        Ok(())
    }

    fn tick(&mut self) {
        let now = self.now();
        self.session.tick(now, &mut self.full.received);
    }

    /// Reads until the socket is empty, or long enough.
    fn read(&mut self, first: Option<Result<Message, Error>>) -> Result<(), Ended> {
        let began = Instant::now();
        self.receive_at(began);
        self.ping_timer.dead_at = None;
        let (mut next, mut now) = (first, self.now());
        for count in 1.. {
            let message = next.ok_or_else(|| Ended::by_close(None))?.map_err(Ended::by_error)?;
            self.take(message, now)?;
            if count >= FRAMES || (count.is_multiple_of(LOOK_EVERY) && began.elapsed() >= READING) {
                break;
            }
            if count.is_multiple_of(LOOK_EVERY) {
                now = self.now();
            }
            match self.socket.next().now_or_never() {
                Some(more) => next = more,
                None => break,
            }
        }
        self.tick();
        Ok(())
    }

    /// What comes now is received now, unless something of before waits to be handed over: frames that meant nothing do not.
    fn receive_at(&mut self, at: Instant) {
        if self.full.received.is_empty() {
            self.full.read_at = Some(at.into_std());
        }
    }

    fn take(&mut self, message: Message, now: Now) -> Result<(), Ended> {
        let into = &mut self.full.received;
        match message {
            Message::Text(text) => self.session.text(&text, now, into),
            Message::Binary(_) => self.session.unreadable("the message is no text", now, into),
            // It is answered with the next thing that is read or sent.
            Message::Ping(_) => self.session.spent(now),
            Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(frame) => return Err(Ended::by_close(frame)),
        }
        Ok(())
    }

    /// Sends what the conversation wants to send, and what answers the exchange's pings.
    async fn send(&mut self) -> Result<(), Ended> {
        loop {
            let now = self.now();
            match self.session.send(now) {
                Some(text) => self.put(Message::Text(Utf8Bytes::from(text))).await?,
                None => break,
            }
        }
        let flushed = timeout(SEND_WITHIN, self.socket.flush()).await;
        flushed.map_err(|_| Ended::Silent)?.map_err(Ended::by_error)
    }

    async fn put(&mut self, message: Message) -> Result<(), Ended> {
        let sent = timeout(SEND_WITHIN, self.socket.send(message)).await;
        sent.map_err(|_| Ended::Silent)?.map_err(Ended::by_error)
    }

    fn heed_order(&mut self, order: Option<Order>) -> Result<(), Ended> {
        self.receive_at(Instant::now());
        match order {
            Some(Order::Obey(command)) => self.obey(command),
            Some(Order::TakeOver(held)) => {
                self.standby = None;
                for (topic, mark) in held {
                    self.session.resume(topic, mark, &mut self.full.received);
                }
                Ok(())
            }
            Some(Order::Retire(why)) => Err(why),
            None => Err(Ended::Stopped),
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Ended> {
        match command {
            Command::Want(topic) => {
                if want(&mut *self.session, &topic, &mut self.full) {
                    self.topics.push(OwnTopic::new(&topic, self.live));
                }
            }
            Command::Leave(id) => {
                self.session.leave(id);
                self.topics.retain(|topic| topic.id != id);
                if self.topics.is_empty() {
                    return Err(Ended::GivenUp);
                }
            }
            Command::Book { topic, rows } => {
                let now = self.now();
                self.session.give_book(topic, rows.as_ref(), now, &mut self.full.received);
            }
            Command::BookLost(topic) => {
                let now = self.now();
                self.session.lose_book(topic, now, &mut self.full.received);
            }
            Command::BeginAudit(topic) => self.session.begin_audit(topic),
            Command::Audit { topic, rows, levels } => {
                let now = self.now();
                self.session.give_audit(topic, rows.as_ref(), levels, now, &mut self.full.received);
            }
            Command::ShowBook { topic, levels, to } => {
                // Who asked may have gone.
                let _ = to.try_send(self.session.book(topic).map(|book| ShownBook::of(&book, levels)));
            }
            Command::Reconnect => return Err(Ended::GivenUp),
        }
        Ok(())
    }

    /// Hands over what was read, with what is vouched for. Returns whether there was room for it.
    fn try_hand_over(&mut self, of_all: bool) -> Result<bool, Ended> {
        use mpsc::error::TrySendError;
        let permit = match self.outlet.updates.clone().try_reserve_owned() {
            Ok(permit) => permit,
            Err(TrySendError::Full(_)) => return Ok(false),
            Err(TrySendError::Closed(_)) => return Err(Ended::Stopped),
        };
        self.vouch(of_all);
        let empty = self.outlet.fresh();
        let full = std::mem::replace(&mut self.full, empty);
        self.heed(&full);
        permit.send(Update::Received(full));
        Ok(true)
    }

    /// Writes down the windows vouched for by now: of topics with rows, or of all.
    fn vouch(&mut self, of_all: bool) {
        let Handover { received, covered, heard, waiting_bytes, .. } = &mut *self.full;
        covered.clear();
        *heard = self.session.heard();
        *waiting_bytes = of_all.then(|| self.session.waiting_bytes());
        for topic in &mut self.topics {
            topic.prove(received);
            if self.standby.is_some() || !(of_all || received.batch(topic.id).is_some()) {
                continue;
            }
            self.progress.note(topic.id, &*self.session);
            let window = self.session.covered(topic.id);
            covered.extend(window.and_then(|window| topic.vouched(window)).map(|window| (topic.id, window)));
        }
        if let Some(standby) = &mut self.standby {
            standby.look(&*self.session, self.topics.iter().map(|topic| topic.id));
        }
        if of_all {
            self.ping_timer.vouch_at = Instant::now() + VOUCH_EVERY;
        }
    }

    /// A new connection does not ask for what the exchange refused, which the session has forgotten; and what is broken
    /// ends.
    fn heed(&mut self, full: &Handover) {
        for event in &full.received.events {
            match event {
                Event::Refused { topic: id, .. } => {
                    self.topics.retain(|topic| topic.id != *id);
                    self.refused.push(*id);
                }
                Event::Notice { .. } => self.notice.cancel(),
                Event::Broken { reason, .. } => self.broken = Some(Ended::Broken { reason: *reason }),
                _ => {}
            }
        }
    }

    /// Hands over what is left, for as long as that may take.
    async fn hand_over_last(&mut self) {
        self.vouch(true);
        let mut full = std::mem::take(&mut self.full);
        full.is_last = true;
        self.heed(&full);
        let _ = timeout(LAST_WITHIN, self.outlet.updates.send(Update::Received(full))).await;
    }

    /// Closes in good order where the exchange has not ended it.
    async fn close(&mut self, why: &Ended) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        let closing = async {
            if why.is_ours() {
                let _ = self.socket.close(Some(frame)).await;
            } else if matches!(why, Ended::Closed { .. }) {
                let _ = self.socket.flush().await;
            }
        };
        let _ = timeout(LAST_WITHIN, closing).await;
    }
}

/// Asks a session for a topic; one that it does not take is refused. Returns whether the topic is new.
pub(super) fn want(session: &mut dyn Session, topic: &Topic, full: &mut Handover) -> bool {
    match session.want(topic.clone()) {
        Ok(()) => true,
        Err(NotOffered::Twice) => false,
        Err(error) => {
            let refused = Event::Refused { topic: topic.id, words: error.to_string() };
            full.received.events.push(refused);
            false
        }
    }
}

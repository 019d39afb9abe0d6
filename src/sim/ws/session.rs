//! One connection without its socket: what it hears, which frames are due, when it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::ws::counters::Counters;
use crate::sim::ws::fault::{Struck, WsFault};
use crate::sim::ws::limits::{Limits, Recent, WsLimit};
use crate::sim::ws::outbox::{Out, Outbox};
use crate::sim::ws::protocol::{Protocol, Rows, Talk, What};
use crate::sim::ws::topic::{Due, Event, Topic};

/// How much time of rows is laid out at once, so that a clock that leaps does not fill the memory.
const SLICE: Duration = Duration::from_millis(250);

/// How long a connection says nothing before its heartbeat.
const QUIET: Duration = Duration::from_secs(1);

/// One connection.
pub(super) struct Session<'a> {
    exchange: &'static str,
    protocol: Box<dyn Protocol>,
    limits: Limits,
    counters: &'a Counters,
    number: u64,
    topics: Vec<Topic>,
    outbox: Outbox,
    world: Arc<World>,
    opened: Micros,
    /// Rows until here are laid out.
    done: Micros,
    /// When it said something last.
    said: Micros,
    heard: Recent,
    has_subscribed: bool,
    has_ended: bool,
    has_notice: bool,
    /// When the connection ends, once that was told.
    notice: Option<Micros>,
    pinged: Micros,
    /// Since when a ping waits for its answer.
    unanswered: Option<Micros>,
}

impl<'a> Session<'a> {
    /// Opens a connection.
    pub(super) fn open(
        (exchange, protocol): (&'static str, Box<dyn Protocol>),
        path: &str,
        counters: &'a Counters,
        world: Arc<World>,
    ) -> Self {
        let now = world.knobs.clock.now();
        let mut session = Session {
            exchange,
            limits: protocol.limits(),
            has_notice: protocol.notice(now).is_some(),
            protocol,
            counters,
            number: counters.opened(exchange, path, now),
            topics: Vec::new(),
            outbox: Outbox::default(),
            world,
            opened: now,
            done: now,
            said: now,
            heard: Recent::default(),
            has_subscribed: false,
            has_ended: false,
            notice: None,
            pinged: now,
            unanswered: None,
        };
        session.talk(now, |protocol, talk| protocol.open(talk));
        session
    }

    /// A text of the client.
    pub(super) fn text(&mut self, text: &str, now: Micros) {
        self.counters.message(self.exchange, self.number);
        if !self.is_within_limit(now) {
            return;
        }
        self.lay_out(now);
        self.talk(now, |protocol, talk| protocol.hear(text, talk));
    }

    /// A ping of the client, or its answer to one.
    pub(super) fn control(&mut self, is_pong: bool, now: Micros) {
        if is_pong {
            self.unanswered = None;
        }
        self.is_within_limit(now);
    }

    /// Lays out what is due by now in the world as it is.
    pub(super) fn turn(&mut self, world: Arc<World>, now: Micros) {
        if !Arc::ptr_eq(&self.world, &world) {
            self.world = world;
            self.topics.iter_mut().for_each(Topic::refresh);
        }
        self.lay_out(now);
        self.keep_alive(now);
        self.age(now);
    }

    /// The next thing to do with the socket.
    pub(super) fn next(&mut self, now: Micros) -> Option<Out> {
        self.outbox.next(now)
    }

    /// The connection has ended.
    pub(super) fn closed(&self, now: Micros) {
        self.counters.closed(self.exchange, self.number, self.topics.len(), now);
    }

    /// Counts a message; one too many ends the connection.
    fn is_within_limit(&mut self, now: Micros) -> bool {
        let is_over = self.heard.is_over(self.limits.messages, now);
        if is_over {
            self.overstep(WsLimit::Messages, "Too many requests");
        }
        !is_over
    }

    fn overstep(&mut self, limit: WsLimit, reason: &'static str) {
        self.counters.over(self.exchange, limit);
        self.end(Out::Close(reason));
    }

    fn end(&mut self, out: Out) {
        if !self.has_ended {
            self.has_ended = true;
            self.outbox.push(out);
        }
    }

    fn talk(&mut self, now: Micros, with: impl FnOnce(&mut dyn Protocol, &mut Talk<'_>)) {
        if self.has_ended {
            return;
        }
        let mut said = Vec::new();
        let world = Arc::clone(&self.world);
        let mut talk = Talk {
            world: &world,
            now,
            number: self.number,
            topics: &mut self.topics,
            said: &mut said,
            counters: self.counters,
            exchange: self.exchange,
            most_topics: self.limits.topics,
        };
        with(self.protocol.as_mut(), &mut talk);
        self.has_subscribed |= !self.topics.is_empty();
        if !said.is_empty() {
            self.said = now;
        }
        said.into_iter().for_each(|text| self.outbox.push(Out::Text(text)));
    }

    /// Lays out the rows until an instant, slice by slice.
    fn lay_out(&mut self, now: Micros) {
        while self.done < now && !self.has_ended {
            let until = if self.topics.is_empty() { now } else { now.min(self.done + SLICE) };
            let mut due = Vec::new();
            for (place, topic) in self.topics.iter_mut().enumerate() {
                topic.due(&self.world, (self.done, until), place, &mut due);
            }
            due.sort_by_key(|due| (due.at, due.event.rank()));
            self.done = until;
            self.frames(&due, now);
        }
    }

    fn frames(&mut self, due: &[Due], now: Micros) {
        let gathers = self.protocol.gathers_trades();
        let together = |a: &Due, b: &Due| {
            let trades = matches!((a.event, b.event), (Event::Trade(_), Event::Trade(_)));
            gathers && trades && (a.topic, a.at) == (b.topic, b.at)
        };
        for group in due.chunk_by(together) {
            if self.has_ended {
                return;
            }
            self.frame(group, now);
        }
    }

    /// Makes the frame of what goes together, and does to it what a fault wants.
    fn frame(&mut self, group: &[Due], now: Micros) {
        let (world, first) = (Arc::clone(&self.world), group[0]);
        let topic = &self.topics[first.topic];
        // The last candle of a contract closes when another has its name.
        let happened = match first.event {
            Event::Candle { open, .. } => open,
            _ => first.at,
        };
        let Some(market) = topic.market(&world, happened) else { return };
        let ids: Vec<u64> = group.iter().filter_map(|due| trade_of(due.event)).collect();
        let what = match first.event {
            Event::Trade(_) => What::Trades(&ids),
            Event::Candle { open, is_closed } => What::Candle { open, is_closed },
            Event::Book(id) => What::Book(id),
            Event::Heartbeat => What::Heartbeat,
        };
        let struck = Struck {
            is_trade: !ids.is_empty(),
            is_book: matches!(first.event, Event::Book(_)),
            has_notice: self.has_notice,
            has_sums: self.protocol.has_sums(),
        };
        let fault = self.counters.strikes_frame(self.exchange, &world.knobs, struck);
        let frames = self.protocol.frames(&Rows { world: &world, topic, market, at: first.at, what, fault });
        self.said = now;
        match fault {
            None | Some(WsFault::BadSum | WsFault::Crossed) => self.outbox.frames(frames),
            Some(WsFault::Hole) => self.counters.left_out(self.exchange, market.symbol(), &ids),
            Some(WsFault::Swap) => self.outbox.swap(frames),
            Some(WsFault::Double) => {
                self.outbox.frames(frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect());
            }
            Some(WsFault::Burst) => {
                self.outbox.hold(now + world.knobs.ws_burst);
                self.outbox.frames(frames);
            }
            Some(WsFault::Stall) => self.topics.iter_mut().for_each(Topic::silence),
            Some(WsFault::Notice) => {
                self.outbox.frames(frames);
                self.give_notice(now, now + world.knobs.ws_notice);
            }
            Some(WsFault::Reset) => self.end(Out::Reset),
            Some(WsFault::HalfOpen) => self.end(Out::HalfOpen),
            Some(WsFault::Cut | WsFault::Refuse) => self.end(Out::Close("")),
        }
    }

    fn give_notice(&mut self, now: Micros, ends: Micros) {
        if self.notice.is_none() {
            self.notice = Some(ends);
            self.protocol
                .notice(now)
                .into_iter()
                .for_each(|notice| self.outbox.push(Out::Text(notice.into_bytes())));
        }
    }

    /// Pings, and says something where nothing else was said.
    fn keep_alive(&mut self, now: Micros) {
        if now >= self.said + QUIET
            && let Some(heartbeat) = self.protocol.heartbeat()
        {
            self.said = now;
            self.outbox.push(Out::Text(heartbeat.as_bytes().to_vec()));
        }
        if self.limits.quiet.is_some_and(|quiet| now >= self.said + quiet) {
            self.overstep(WsLimit::Idle, "");
        }
        let Some((every, within)) = self.limits.ping else { return };
        if self.unanswered.is_some_and(|since| now >= since + within) {
            self.overstep(WsLimit::Pongs, "Pong timeout");
        } else if now >= self.pinged + every {
            self.pinged = now;
            self.unanswered.get_or_insert(now);
            self.outbox.push(Out::Ping);
        }
    }

    /// Ends what has lived long enough, with the notice before it.
    fn age(&mut self, now: Micros) {
        if self
            .limits
            .subscribe_within
            .is_some_and(|within| !self.has_subscribed && now >= self.opened + within)
        {
            self.overstep(WsLimit::Idle, "");
        }
        let knobs = &self.world.knobs;
        if knobs.ws_dropped.is_some_and(|at| self.opened < at && now >= at) {
            return self.end(Out::Reset);
        }
        let ends = knobs.ws_lifetime.map(|lifetime| self.opened + lifetime);
        let lead = knobs.ws_notice;
        if let Some(ends) = ends.filter(|ends| now >= *ends - lead) {
            self.give_notice(now, ends);
        }
        if self.notice.is_some_and(|ends| now >= ends) || ends.is_some_and(|ends| now >= ends) {
            self.end(Out::Close(""));
        }
    }
}

fn trade_of(event: Event) -> Option<u64> {
    match event {
        Event::Trade(id) => Some(id),
        _ => None,
    }
}

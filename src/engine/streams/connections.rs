//! The connections that carry live series: as few as their lines allow, each with its listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::Config;
use crate::engine::Engine;
use crate::exchange::Instrument;
use crate::exchange::live::{Line, Live, LiveOffer, Topic, TopicId};
use crate::jobs::stream::{
    Acceptor, ListenedTopic, Listener, LiveSeries, MOST_BYTES, Need, Publisher, Topics, WaitingRows,
};
use crate::model::{Micros, Series};
use crate::net::ws::{Command, Connection, Dialer};

/// How many commands may wait for a connection: more than the topics that any line carries, twice.
const COMMANDS: usize = 4_096;

/// How many topic numbers a connection gives out: batches are kept in a list by them.
const TOPIC_NUMBERS: u32 = 1 << 16;

/// Where a series is listened to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    connection: u64,
    topic: Topic,
    /// The exchange's time when it was placed.
    since: Micros,
}

/// A series to listen to, with everything that its connection needs.
pub(super) struct NewTopic {
    pub(super) series: Arc<Series>,
    pub(super) instrument: Arc<Instrument>,
    pub(super) exchange: &'static str,
    pub(super) live: &'static dyn Live,
    pub(super) offer: &'static LiveOffer,
    pub(super) rows: LiveSeries,
    /// The exchange's time when it was admitted.
    pub(super) since: Micros,
}

/// Every connection.
pub(super) struct Connections {
    engine: Arc<Engine>,
    dialer: Arc<Dialer>,
    /// Hosts that stand in for an exchange's own.
    hosts: BTreeMap<String, String>,
    /// None once all is over.
    acceptor: Option<Acceptor>,
    publisher: Publisher,
    needs: mpsc::Sender<Need>,
    last: u64,
    open: BTreeMap<u64, Open>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

struct Open {
    exchange: &'static str,
    line: &'static Line,
    topics: Topics,
    /// The numbers in use; topics that were refused are still among them.
    used: Vec<TopicId>,
    /// The next number; none is given twice, since rows under an old one may still be on their way.
    next: u32,
    commands: mpsc::Sender<Command>,
}

impl Open {
    fn has_other_span_of(&self, series: &Series) -> bool {
        self.topics.lock().values().any(|topic| {
            let own = topic.live.series();
            own.kind() == series.kind() && own.pair() == series.pair() && own.span() != series.span()
        })
    }
}

impl Connections {
    pub(super) fn new(engine: &Arc<Engine>, config: &Config, needs: mpsc::Sender<Need>) -> Self {
        let hosts = config.exchanges.iter();
        let hosts = hosts.filter_map(|(name, own)| Some((name.clone(), own.ws_url.clone()?)));
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let waiting = WaitingRows::new(MOST_BYTES);
        let (acceptor, accept) = Acceptor::new(engine.store().clone(), waiting.clone());
        tasks.spawn_blocking(accept);
        let publisher = Publisher::new(waiting, engine.telemetry().clone());
        tasks.spawn(publisher.clone().run(config.storage.flush_interval, stop.clone()));
        Connections {
            engine: Arc::clone(engine),
            dialer: Arc::new(Dialer::new()),
            hosts: hosts.collect(),
            acceptor: Some(acceptor),
            publisher,
            needs,
            last: 0,
            open: BTreeMap::new(),
            tasks,
            stop,
        }
    }

    /// Publishes its series.
    pub(super) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Has a series listened to over a connection with room, a new one if there is none.
    ///
    /// # Errors
    /// If the connection takes no more commands.
    pub(super) fn place(&mut self, new: NewTopic) -> Result<Place, String> {
        let line = new.offer.line;
        let Some(acceptor) = self.acceptor.clone() else {
            return Err("all connections have ended".to_owned());
        };
        let has_room = |open: &Open| {
            open.exchange == new.exchange
                && open.line.name == line.name
                && open.used.len() < line.limits.topics
                && open.next < TOPIC_NUMBERS
                && !(line.limits.one_span_a_symbol && open.has_other_span_of(&new.series))
        };
        let found = self.open.iter().find(|(_, open)| has_room(open)).map(|(id, _)| *id);
        let connection = found.unwrap_or_else(|| self.connect(new.exchange, new.live, line, acceptor));
        let Some(open) = self.open.get_mut(&connection) else { return Err("no connection".to_owned()) };
        let id = TopicId(open.next);
        open.next += 1;
        let NewTopic { series, instrument, rows, since, .. } = new;
        let topic = Topic { id, series, instrument, held: None, book: None };
        open.topics.lock().insert(id, ListenedTopic::new(rows));
        open.used.push(id);
        let place = Place { connection, topic: topic.clone(), since };
        match open.commands.try_send(Command::Want(topic)) {
            Ok(()) => Ok(place),
            Err(error) => {
                self.leave(&place);
                Err(format!("its connection takes no commands: {error}"))
            }
        }
    }

    fn connect(
        &mut self,
        exchange: &'static str,
        live: &'static dyn Live,
        line: &'static Line,
        acceptor: Acceptor,
    ) -> u64 {
        self.last += 1;
        let (commands, received) = mpsc::channel(COMMANDS);
        let topics = Topics::default();
        let context = self.engine.context(exchange);
        let clock: Arc<dyn Fn() -> Micros + Send + Sync> =
            Arc::new(move || context.as_ref().map_or_else(now, |context| context.client.clock().now()));
        let connection = Connection {
            live,
            line,
            host: self.hosts.get(exchange).cloned(),
            topics: Vec::new(),
            clock: Arc::clone(&clock),
            dialer: Arc::clone(&self.dialer),
        };
        let (kept, inlet) = connection.keep(received, self.stop.clone());
        let listener = Listener {
            exchange,
            line,
            topics: topics.clone(),
            telemetry: self.engine.telemetry().clone(),
            states: self.engine.live_states().clone(),
            needs: self.needs.clone(),
            acceptor,
            publisher: self.publisher.clone(),
            clock,
            opened: Instant::now(),
            standby_opened: Instant::now(),
        };
        self.tasks.spawn(kept);
        self.tasks.spawn(listener.run(inlet));
        self.open.insert(self.last, Open { exchange, line, topics, used: Vec::new(), next: 0, commands });
        self.last
    }

    /// Stops listening to a series; nothing more of it is accepted.
    pub(super) fn leave(&mut self, place: &Place) -> Option<ListenedTopic> {
        let open = self.open.get_mut(&place.connection)?;
        let id = place.topic.id;
        let left = open.topics.lock().remove(&id);
        open.used.retain(|own| *own != id);
        // A connection that takes no commands has ended.
        let _ = open.commands.try_send(Command::Leave(id));
        left
    }

    /// Whether a stored row is newer than everything that was received of a series.
    pub(super) fn is_behind(&self, place: &Place, newest: Option<Micros>) -> bool {
        let Some((open, newest)) = self.open.get(&place.connection).zip(newest) else { return false };
        let topics = open.topics.lock();
        let Some(topic) = topics.get(&place.topic.id) else { return false };
        match topic.live.proven() {
            None => newest > place.since,
            Some(proven) if place.topic.series.span().is_some() => newest >= proven,
            Some(proven) => newest > proven,
        }
    }

    /// Whether anything wanted of a series before an instant is still missing.
    pub(super) fn is_missing(&self, place: &Place, until: Micros) -> bool {
        let Some(open) = self.open.get(&place.connection) else { return false };
        let topics = open.topics.lock();
        topics.get(&place.topic.id).is_some_and(|topic| topic.live.is_missing_before(until))
    }

    /// Asks the exchange for a topic again, from now on.
    pub(super) fn subscribe_anew(&self, place: &Place) {
        let Some(open) = self.open.get(&place.connection) else { return };
        if let Some(topic) = open.topics.lock().get_mut(&place.topic.id) {
            topic.unlink();
        }
        for command in [Command::Leave(place.topic.id), Command::Want(place.topic.clone())] {
            let _ = open.commands.try_send(command);
        }
    }

    /// Ends every connection; what they have received is accepted first.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        self.acceptor = None;
        while self.tasks.join_next().await.is_some() {}
        self.open.clear();
    }
}

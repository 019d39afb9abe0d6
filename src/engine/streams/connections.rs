//! The connections that carry live series: as few as their lines allow, each with its listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::Config;
use crate::engine::Engine;
use crate::exchange::Instrument;
use crate::exchange::live::{BookWish, Line, Live, LiveOffer, Topic, TopicId};
use crate::jobs::stream::{
    Acceptor, EACH_BYTES, ListenedTopic, Listener, LiveSeries, MOST_BYTES, Need, Publisher, QuietLimits,
    Tasks, Topics, WaitingRows, WaitingUpdates,
};
use crate::model::{Batch, Micros, Series};
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
}

impl Place {
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }
}

/// A series to listen to, with everything that its connection needs.
pub(super) struct NewTopic {
    pub(super) series: Arc<Series>,
    pub(super) instrument: Arc<Instrument>,
    pub(super) exchange: &'static str,
    pub(super) live: &'static dyn Live,
    pub(super) offer: &'static LiveOffer,
    pub(super) rows: LiveSeries,
    /// The rows that are wanted, of a book.
    pub(super) book: Option<BookWish>,
}

/// Every connection.
pub(super) struct Connections {
    engine: Arc<Engine>,
    dialer: Arc<Dialer>,
    /// Hosts that stand in for an exchange's own.
    hosts: BTreeMap<String, String>,
    /// None once all is over.
    acceptor: Option<Acceptor>,
    waiting: WaitingRows,
    publisher: Publisher,
    flush_interval: Duration,
    /// When topics that are quiet are checked.
    pub(super) quiet: QuietLimits,
    needs: mpsc::Sender<Need>,
    last: u64,
    open: BTreeMap<u64, Open>,
    tasks: Tasks<Part, ()>,
    stop: CancellationToken,
}

/// A task that all or some series need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Acceptor,
    Publisher,
    /// One of the two of a connection.
    Connection(u64),
}

struct Open {
    exchange: &'static str,
    line: &'static Line,
    /// Whether its topics are books.
    has_books: bool,
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
        let waiting = WaitingRows::new(MOST_BYTES, EACH_BYTES);
        let publisher = Publisher::new(waiting.clone(), engine.telemetry().clone());
        let mut connections = Connections {
            engine: Arc::clone(engine),
            dialer: Arc::new(Dialer::new()),
            hosts: hosts.collect(),
            acceptor: None,
            waiting,
            publisher,
            flush_interval: config.storage.flush_interval,
            quiet: QuietLimits::default(),
            needs,
            last: 0,
            open: BTreeMap::new(),
            tasks: Tasks::new("a connection or what it needs"),
            stop: CancellationToken::new(),
        };
        connections.begin_accepting();
        connections.begin_publishing();
        connections
    }

    fn begin_accepting(&mut self) {
        let (acceptor, accept) = Acceptor::new(self.engine.store().clone(), self.waiting.clone());
        self.tasks.spawn_blocking(Part::Acceptor, accept);
        self.acceptor = Some(acceptor);
    }

    fn begin_publishing(&mut self) {
        let publishing = self.publisher.clone().run(self.flush_interval, self.stop.clone());
        self.tasks.spawn(Part::Publisher, publishing);
    }

    /// Waits for a connection to break off, and returns its number: its series are listened to no more. What all
    /// connections need is begun anew.
    pub(super) async fn next_broken(&mut self) -> Option<u64> {
        loop {
            match self.tasks.next().await?.0 {
                Part::Acceptor => self.begin_accepting(),
                Part::Publisher => self.begin_publishing(),
                Part::Connection(number) if self.open.contains_key(&number) => return Some(number),
                Part::Connection(_) => {}
            }
        }
    }

    /// Ends a connection that carries no series any more.
    pub(super) fn close(&mut self, connection: u64) {
        self.open.remove(&connection);
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
                // A connection with a book is not replaced before its end.
                && open.has_books == new.book.is_some()
                && !(line.limits.one_span_a_symbol && open.has_other_span_of(&new.series))
        };
        let found = self.open.iter().find(|(_, open)| has_room(open)).map(|(id, _)| *id);
        let connection = found.unwrap_or_else(|| self.connect(&new, acceptor));
        let Some(open) = self.open.get_mut(&connection) else { return Err("no connection".to_owned()) };
        let id = TopicId(open.next);
        open.next += 1;
        let NewTopic { series, instrument, rows, book, .. } = new;
        let topic = Topic { id, series, instrument, held: None, book };
        open.topics.lock().insert(id, ListenedTopic::new(rows, self.quiet));
        if topic.book.is_some() {
            self.engine.present_books().follow(&topic.series, &open.commands, id);
        }
        open.used.push(id);
        let place = Place { connection, topic: topic.clone() };
        match open.commands.try_send(Command::Want(topic)) {
            Ok(()) => Ok(place),
            Err(error) => {
                self.leave(&place);
                Err(format!("its connection takes no commands: {error}"))
            }
        }
    }

    fn connect(&mut self, new: &NewTopic, acceptor: Acceptor) -> u64 {
        self.last += 1;
        let (exchange, live, line) = (new.exchange, new.live, new.offer.line);
        let has_books = new.book.is_some();
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
            waiting_updates: WaitingUpdates::new(exchange, self.engine.telemetry().clone()),
            clock,
            opened: Instant::now(),
            standby_opened: Instant::now(),
        };
        self.tasks.spawn(Part::Connection(self.last), kept);
        self.tasks.spawn(Part::Connection(self.last), listener.run(inlet));
        let used = Vec::new();
        self.open.insert(self.last, Open { exchange, line, has_books, topics, used, next: 0, commands });
        self.last
    }

    /// Stops listening to a series; nothing more of it is accepted.
    pub(super) fn leave(&mut self, place: &Place) -> Option<ListenedTopic> {
        let open = self.open.get_mut(&place.connection)?;
        let id = place.topic.id;
        let left = open.topics.lock().remove(&id);
        self.engine.present_books().leave(&place.topic.series, id);
        open.used.retain(|own| *own != id);
        // A connection that takes no commands has ended.
        let _ = open.commands.try_send(Command::Leave(id));
        left
    }

    /// The end of everything of a series that is stored or known not to exist.
    pub(super) fn settled_until(&self, place: &Place) -> Option<Micros> {
        self.open.get(&place.connection)?.topics.lock().get(&place.topic.id)?.live.settled_until()
    }

    /// Whether a stored row shows that the exchange does not send a series.
    pub(super) fn is_behind(&self, place: &Place, newest: Option<Micros>) -> bool {
        let Some((open, newest)) = self.open.get(&place.connection).zip(newest) else { return false };
        open.topics.lock().get(&place.topic.id).is_some_and(|topic| topic.is_behind(newest))
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

    /// Adds a task, to see what becomes of it.
    #[cfg(test)]
    pub(super) fn spawn(&mut self, part: Part, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(part, task);
    }

    /// How many tasks run for a part.
    #[cfg(test)]
    pub(super) fn running(&self, part: Part) -> usize {
        self.tasks.count(|own| *own == part)
    }

    /// Gives a whole book to the topic that wants it; none where it could not be had.
    pub(super) fn give_book(&self, place: &Place, rows: Option<Batch>) {
        if let Some(open) = self.open.get(&place.connection) {
            // One that takes no commands asks again.
            let _ = open.commands.try_send(Command::Book { topic: place.topic.id, rows });
        }
    }

    /// Has a book begun anew, since rows of it were lost.
    pub(super) fn lose_book(&self, place: &Place) {
        if let Some(open) = self.open.get(&place.connection) {
            // It is told again as long as rows of it come.
            let _ = open.commands.try_send(Command::BookLost(place.topic.id));
        }
    }

    /// Tells the connection of a book that it will be compared.
    pub(super) fn begin_audit(&self, place: &Place) {
        if let Some(open) = self.open.get(&place.connection) {
            let _ = open.commands.try_send(Command::BeginAudit(place.topic.id));
        }
    }

    /// Gives it the answer to compare with; none where it could not be had.
    pub(super) fn give_audit(&self, place: &Place, rows: Option<Batch>, levels: u32) {
        if let Some(open) = self.open.get(&place.connection) {
            let _ = open.commands.try_send(Command::Audit { topic: place.topic.id, rows, levels });
        }
    }

    /// Ends every connection; what they have received is accepted first.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        self.acceptor = None;
        self.tasks.end().await;
        self.open.clear();
    }
}

//! A line, a session that notes what happens to it, and the server's side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use tokio_util::sync::CancellationToken;

use crate::exchange::Instrument;
use crate::exchange::live::{
    BrokenReason, Event, Line, LineLimits, Live, LiveOffer, Mark, NotOffered, Now, Ping, Rate, Received,
    Session, Topic, TopicCounts, TopicId,
};
use crate::model::{Kind, Micros, Side, Trade, Window};
use crate::net::ws::{Command, Connection, Dialer, Handover, Inlet, Update};

/// Longer than anything here takes unless it hangs; time that is paused passes it at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) static LINE: Line = Line {
    name: "test",
    host: "ws://exchange.invalid",
    path: "/stream",
    markets: &[],
    limits: LineLimits {
        connects: Rate::new(1_000, 1),
        message_bytes: 1 << 20,
        frame_bytes: 1 << 20,
        ..LineLimits::USUAL
    },
    lifetime: None,
    ping: Ping::USUAL,
};

/// Calls that sessions noted.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) held: Vec<Option<Mark>>,
    pub(super) resumed: Vec<(TopicId, Mark)>,
    pub(super) spent: usize,
    pub(super) idle: usize,
    pub(super) sessions: usize,
}

/// An exchange whose sessions understand `ack`, `trade ID`, `notice`, `refuse`, `broken` and nothing else.
pub(super) struct Exchange(pub(super) Arc<Mutex<Log>>);

impl Live for Exchange {
    fn offers(&self) -> &'static [LiveOffer] {
        &[]
    }

    fn session(&self, _: &'static Line) -> Box<dyn Session> {
        note(&self.0, |log| log.sessions += 1);
        let log = Arc::clone(&self.0);
        Box::new(Noting {
            log,
            outgoing: VecDeque::new(),
            topics: Vec::new(),
            live: 0,
            newest: None,
            is_open: false,
        })
    }
}

fn note(log: &Mutex<Log>, change: impl FnOnce(&mut Log)) {
    change(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
}

struct Noting {
    log: Arc<Mutex<Log>>,
    outgoing: VecDeque<String>,
    topics: Vec<TopicId>,
    live: usize,
    newest: Option<Mark>,
    is_open: bool,
}

impl Session for Noting {
    fn opened(&mut self, _: Now) {
        self.is_open = true;
    }

    fn want(&mut self, topic: Topic) -> Result<(), NotOffered> {
        if self.topics.contains(&topic.id) {
            return Err(NotOffered::Twice);
        }
        if topic.id == TopicId(99) {
            return Err(NotOffered::Unknown { exchange: "test", line: "test", what: "trades".to_owned() });
        }
        note(&self.log, |log| log.held.push(topic.held));
        self.outgoing.push_back(format!("want {}", topic.id.0));
        self.topics.push(topic.id);
        Ok(())
    }

    fn leave(&mut self, topic: TopicId) {
        self.outgoing.push_back(format!("leave {}", topic.0));
        self.topics.retain(|own| *own != topic);
    }

    fn text(&mut self, frame: &str, now: Now, into: &mut Received) {
        into.counts.frames += 1;
        let (word, rest) = frame.split_once(' ').unwrap_or((frame, ""));
        match word {
            "ack" => {
                self.live += 1;
                into.events.push(Event::Acknowledged { topic: TopicId(0) });
            }
            "trade" => {
                let id: u64 = rest.trim_end_matches('x').parse().unwrap();
                let ts = Micros(i64::try_from(id).unwrap());
                self.newest = Some(Mark { id, ts });
                let trade = Trade {
                    ts,
                    ts_recv: Some(now.at),
                    id: Some(rest.trim_end_matches('x')),
                    price: 1.0,
                    amount: 1.0,
                    side: Some(Side::Buy),
                };
                into.row_of(TopicId(0), Kind::Trades).trades_mut().push(trade);
            }
            "idle" => note(&self.log, |log| log.idle += 1),
            "notice" => into.events.push(Event::Notice { words: "soon".to_owned() }),
            "refuse" => into.events.push(Event::Refused { topic: TopicId(0), words: "no".to_owned() }),
            "broken" => into
                .events
                .push(Event::Broken { reason: BrokenReason::Unanswered, words: "no answer".to_owned() }),
            _ => into.events.push(Event::unreadable(frame, "unknown")),
        }
    }

    fn unreadable(&mut self, why: &str, _: Now, into: &mut Received) {
        into.events.push(Event::unreadable("", why));
    }

    fn tick(&mut self, _: Now, _: &mut Received) {}

    fn send(&mut self, _: Now) -> Option<String> {
        self.outgoing.pop_front().filter(|_| self.is_open)
    }

    fn spent(&mut self, _: Now) {
        note(&self.log, |log| log.spent += 1);
    }

    fn wakes(&self) -> Option<Duration> {
        None
    }

    fn heard(&self) -> Option<Micros> {
        self.newest.map(|mark| mark.ts)
    }

    fn covered(&self, _: TopicId) -> Option<Window> {
        Window::new(Micros(0), self.newest?.ts)
    }

    fn since(&self, _: TopicId) -> Option<Micros> {
        self.newest.map(|_| Micros(0))
    }

    fn resume(&mut self, topic: TopicId, held: Mark, _: &mut Received) {
        note(&self.log, |log| log.resumed.push((topic, held)));
    }

    fn newest(&self, topic: TopicId) -> Option<Mark> {
        self.newest.filter(|_| topic == TopicId(0))
    }

    fn topics(&self) -> TopicCounts {
        TopicCounts { pending: self.topics.len().saturating_sub(self.live), live: self.live }
    }
}

pub(super) fn topic(id: u32) -> Topic {
    let instrument = Arc::new(Instrument::named("BTCUSDT".to_owned()));
    Topic {
        id: TopicId(id),
        series: Arc::new("binance/BTC-USDT/trades".parse().unwrap()),
        instrument,
        held: None,
        book: None,
    }
}

/// The server's side of a connection.
pub(super) type Peer = WebSocketStream<TcpStream>;

/// A connection that is kept, and the listener it connects to.
pub(super) struct World {
    pub(super) listener: TcpListener,
    pub(super) inlet: Inlet,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) stop: CancellationToken,
    pub(super) log: Arc<Mutex<Log>>,
    pub(super) tasks: JoinSet<()>,
}

impl World {
    pub(super) async fn new() -> Self {
        World::over(&LINE).await
    }

    pub(super) async fn over(line: &'static Line) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let log = Arc::<Mutex<Log>>::default();
        let exchange: &'static Exchange = Box::leak(Box::new(Exchange(Arc::clone(&log))));
        let connection = Connection {
            live: exchange,
            line,
            host: Some(format!("ws://{}", listener.local_addr().unwrap())),
            topics: vec![topic(0)],
            clock: Arc::new(|| Micros(7)),
            dialer: Arc::new(Dialer::through(Matcher::builder().build())),
        };
        let (commands, obeyed) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let (task, inlet) = connection.keep(obeyed, stop.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        World { listener, inlet, commands, stop, log, tasks }
    }

    /// The next connection, after its update.
    pub(super) async fn accept(&mut self) -> Peer {
        assert!(matches!(self.update().await, Update::Connecting));
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let peer = accept_async(stream).await.unwrap();
        assert!(matches!(self.update().await, Update::Connected));
        peer
    }

    /// The next connection, made beside the one there is, after its update.
    pub(super) async fn standby(&mut self) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let peer = accept_async(stream).await.unwrap();
        let connected = self.next_but_rows().await;
        assert!(matches!(connected, Update::StandbyConnected), "{connected:?}");
        peer
    }

    /// The next update that is no handover.
    pub(super) async fn next_but_rows(&mut self) -> Update {
        loop {
            match self.update().await {
                Update::Received(full) => self.inlet.give_back(full),
                other => return other,
            }
        }
    }

    pub(super) async fn update(&mut self) -> Update {
        timeout(PATIENCE, self.inlet.next()).await.unwrap().expect("the connection is kept")
    }

    /// The next handover that holds rows or events.
    pub(super) async fn handover(&mut self) -> Box<Handover> {
        loop {
            match self.update().await {
                Update::Received(full) if full.received.is_empty() => self.inlet.give_back(full),
                Update::Received(full) => return full,
                other => panic!("{other:?} came in place of a handover"),
            }
        }
    }

    /// Why the connection ended; handovers before it are passed over.
    pub(super) async fn ended(&mut self) -> (crate::net::ws::Ended, bool) {
        loop {
            match self.update().await {
                Update::Disconnected { why, was_live } => return (why, was_live),
                Update::Received(_) => {}
                other => panic!("{other:?} came in place of the end"),
            }
        }
    }
}

/// The ids of the trades of a handover.
pub(super) fn ids(full: &Handover) -> Vec<u64> {
    let Some(batch) = full.received.batch(TopicId(0)) else { return Vec::new() };
    batch.trades().iter().map(|trade| trade.id.unwrap().parse().unwrap()).collect()
}

pub(super) async fn say(peer: &mut Peer, text: &str) {
    peer.send(Message::text(text)).await.unwrap();
}

/// The next text of the client.
pub(super) async fn heard(peer: &mut Peer) -> String {
    loop {
        match timeout(PATIENCE, peer.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?} came in place of a text"),
        }
    }
}

//! A client of the simulated exchange's sockets, and a clock that moves when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dccd::model::Micros;
use dccd::sim::{Clock, Knobs, Sim};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::http::{at, sim};

/// Longer than anything here takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A simulated exchange whose clock moves only by steps.
pub(crate) struct Stepped {
    pub(crate) sim: Sim,
    now: Arc<AtomicI64>,
}

impl Stepped {
    pub(crate) async fn at(now: &str, knobs: Knobs) -> Self {
        let now = Arc::new(AtomicI64::new(at(now).0));
        let source = Arc::clone(&now);
        let clock = Clock::of(move || Micros(source.load(Ordering::SeqCst)));
        Stepped { sim: sim(Knobs { clock, ..knobs }).await, now }
    }

    /// The exchange's clock.
    pub(crate) fn clock(&self) -> Clock {
        self.sim.knobs().clock
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.now.load(Ordering::SeqCst))
    }

    pub(crate) fn step(&self, by: Duration) {
        self.now.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// A connection to a path.
    pub(crate) async fn open(&self, path: &str) -> Socket {
        self.try_open(path).await.unwrap()
    }

    pub(crate) async fn try_open(&self, path: &str) -> Result<Socket, Error> {
        let stream = TcpStream::connect(self.sim.address()).await.unwrap();
        let (socket, _) = client_async(format!("ws://{}{path}", self.sim.address()), stream).await?;
        Ok(Socket(socket))
    }

    /// Moves the clock in steps over a time and returns every frame that came, `dialect`'s own words left out.
    pub(crate) async fn run(
        &self,
        socket: &mut Socket,
        dialect: Dialect,
        over: Duration,
        step: Duration,
    ) -> Vec<String> {
        let until = self.now() + over;
        let mut frames = Vec::new();
        while self.now() < until {
            self.step(step.min(until.since(self.now())));
            frames.extend(socket.sync(dialect).await.expect("the connection goes on"));
        }
        frames
    }
}

/// How to ask an exchange for an answer that comes after everything that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    Binance,
    Kraken,
    Coinbase,
    Okx,
    Bybit,
    KrakenFutures,
    Bitfinex,
}

impl Dialect {
    fn marker(self) -> (&'static str, &'static str) {
        match self {
            Dialect::Binance => (r#"{"method":"LIST_SUBSCRIPTIONS","id":"mark"}"#, r#","id":"mark"}"#),
            Dialect::Kraken => (r#"{"method":"ping","req_id":77}"#, r#"{"method":"pong","req_id":77,"#),
            Dialect::Coinbase => (r#"{"type":"unsubscribe","channels":[]}"#, r#"{"type":"subscriptions""#),
            Dialect::Okx => ("ping", "pong"),
            Dialect::Bybit => (r#"{"op":"ping","req_id":"77"}"#, r#""req_id":"77","op":"ping"}"#),
            Dialect::KrakenFutures => (
                r#"{"event":"unsubscribe","feed":"mark","product_ids":[""]}"#,
                r#"{"event":"unsubscribed","feed":"mark""#,
            ),
            Dialect::Bitfinex => (r#"{"event":"ping","cid":77}"#, r#"{"event":"pong","#),
        }
    }
}

/// One connection.
pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text; none when the connection was closed in good order.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something comes in time") {
                Some(Ok(Message::Text(text))) => return Ok(Some(text.to_string())),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// The next text of a connection that goes on.
    pub(crate) async fn text(&mut self) -> String {
        self.next().await.unwrap().expect("the connection goes on")
    }

    /// Every text that is due by now.
    pub(crate) async fn sync(&mut self, dialect: Dialect) -> Result<Vec<String>, Error> {
        let (question, answer) = dialect.marker();
        self.0.send(Message::text(question)).await?;
        let mut texts = Vec::new();
        loop {
            match self.next().await? {
                Some(text) if text.contains(answer) => return Ok(texts),
                Some(text) => texts.push(text),
                None => return Err(Error::ConnectionClosed),
            }
        }
    }
}

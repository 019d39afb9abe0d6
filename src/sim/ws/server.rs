//! The socket of one connection: reads, writes, and ends as the session says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::body::HELD;
use crate::sim::ws::counters::Counters;
use crate::sim::ws::outbox::Out;
use crate::sim::ws::session::Session;
use crate::sim::ws::upgrade::Upgrade;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(5);

/// How long a client may leave what it was sent unread.
const UNREAD: Duration = Duration::from_secs(60);

/// How long a closed connection waits for the client's own close.
const LINGER: Duration = Duration::from_secs(1);

/// The longest message of a client.
const MESSAGE_BYTES: usize = 1 << 20;

type Socket = WebSocketStream<TcpStream>;

/// The outcome of a step.
enum Step {
    On,
    Ended,
    HalfOpen,
}

/// Serves a connection to its end; `early` is what the client sent before it was a socket.
pub(in crate::sim) async fn serve(
    stream: TcpStream,
    early: Bytes,
    upgrade: Upgrade,
    counters: &Counters,
    world: impl Fn() -> Arc<World>,
) {
    let config =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
    let mut socket =
        WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Server, Some(config)).await;
    let Upgrade { exchange, path, protocol } = upgrade;
    let open = Open(Session::open((exchange, protocol), &path, counters, world()), &world);
    open.converse(&mut socket).await;
}

/// A session that counts as closed when it is dropped, however that comes.
struct Open<'a, W: Fn() -> Arc<World>>(Session<'a>, &'a W);

impl<W: Fn() -> Arc<World>> Drop for Open<'_, W> {
    fn drop(&mut self) {
        self.0.closed((self.1)().knobs.clock.now());
    }
}

impl<W: Fn() -> Arc<World>> Open<'_, W> {
    async fn converse(mut self, socket: &mut Socket) {
        loop {
            let world = (self.1)();
            let now = world.knobs.clock.now();
            self.0.turn(world, now);
            match timeout(UNREAD, send(socket, &mut self.0, now)).await {
                Ok(Step::On) => {}
                Ok(Step::HalfOpen) => return sleep(HELD).await,
                Ok(Step::Ended) | Err(_) => return,
            }
            tokio::select! {
                biased;
                message = socket.next() => {
                    // Due frames go out before the response to a message.
                    let world = (self.1)();
                    let now = world.knobs.clock.now();
                    self.0.turn(world, now);
                    match message {
                        Some(Ok(Message::Text(text))) => self.0.text(&text, now),
                        Some(Ok(Message::Ping(_))) => self.0.control(false, now),
                        Some(Ok(Message::Pong(_))) => self.0.control(true, now),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    }
                }
                () = sleep(TICK) => {}
            }
        }
    }
}

/// Sends what is to be sent by now.
async fn send(socket: &mut Socket, session: &mut Session<'_>, now: Micros) -> Step {
    while let Some(out) = session.next(now) {
        let sent = match out {
            Out::Text(text) => match Utf8Bytes::try_from(text) {
                Ok(text) => socket.feed(Message::Text(text)).await,
                // Every frame is made of text.
                Err(_) => return Step::Ended,
            },
            Out::Ping => socket.feed(Message::Ping(Bytes::new())).await,
            Out::Close(reason) => {
                close(socket, reason).await;
                return Step::Ended;
            }
            Out::Reset => {
                let _ = socket.flush().await;
                // A close without lingering is a reset.
                let _ = socket.get_ref().set_zero_linger();
                return Step::Ended;
            }
            Out::HalfOpen => {
                let _ = socket.flush().await;
                return Step::HalfOpen;
            }
        };
        if sent.is_err() {
            return Step::Ended;
        }
    }
    match socket.flush().await {
        Ok(()) => Step::On,
        Err(_) => Step::Ended,
    }
}

/// Closes in good order; what the client still sends is read, or its close would become a reset.
async fn close(socket: &mut Socket, reason: &'static str) {
    let code = if reason.is_empty() { CloseCode::Normal } else { CloseCode::Policy };
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    if socket.close(Some(frame)).await.is_ok() {
        let _ = timeout(LINGER, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    }
}

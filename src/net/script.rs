//! A scripted HTTP server on loopback for tests: sends given bytes, or misbehaves as scripted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The reply to one connection.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends the bytes, then closes the connection.
    Bytes(Vec<u8>),
    /// Sends the bytes, then keeps the connection open.
    Hang(Vec<u8>),
    /// Sends the bytes, then one more every 20 ms.
    Drip(Vec<u8>),
    /// Resets the connection without an answer.
    Reset,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) head: String,
}

pub(crate) struct Script {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _serving: JoinSet<()>,
}

impl Script {
    /// Serves one reply per connection; connections after the last reply are reset.
    pub(crate) async fn serve(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        serving.spawn(run(listener, replies, Arc::clone(&seen)));
        Script { url, seen, _serving: serving }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A complete answer with a correct content-length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn run(listener: TcpListener, replies: Vec<Reply>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut open = Vec::new();
    let mut replies = replies.into_iter();
    while let Ok((mut stream, _)) = listener.accept().await {
        let reply = replies.next().unwrap_or(Reply::Reset);
        let at = Instant::now();
        let head = match reply {
            // Closing with unread bytes makes the kernel send a reset.
            Reply::Reset => stream.read_u8().await.map(|_| String::new()).unwrap_or_default(),
            _ => read_head(&mut stream).await,
        };
        seen.lock().unwrap().push(Seen { at, head });
        match reply {
            Reply::Reset => {}
            Reply::Bytes(bytes) => {
                // The client may hang up early.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
            Reply::Hang(bytes) => {
                let _ = stream.write_all(&bytes).await;
                open.push(stream);
            }
            Reply::Drip(bytes) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

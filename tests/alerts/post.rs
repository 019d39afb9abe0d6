//! Local servers in place of chat services: they keep what is posted to them, and when it came.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One message, as it was posted.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) at: Instant,
    pub(crate) body: String,
}

/// The shape of a message for Slack.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) attachments: Vec<Attachment>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) color: String,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Action {
    pub(crate) text: String,
    pub(crate) url: String,
}

impl Posted {
    /// The one attachment of a message for Slack.
    pub(crate) fn attachment(&self) -> Attachment {
        let mut message: Message =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body));
        assert_eq!(message.attachments.len(), 1, "{}", self.body);
        message.attachments.remove(0)
    }
}

/// A server that accepts every message.
pub(crate) struct PostBox {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Vec<Posted>>>,
    _tasks: JoinSet<()>,
}

impl PostBox {
    pub(crate) async fn open() -> PostBox {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let mut tasks = JoinSet::new();
        let into = Arc::clone(&kept);
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(keep(stream, Arc::clone(&into)));
            }
        });
        PostBox { address, kept, _tasks: tasks }
    }

    /// Every message so far, in the order they came.
    pub(crate) fn messages(&self) -> Vec<Posted> {
        self.kept.lock().unwrap().clone()
    }

    /// An address of its own in this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// Answers `ok` to everything on a connection, as Slack does.
async fn keep(stream: TcpStream, into: Arc<Mutex<Vec<Posted>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.parse().unwrap();
            } else if let Some(asked) = line.split(' ').nth(1).filter(|_| path.is_empty()) {
                path = asked.to_owned();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let body = String::from_utf8(body).unwrap();
        into.lock().unwrap().push(Posted { path, at: Instant::now(), body });
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
            return;
        }
    }
}

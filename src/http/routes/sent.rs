//! A body that a thread writes: a few chunks wait, and a client that takes none for too long gets no more.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Chunks that wait for the client.
const CHUNKS: usize = 4;

type Chunk = io::Result<Bytes>;

/// The end that is written to.
#[derive(Clone)]
pub(super) struct Sender(mpsc::Sender<Chunk>);

/// The end that is sent to the client.
pub(super) struct Receiver(mpsc::Receiver<Chunk>);

/// A body with the work that writes it.
pub(super) struct Sent {
    chunks: mpsc::Receiver<Chunk>,
    _writing: JoinHandle<()>,
}

/// A writer that waits so long for the client and no longer.
pub(super) struct Patient {
    chunks: mpsc::Sender<Chunk>,
    patience: Duration,
}

/// A body and its writer.
pub(super) fn channel() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    (Sender(sender), Receiver(receiver))
}

impl Sender {
    /// A writer, for a thread that may wait.
    pub(super) fn patient(&self, patience: Duration) -> Patient {
        Patient { chunks: self.0.clone(), patience }
    }

    /// Breaks the answer off, so that no client takes it for whole.
    pub(super) fn fail(&self) {
        let broken = Err(io::Error::other("the answer cannot go on"));
        // A client that is gone needs no word; one that waits takes what is in the channel first.
        let _ = self.0.blocking_send(broken);
    }
}

impl Receiver {
    /// The body, which some work writes.
    pub(super) fn fed_by(self, writing: JoinHandle<()>) -> Sent {
        Sent { chunks: self.0, _writing: writing }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sending = self.chunks.send(Ok(Bytes::copy_from_slice(bytes)));
        let sent = Handle::current().block_on(async { tokio::time::timeout(self.patience, sending).await });
        match sent {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => {
                let _ = self.chunks.try_send(Err(io::ErrorKind::TimedOut.into()));
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let chunk = ready!(self.chunks.poll_recv(cx));
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

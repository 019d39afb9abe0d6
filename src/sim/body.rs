//! The body of an answer, complete or deliberately broken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The longest that an unfinished answer is held open.
pub(super) const HELD: Duration = Duration::from_secs(600);

/// The size of the pieces of a slow body.
const DRIP_BYTES: usize = 16;

/// The filler of a huge body.
static FILLER: [u8; 65_536] = [b' '; 65_536];

/// The amount of filler that one part of a bomb unpacks to.
const BOMB_PART_BYTES: usize = 1 << 20;

/// The head of a gzip body without a name or a time.
static GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A body and how it is sent.
pub(super) enum ReplyBody {
    /// At once.
    Whole(Bytes),
    /// These bytes, then the connection is closed.
    Torn { half: Bytes, sent: bool },
    /// A few bytes at a time, with pauses.
    Drip { rest: Bytes, every: Duration, pause: Pin<Box<Sleep>> },
    /// A head, then the same part repeatedly.
    Flood { head: Bytes, part: Bytes, times: u64 },
    /// Nothing.
    Hang(Pin<Box<Sleep>>),
}

impl ReplyBody {
    pub(super) fn drip(rest: Bytes, every: Duration) -> Self {
        ReplyBody::Drip { rest, every, pause: Box::pin(sleep(every)) }
    }

    /// A body of at least this many bytes.
    pub(super) fn huge(bytes: u64) -> Self {
        let part = Bytes::from_static(&FILLER);
        ReplyBody::Flood { head: Bytes::new(), times: bytes.div_ceil(part.len() as u64), part }
    }

    /// A gzip body that unpacks to at least this many bytes. It has no end mark: a client that gets there has
    /// read it all.
    pub(super) fn bomb(bytes: u64) -> Self {
        let mut part = Vec::with_capacity(BOMB_PART_BYTES / 64);
        // A synchronized part does not refer to anything before it, so it can be repeated. There is room
        // for all of it, and compressing in memory cannot fail.
        let _ = Compress::new(Compression::best(), false).compress_vec(
            &[b' '; BOMB_PART_BYTES],
            &mut part,
            FlushCompress::Sync,
        );
        ReplyBody::Flood {
            head: Bytes::from_static(&GZIP_HEAD),
            part: Bytes::from(part),
            times: bytes.div_ceil(BOMB_PART_BYTES as u64),
        }
    }

    pub(super) fn hang() -> Self {
        ReplyBody::Hang(Box::pin(sleep(HELD)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let data = |bytes: Bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match &mut *self {
            ReplyBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Whole(bytes) => data(std::mem::take(bytes)),
            ReplyBody::Torn { half, .. } if !half.is_empty() => data(std::mem::take(half)),
            // The half is flushed while the body is pending, so that it arrives before the connection
            // is closed.
            ReplyBody::Torn { sent: sent @ false, .. } => {
                *sent = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            ReplyBody::Torn { .. } => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            ReplyBody::Drip { rest, .. } if rest.is_empty() => Poll::Ready(None),
            ReplyBody::Drip { rest, every, pause } => {
                std::task::ready!(pause.as_mut().poll(context));
                pause.set(sleep(*every));
                data(rest.split_to(rest.len().min(DRIP_BYTES)))
            }
            ReplyBody::Flood { head, .. } if !head.is_empty() => data(std::mem::take(head)),
            ReplyBody::Flood { times: 0, .. } => Poll::Ready(None),
            ReplyBody::Flood { part, times, .. } => {
                *times -= 1;
                data(part.clone())
            }
            ReplyBody::Hang(held) => {
                std::task::ready!(held.as_mut().poll(context));
                Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Drip { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            ReplyBody::Torn { .. } | ReplyBody::Flood { .. } | ReplyBody::Hang(_) => SizeHint::default(),
        }
    }
}

//! The body of an answer, whole or broken on purpose.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long an answer that never ends is held open at most.
pub(super) const HELD: Duration = Duration::from_secs(600);

/// How many bytes of a slow body come at once.
const DRIP_BYTES: usize = 16;

/// What a huge body is made of.
static FILLER: [u8; 65_536] = [b' '; 65_536];

/// A body in one of the ways it is sent.
pub(super) enum ReplyBody {
    /// At once.
    Whole(Bytes),
    /// These bytes, then the connection breaks.
    Torn { half: Bytes, sent: bool },
    /// A few bytes, a pause, a few bytes.
    Drip { rest: Bytes, every: Duration, pause: Pin<Box<Sleep>> },
    /// So many bytes of filler.
    Flood { left_bytes: u64 },
    /// Nothing.
    Hang(Pin<Box<Sleep>>),
}

impl ReplyBody {
    pub(super) fn drip(rest: Bytes, every: Duration) -> Self {
        ReplyBody::Drip { rest, every, pause: Box::pin(sleep(every)) }
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
            // The half is flushed while the body is pending, so that it arrives before the break.
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
            ReplyBody::Flood { left_bytes: 0 } => Poll::Ready(None),
            ReplyBody::Flood { left_bytes } => {
                let size = FILLER.len().min(usize::try_from(*left_bytes).unwrap_or(usize::MAX));
                *left_bytes -= size as u64;
                data(Bytes::from_static(&FILLER[..size]))
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

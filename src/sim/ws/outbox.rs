//! The outgoing queue of a connection, and the faults that change its order.

use std::collections::VecDeque;

use crate::model::Micros;

/// One thing to do with the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    Text(Vec<u8>),
    Ping,
    /// Close in good order, for a reason.
    Close(&'static str),
    Reset,
    /// Neither read nor send any more.
    HalfOpen,
}

/// The outgoing queue.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Out>,
    /// A frame that goes out after the next one.
    late: Option<Vec<u8>>,
    /// Nothing goes out before this instant.
    held_until: Option<Micros>,
}

impl Outbox {
    pub(super) fn push(&mut self, out: Out) {
        self.queue.push_back(out);
    }

    /// A frame of rows, and the one that waited for it.
    pub(super) fn frame(&mut self, frame: Vec<u8>) {
        self.push(Out::Text(frame));
        if let Some(late) = self.late.take() {
            self.push(Out::Text(late));
        }
    }

    /// Frames of rows in their order.
    pub(super) fn frames(&mut self, frames: Vec<Vec<u8>>) {
        frames.into_iter().for_each(|frame| self.frame(frame));
    }

    /// Frames of which the last waits for the next one, unless one waits already.
    pub(super) fn swap(&mut self, mut frames: Vec<Vec<u8>>) {
        let last = frames.pop();
        self.frames(frames);
        match last {
            Some(last) if self.late.is_none() => self.late = Some(last),
            last => self.frames(Vec::from_iter(last)),
        }
    }

    /// Holds everything back until an instant.
    pub(super) fn hold(&mut self, until: Micros) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// The next thing to do now.
    pub(super) fn next(&mut self, now: Micros) -> Option<Out> {
        if self.held_until.is_some_and(|until| now < until) {
            return None;
        }
        self.held_until = None;
        self.queue.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_frames_change_places_and_no_third() {
        let mut outbox = Outbox::default();
        outbox.swap(vec![b"a".to_vec()]);
        assert_eq!(outbox.next(Micros(0)), None);
        outbox.swap(vec![b"b".to_vec()]);
        outbox.frame(b"c".to_vec());
        let sent: Vec<_> = std::iter::from_fn(|| outbox.next(Micros(0))).collect();
        assert_eq!(sent, [b"b", b"a", b"c"].map(|text| Out::Text(text.to_vec())));
    }

    #[test]
    fn what_is_held_comes_at_once_when_the_time_is_over() {
        let mut outbox = Outbox::default();
        outbox.hold(Micros(10));
        outbox.frame(b"a".to_vec());
        outbox.push(Out::Ping);
        assert_eq!(outbox.next(Micros(9)), None);
        let sent: Vec<_> = std::iter::from_fn(|| outbox.next(Micros(10))).collect();
        assert_eq!(sent, [Out::Text(b"a".to_vec()), Out::Ping]);
    }
}

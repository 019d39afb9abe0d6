//! Writes lines to stderr in a separate thread: a stuck reader costs lines, but never stops collecting.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use prometheus::IntGauge;

/// Lines that may be queued for stderr.
pub(super) const QUEUE_LINES: usize = 4_096;

/// How long the last lines may take when logging ends.
const DRAIN: Duration = Duration::from_millis(500);

/// The sending end of the queue.
pub(super) struct Stderr {
    lines: SyncSender<Message>,
    waiting: IntGauge,
}

enum Message {
    Line(String),
    /// Logging ends.
    End,
}

/// Waits for queued lines when dropped.
pub(super) struct WriteGuard {
    end: SyncSender<Message>,
    ended: Receiver<()>,
}

/// Starts the thread; `waiting` is the gauge of queued lines.
pub(super) fn open(waiting: IntGauge) -> io::Result<(Stderr, WriteGuard)> {
    let (send, receive) = sync_channel(QUEUE_LINES);
    let (done, ended) = sync_channel(1);
    let waits = waiting.clone();
    std::thread::Builder::new().name("log-stderr".to_owned()).spawn(move || {
        write_all(&receive, io::stderr(), &waits);
        // The reader may be gone.
        let _ = done.try_send(());
    })?;
    Ok((Stderr { lines: send.clone(), waiting }, WriteGuard { end: send, ended }))
}

impl Stderr {
    /// Queues a line; returns false if the queue is full.
    pub(super) fn send(&self, line: String) -> bool {
        // Counted first: the thread may write it before the next line here runs.
        self.waiting.inc();
        let is_taken = self.lines.try_send(Message::Line(line)).is_ok();
        if !is_taken {
            self.waiting.dec();
        }
        is_taken
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        // A full queue means a stuck reader: the thread is abandoned then.
        if self.end.try_send(Message::End).is_ok()
            && self.ended.recv_timeout(DRAIN) == Err(RecvTimeoutError::Timeout)
        {
            tracing::debug!("stderr did not take the last lines");
        }
    }
}

/// Writes until logging ends. If stderr is closed, lines are discarded.
fn write_all(lines: &Receiver<Message>, mut to: impl Write, waiting: &IntGauge) {
    while let Ok(Message::Line(line)) = lines.recv() {
        let _ = to.write_all(line.as_bytes());
        waiting.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_lines_instead_of_waiting() {
        let (send, receive) = sync_channel(1);
        let waiting = IntGauge::new("waiting", "Lines.").unwrap();
        let stderr = Stderr { lines: send, waiting: waiting.clone() };

        assert!(stderr.send("one\n".to_owned()));
        assert!(!stderr.send("two\n".to_owned()));
        assert_eq!(waiting.get(), 1);

        drop(stderr);
        let mut written = Vec::new();
        write_all(&receive, &mut written, &waiting);
        assert_eq!(written, b"one\n");
        assert_eq!(waiting.get(), 0);
    }
}

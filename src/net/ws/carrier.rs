//! The task of one open socket, as the connection that owns it sees it.

use tokio::sync::mpsc;
use tokio::task;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::exchange::live::Line;
use crate::net::limit::jitter;
use crate::net::ws::ended::Ended;
use crate::net::ws::takeover::{Order, Progress};

/// The shares of an announced lifetime between which a connection is replaced, drawn for each, so that many that began
/// together do not end together.
const REPLACED: (f64, f64) = (0.85, 0.95);

/// How many orders may wait for a socket.
pub(super) const ORDERS: usize = 64;

/// A socket's task.
pub(super) struct Carrier {
    pub(super) task: task::Id,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) signals: Signals,
    /// When it is replaced, where its lifetime is announced.
    replaced_at: Option<Instant>,
}

/// The signals that a socket's task gives.
#[derive(Clone, Default)]
pub(super) struct Signals {
    pub(super) progress: Progress,
    /// The exchange gave notice.
    pub(super) notice: CancellationToken,
    /// As one that is to take over, it has all that it needs for that.
    pub(super) ready: CancellationToken,
}

impl Carrier {
    pub(super) fn new(task: task::Id, orders: mpsc::Sender<Order>, signals: Signals, line: &Line) -> Self {
        let (least, most) = REPLACED;
        let share = least + (most - least) * jitter();
        let replaced_at = line.lifetime.map(|lifetime| Instant::now() + lifetime.mul_f64(share));
        Carrier { task, orders, signals, replaced_at }
    }

    /// Waits until another has to take over.
    pub(super) async fn is_due(&self) {
        let aged = async {
            match self.replaced_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.signals.notice.cancelled() => {}
            () = aged => {}
        }
    }

    /// Why it is replaced.
    pub(super) fn cause(&self) -> Ended {
        if self.signals.notice.is_cancelled() { Ended::Notice } else { Ended::Lifetime }
    }

    /// Gives an order, waiting while it has many; one that has ended needs none.
    pub(super) async fn order(&self, order: Order) {
        let _ = self.orders.send(order).await;
    }
}

//! Why a connection ended.

use thiserror::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::exchange::live::BrokenReason;
use crate::model::foreign;

/// Why a connection ended.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Ended {
    /// We are stopping.
    #[error("stopped")]
    Stopped,
    /// It was given up, or has no topic any more.
    #[error("given up")]
    GivenUp,
    /// It was given up before its announced lifetime ended, for another that carries its topics.
    #[error("its announced lifetime was nearly over")]
    Lifetime,
    /// The exchange gave notice that it will end it, and another carries its topics.
    #[error("the exchange gave notice of its end")]
    Notice,
    /// The exchange closed it in good order.
    #[error("closed by the exchange, code {code}{}", said(words))]
    Closed {
        /// The code of its close.
        code: u16,
        /// Its words.
        words: String,
    },
    /// It broke.
    #[error("broken ({reason})")]
    Reset {
        /// The cause.
        reason: String,
    },
    /// Nothing came after a ping, or nothing could be sent.
    #[error("silent: nothing came within the time limit of a ping")]
    Silent,
    /// A message was longer than the line allows.
    #[error("a message was longer than the line allows ({reason})")]
    TooLong {
        /// The sizes.
        reason: String,
    },
    /// The exchange did not keep to the protocol.
    #[error("not WebSocket any more ({reason})")]
    Protocol {
        /// The fault.
        reason: String,
    },
    /// The conversation has no use for it any more.
    #[error("of no use any more ({})", reason.name())]
    Broken {
        /// The reason.
        reason: BrokenReason,
    },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl Ended {
    /// Its word in labels.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Ended::Stopped => "stopped",
            Ended::GivenUp => "given_up",
            Ended::Lifetime => "lifetime",
            Ended::Notice => "notice",
            Ended::Closed { .. } => "closed",
            Ended::Reset { .. } => "reset",
            Ended::Silent => "silent",
            Ended::TooLong { .. } => "too_long",
            Ended::Protocol { .. } => "protocol",
            Ended::Broken { reason } => reason.name(),
        }
    }

    /// Whether the socket is still open, and ours to close in good order.
    pub(super) fn is_ours(&self) -> bool {
        matches!(
            self,
            Ended::Stopped | Ended::GivenUp | Ended::Lifetime | Ended::Notice | Ended::Broken { .. }
        )
    }

    /// By a close frame.
    pub(super) fn by_close(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Ended::Closed { code: frame.code.into(), words: foreign(&frame.reason) },
            None => Ended::Closed { code: 1005, words: String::new() },
        }
    }

    /// By an error of the socket.
    pub(super) fn by_error(error: tokio_tungstenite::tungstenite::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error;
        let reason = foreign(&error.to_string());
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => Ended::by_close(None),
            Error::Io(_) | Error::Tls(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Ended::Reset { reason }
            }
            Error::Capacity(_) => Ended::TooLong { reason },
            _ => Ended::Protocol { reason },
        }
    }
}

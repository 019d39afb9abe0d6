//! The ways a simulated WebSocket connection misbehaves, and when.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::sim::rule::Rate;

/// One way to misbehave over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WsFault {
    /// The connection is closed in good order.
    Cut,
    /// The connection is reset.
    Reset,
    /// The socket stays open and every topic on it is silent until it is subscribed anew.
    Stall,
    /// Nothing is read or sent any more, and nothing is closed.
    HalfOpen,
    /// A frame of trades or of a book is left out.
    Hole,
    /// A frame is sent after the one that follows it.
    Swap,
    /// A frame is sent twice.
    Double,
    /// A subscription is refused.
    Refuse,
    /// The exchange's notice that it will close the connection, which it then does.
    Notice,
    /// Nothing is sent for some seconds, then everything at once.
    Burst,
    /// The checksum of a book is wrong.
    BadSum,
    /// The update of a book has a bid above the asks.
    Crossed,
}

/// The frame that a fault may strike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Struck {
    pub(super) is_trade: bool,
    pub(super) is_book: bool,
    /// Whether its exchange tells before it closes a connection.
    pub(super) has_notice: bool,
    /// Whether its exchange sends checksums of books.
    pub(super) has_sums: bool,
}

impl WsFault {
    /// Every fault with its word on the command line.
    pub const ALL: [(WsFault, &'static str); 12] = [
        (WsFault::Cut, "cut"),
        (WsFault::Reset, "reset"),
        (WsFault::Stall, "stall"),
        (WsFault::HalfOpen, "half-open"),
        (WsFault::Hole, "hole"),
        (WsFault::Swap, "swap"),
        (WsFault::Double, "double"),
        (WsFault::Refuse, "refuse"),
        (WsFault::Notice, "notice"),
        (WsFault::Burst, "burst"),
        (WsFault::BadSum, "bad-sum"),
        (WsFault::Crossed, "crossed"),
    ];

    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        WsFault::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, name)| name)
    }

    /// Whether it can strike a frame.
    pub(super) fn fits_frame(self, frame: Struck) -> bool {
        let Struck { is_trade, is_book, has_notice, has_sums } = frame;
        match self {
            WsFault::Refuse => false,
            WsFault::Hole => is_trade || is_book,
            WsFault::Crossed => is_book,
            WsFault::BadSum => is_book && has_sums,
            WsFault::Notice => has_notice,
            _ => true,
        }
    }
}

impl fmt::Display for WsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault and how often it strikes; written `KIND=RATE`, such as `hole=2%`, `cut=1/500` or `refuse=#3`.
///
/// Subscriptions are counted for `refuse`, frames of trades and books for `hole`, and all frames with rows for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WsRule {
    /// The fault.
    pub fault: WsFault,
    /// How often.
    pub rate: Rate,
}

impl FromStr for WsRule {
    type Err = WsRuleError;

    fn from_str(text: &str) -> Result<Self, WsRuleError> {
        let read = || {
            let (fault, rate) = text.split_once('=')?;
            let (fault, _) = WsFault::ALL.into_iter().find(|(_, name)| *name == fault)?;
            Some(WsRule { fault, rate: Rate::parse(rate)? })
        };
        read().ok_or_else(|| WsRuleError { text: text.to_owned() })
    }
}

/// Why a rule was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` is no fault of a socket; write KIND=RATE, such as hole=2%, cut=1/500 or refuse=#3; kinds are {}",
    WsFault::ALL.map(|(_, name)| name).join(", ")
)]
pub struct WsRuleError {
    /// The value given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_documented() {
        let read = |text: &str| text.parse::<WsRule>();
        assert_eq!(read("hole=2%"), Ok(WsRule { fault: WsFault::Hole, rate: Rate::PerMillion(20_000) }));
        assert_eq!(read("half-open=1/7"), Ok(WsRule { fault: WsFault::HalfOpen, rate: Rate::EveryNth(7) }));
        assert_eq!(read("refuse=#3"), Ok(WsRule { fault: WsFault::Refuse, rate: Rate::Nth(3) }));
        for wrong in ["hole", "teapot=1%", "cut@trades=1%", "cut=101%", "cut=1/0"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("half-open"), "{error}");
        }
    }
}

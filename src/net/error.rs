//! Why a request yielded nothing to parse, by what the caller does next.

use std::time::Duration;

use thiserror::Error;

use crate::exchange::{ParseError, Refusal, RefusalKind};
use crate::model::{Micros, foreign};
use crate::telemetry::Reason;

/// Why a request failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NetError {
    /// The program is stopping.
    #[error("stopped before the answer was there")]
    Stopped,
    /// Too many requests; nothing is sent until `wait` is over.
    #[error(
        "{exchange} is rate limiting us for {}s; lower `exchanges.{exchange}.requests_per_second` if this repeats",
        whole_secs(*wait)
    )]
    RateLimited {
        /// The exchange.
        exchange: &'static str,
        /// How long nothing is sent.
        wait: Duration,
    },
    /// The exchange has banned this address for a while.
    #[error(
        "{exchange} has banned this address until {until}; nothing is sent before, lower \
         `exchanges.{exchange}.requests_per_second` if this repeats"
    )]
    Banned {
        /// The exchange.
        exchange: &'static str,
        /// How long nothing is sent.
        wait: Duration,
        /// When the ban ends, by the exchange's clock, to the second.
        until: Micros,
    },
    /// The exchange does not serve this address.
    #[error("{exchange} refuses requests from this address (HTTP {status}); {advice}")]
    GeoBlocked {
        /// The exchange.
        exchange: &'static str,
        /// 403 or 451.
        status: u16,
        /// The workaround that the exchange documents.
        advice: &'static str,
    },
    /// The exchange reports an error of its own.
    #[error("{exchange} refused the request: {refusal}, HTTP {status}")]
    Refused {
        /// The exchange.
        exchange: &'static str,
        /// The error it reports.
        refusal: Refusal,
        /// The HTTP status.
        status: u16,
    },
    /// A server error.
    #[error("{exchange} has trouble of its own (HTTP {status}); it is asked again later")]
    Server {
        /// The exchange.
        exchange: &'static str,
        /// 500 or above.
        status: u16,
        /// How long it asks to wait, if it does.
        wait: Option<Duration>,
    },
    /// A success other than 200, such as 206: part of an answer, or none.
    #[error(
        "{exchange} answered HTTP {status}, which is no whole answer; nothing of it is used, and it is asked again"
    )]
    NotWhole {
        /// The exchange.
        exchange: &'static str,
        /// From 201 on.
        status: u16,
    },
    /// An error status without an explanation.
    #[error("{exchange} answered HTTP {status} without saying why; check `exchanges.{exchange}.rest_url`")]
    Status {
        /// The exchange.
        exchange: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The answer took too long.
    #[error("{exchange} did not answer in time; raise `exchanges.{exchange}.timeout` if this repeats")]
    Timeout {
        /// The exchange.
        exchange: &'static str,
    },
    /// The connection failed.
    #[error(
        "cannot connect to {exchange} ({reason}); check the network, HTTPS_PROXY and `exchanges.{exchange}.rest_url`"
    )]
    Connect {
        /// The exchange.
        exchange: &'static str,
        /// The innermost cause.
        reason: String,
    },
    /// The connection broke before the answer was complete; no part of it is used.
    #[error("the connection to {exchange} broke before its answer was whole ({reason})")]
    Broken {
        /// The exchange.
        exchange: &'static str,
        /// The innermost cause.
        reason: String,
        /// Whether the head of an answer had arrived.
        answered: bool,
    },
    /// The answer is larger than any that is expected.
    #[error("an answer of {exchange} is larger than {} MiB and was thrown away; this is not its usual service", limit >> 20)]
    TooLarge {
        /// The exchange.
        exchange: &'static str,
        /// The limit on decoded bytes.
        limit: usize,
    },
    /// The exchange redirects to another host.
    #[error(
        "{exchange} redirects to {to}, which is not followed; set `exchanges.{exchange}.rest_url` if it moved"
    )]
    Redirected {
        /// The exchange.
        exchange: &'static str,
        /// The host it redirects to.
        to: String,
    },
    /// The answer to a request of the client itself, such as for the clock, is not as documented.
    #[error("{exchange}, {endpoint}: {source}")]
    Unreadable {
        /// The exchange.
        exchange: &'static str,
        /// The purpose of the request.
        endpoint: &'static str,
        /// The fault.
        source: ParseError,
    },
    /// The client cannot be built, or used, with these settings.
    #[error("cannot make requests to {exchange}: {reason}; correct `exchanges.{exchange}.rest_url`")]
    Unusable {
        /// The exchange.
        exchange: &'static str,
        /// The fault.
        reason: String,
    },
}

/// The caller's next step after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Retry after the usual back-off.
    Retry,
    /// Retry, but not before this long.
    Wait(Duration),
    /// Retrying does not help.
    GiveUp,
    /// The program is stopping.
    Stop,
}

impl NetError {
    /// Whether to retry, wait or give up.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            NetError::Stopped => Advice::Stop,
            NetError::RateLimited { wait, .. }
            | NetError::Banned { wait, .. }
            | NetError::Server { wait: Some(wait), .. } => Advice::Wait(*wait),
            NetError::Refused { refusal, .. } => match refusal.kind {
                RefusalKind::Temporary | RefusalKind::RateLimit => Advice::Retry,
                RefusalKind::UnknownSymbol | RefusalKind::Permanent => Advice::GiveUp,
            },
            // Request time-out and too early: the two 4xx that concern the moment, not the request.
            NetError::Status { status: 408 | 425, .. }
            | NetError::NotWhole { .. }
            | NetError::Server { wait: None, .. }
            | NetError::Timeout { .. }
            | NetError::Connect { .. }
            | NetError::Broken { .. }
            | NetError::Unreadable { .. } => Advice::Retry,
            NetError::GeoBlocked { .. }
            | NetError::Status { .. }
            | NetError::TooLarge { .. }
            | NetError::Redirected { .. }
            | NetError::Unusable { .. } => Advice::GiveUp,
        }
    }

    /// Whether it means that the exchange does not serve this address now, rather than that one request was
    /// wrong.
    #[must_use]
    pub fn speaks_of_the_exchange(&self) -> bool {
        match self {
            // A rate limit is an answer: the exchange does serve us.
            NetError::Stopped
            | NetError::RateLimited { .. }
            | NetError::Unusable { .. }
            | NetError::Status { .. }
            | NetError::TooLarge { .. } => false,
            NetError::Refused { refusal, .. } => refusal.kind == RefusalKind::Temporary,
            NetError::Banned { .. }
            | NetError::GeoBlocked { .. }
            | NetError::NotWhole { .. }
            | NetError::Server { .. }
            | NetError::Timeout { .. }
            | NetError::Connect { .. }
            | NetError::Broken { .. }
            | NetError::Redirected { .. }
            | NetError::Unreadable { .. } => true,
        }
    }

    /// The reason it counts under in metrics.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            NetError::Stopped => Reason::Cancelled,
            NetError::RateLimited { .. } | NetError::Banned { .. } => Reason::RateLimited,
            NetError::Refused { .. } => Reason::Refused,
            NetError::GeoBlocked { status, .. } | NetError::Status { status, .. } => match status {
                400..500 => Reason::Http4xx,
                _ => Reason::Other,
            },
            NetError::Server { .. } => Reason::Http5xx,
            NetError::Timeout { .. } => Reason::Timeout,
            NetError::Connect { .. } | NetError::Broken { .. } => Reason::Connect,
            NetError::NotWhole { .. } | NetError::Unreadable { .. } => Reason::Parse,
            NetError::TooLarge { .. } | NetError::Redirected { .. } | NetError::Unusable { .. } => {
                Reason::Other
            }
        }
    }
}

/// Seconds for display, rounded up.
fn whole_secs(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The innermost cause of an error, which is the most specific.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    foreign(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_rate_limit_names_the_setting_to_lower() {
        let error = NetError::RateLimited { exchange: "binance", wait: Duration::from_millis(6_200) };

        assert_eq!(
            error.to_string(),
            "binance is rate limiting us for 7s; lower `exchanges.binance.requests_per_second` if this repeats"
        );
    }

    #[test]
    fn a_limit_and_a_ban_are_two_things() {
        let wait = Duration::from_secs(120);
        let limited = NetError::RateLimited { exchange: "binance", wait };
        let banned = NetError::Banned { exchange: "binance", wait, until: Micros::from_secs(1_700_000_000) };

        assert!(!limited.to_string().contains("banned") && !limited.speaks_of_the_exchange());
        assert!(
            banned.to_string().contains("has banned this address until 2023-11-14T22:13:20Z"),
            "{banned}"
        );
        assert!(banned.speaks_of_the_exchange());
        assert_eq!((limited.advice(), banned.advice()), (Advice::Wait(wait), Advice::Wait(wait)));
    }

    #[test]
    fn only_what_may_pass_by_itself_is_worth_another_try() {
        let refused = |kind| NetError::Refused {
            exchange: "binance",
            refusal: Refusal { kind, code: "1".to_owned(), message: "no".to_owned() },
            status: 400,
        };
        let status = |status| NetError::Status { exchange: "binance", status };

        assert_eq!(refused(RefusalKind::Temporary).advice(), Advice::Retry);
        assert_eq!(refused(RefusalKind::UnknownSymbol).advice(), Advice::GiveUp);
        assert_eq!(refused(RefusalKind::Permanent).advice(), Advice::GiveUp);
        assert_eq!(status(404).advice(), Advice::GiveUp);
        assert_eq!(status(408).advice(), Advice::Retry);
        assert_eq!(NetError::Stopped.advice(), Advice::Stop);
    }
}

//! Levels of access, the ways a request comes, and why one is refused.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;

use crate::telemetry::Refusal;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: probes must work when nothing else does.
    Open,
    /// May read.
    Reader,
    /// May change things.
    Admin,
}

/// The way a request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) enum Via {
    /// The unix socket.
    Socket,
    /// An address that only this machine reaches.
    Loopback,
    /// Any other address.
    #[default]
    Network,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::http) struct Caller {
    /// The address of the other end, where it has one.
    pub(in crate::http) peer: Option<IpAddr>,
    /// The way it came.
    pub(in crate::http) via: Via,
}

/// Why a request is not answered.
#[derive(Debug)]
pub(in crate::http) struct Refused {
    pub(in crate::http) reason: Refusal,
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) what: &'static str,
    /// When it may be tried again.
    pub(in crate::http) wait: Option<Duration>,
}

//! Access levels, transports, and the reasons for a refusal.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;

use crate::telemetry::Refusal;

/// The access level of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For everyone: probes must work when nothing else does, and signing in comes before everything else.
    Open,
    /// May read.
    Reader,
    /// May change things.
    Admin,
}

/// The transport of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) enum Via {
    /// The unix socket.
    Socket,
    /// A loopback address.
    Loopback,
    /// Any other address.
    #[default]
    Network,
}

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::http) struct Caller {
    /// The peer's address, if it has one.
    pub(in crate::http) peer: Option<IpAddr>,
    pub(in crate::http) via: Via,
}

/// The rights of a visitor of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) enum Visitor {
    /// Everything, without signing in: the request came over the socket or carries the token.
    Admitted,
    /// Everything, having signed in.
    SignedIn,
    /// Nothing before signing in.
    SignedOut,
    /// Nothing before signing in again: the session of the cookie has ended.
    Expired,
    /// Nothing: there is no token to sign in with.
    #[default]
    ReadOnly,
}

/// Why a request is refused.
#[derive(Debug)]
pub(in crate::http) struct Refused {
    pub(in crate::http) reason: Refusal,
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) what: &'static str,
    /// When to try again.
    pub(in crate::http) wait: Option<Duration>,
}

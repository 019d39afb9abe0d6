//! A line: one WebSocket address of an exchange and what it bears, as data.

use std::time::Duration;

use crate::model::Market;

/// One WebSocket address, its limits and the markets it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name, one of its own among the lines of its exchange: a label of metrics.
    pub name: &'static str,
    /// Scheme, host and port, without a trailing slash.
    pub host: &'static str,
    /// Path and query, from the first slash.
    pub path: &'static str,
    /// The markets it serves.
    pub markets: &'static [Market],
    /// Its limits.
    pub limits: LineLimits,
    /// When a connection ends at the latest, where the exchange announces it.
    pub lifetime: Option<Duration>,
    /// The protocol pings that the driver sends.
    pub ping: Ping,
}

impl Line {
    /// The address to connect to; `host` stands in for the exchange's own, the path stays.
    #[must_use]
    pub fn url(&self, host: Option<&str>) -> String {
        let host = host.unwrap_or(self.host).trim_end_matches('/');
        format!("{host}{}", self.path)
    }
}

/// The limits of a line, past which the exchange refuses, disconnects or bans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLimits {
    /// Topics of one connection.
    pub topics: usize,
    /// Whether a connection carries candles of one span only for each symbol.
    pub one_span_a_symbol: bool,
    /// Topics that one message may ask for.
    pub topics_per_message: usize,
    /// Messages that a client may send over one connection.
    pub messages: Rate,
    /// Those of them that ask for topics or ask for them no more, where these have a limit of their own.
    pub asks: Option<Rate>,
    /// Whether ping and pong frames of the client are counted among its messages.
    pub counts_control_frames: bool,
    /// Connections that may be attempted to the host from one address.
    pub connects: Rate,
    /// The longest message that is read; a longer one ends the connection.
    pub message_bytes: usize,
    /// The longest frame that is read.
    pub frame_bytes: usize,
    /// How soon after connecting something has to be asked for.
    pub ask_within: Option<Duration>,
}

impl LineLimits {
    /// The common case, to be overridden by struct update.
    pub const USUAL: LineLimits = LineLimits {
        topics: 1_024,
        one_span_a_symbol: false,
        topics_per_message: 100,
        messages: Rate::new(5, 1),
        asks: None,
        counts_control_frames: false,
        connects: Rate::new(1, 5),
        message_bytes: 4 << 20,
        frame_bytes: 4 << 20,
        ask_within: None,
    };
}

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// So many in so many seconds.
    #[must_use]
    pub const fn new(count: u32, secs: u64) -> Self {
        Rate { count, per: Duration::from_secs(secs) }
    }
}

/// Protocol pings of the client, which find a peer that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// How often one is sent.
    pub every: Duration,
    /// Within which time anything has to be received after it; else the connection is dead.
    pub within: Duration,
}

impl Ping {
    /// Every fifteen seconds, with ten to answer.
    pub const USUAL: Ping = Ping { every: Duration::from_secs(15), within: Duration::from_secs(10) };
}

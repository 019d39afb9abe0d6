//! The faults of a simulated exchange, and its endpoints.

use std::fmt;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Too many requests, with the Retry-After of the knobs.
    Status429,
    /// Banned, with the Retry-After of the knobs.
    Status418,
    /// Refused by a firewall, with a web page.
    Status403,
    /// Refused because of the client's location.
    Status451,
    /// An internal error.
    Status500,
    /// Overloaded, with a web page.
    Status503,
    /// A redirect to another host.
    Redirect,
    /// A web page with status 200.
    Html,
    /// An error object with status 200.
    ErrorBody,
    /// Half of the body that Content-Length announces, then the connection closes.
    Truncated,
    /// The connection is reset before an answer.
    Reset,
    /// Only the first half of the rows, although more exist.
    Short,
    /// Only the second half of them.
    SecondHalf,
    /// The first row left out.
    NoFirst,
    /// A row in the middle left out.
    NoMiddle,
    /// The last row left out.
    NoLast,
    /// Some rows in the middle left out, although they exist.
    Holed,
    /// No rows, although some exist.
    Empty,
    /// The rows in another order.
    Shuffled,
    /// The rows from the last to the first.
    Reversed,
    /// Some rows twice.
    Doubled,
    /// The very first rows in the exchange's order, whatever was requested: a walk that does not advance.
    Stuck,
    /// The oldest rows, whatever was requested.
    Oldest,
    /// The newest rows, whatever was requested.
    Newest,
    /// The rows at the other end of the window: ignores which end was requested.
    OtherEnd,
    /// The same number of rows, right before those requested.
    Earlier,
    /// The same number of rows, right after those requested.
    Later,
    /// One field of one row has another type or unit.
    WrongType,
    /// An impossible row: a high below the low, a negative price, `NaN`, `1e400`.
    Impossible,
    /// One trade is dated a day later.
    Ahead,
    /// One trade is dated a day earlier.
    Back,
    /// A book as it was some seconds ago.
    StaleSnapshot,
    /// A huge body, of the size in the knobs.
    Huge,
    /// A small gzip body that unpacks to the size in the knobs.
    Bomb,
    /// A body that drips a few bytes at a time.
    Slow,
    /// Headers, then nothing.
    Hang,
    /// Nothing at all.
    Silent,
}

impl Fault {
    /// Every fault with its name on the command line.
    pub const ALL: [(Fault, &'static str); 37] = [
        (Fault::Status429, "429"),
        (Fault::Status418, "418"),
        (Fault::Status403, "403"),
        (Fault::Status451, "451"),
        (Fault::Status500, "500"),
        (Fault::Status503, "503"),
        (Fault::Redirect, "redirect"),
        (Fault::Html, "html"),
        (Fault::ErrorBody, "error-body"),
        (Fault::Truncated, "truncated"),
        (Fault::Reset, "reset"),
        (Fault::Short, "short"),
        (Fault::SecondHalf, "second-half"),
        (Fault::NoFirst, "no-first"),
        (Fault::NoMiddle, "no-middle"),
        (Fault::NoLast, "no-last"),
        (Fault::Holed, "holed"),
        (Fault::Empty, "empty"),
        (Fault::Shuffled, "shuffled"),
        (Fault::Reversed, "reversed"),
        (Fault::Doubled, "doubled"),
        (Fault::Stuck, "stuck"),
        (Fault::Oldest, "oldest"),
        (Fault::Newest, "newest"),
        (Fault::OtherEnd, "other-end"),
        (Fault::Earlier, "earlier"),
        (Fault::Later, "later"),
        (Fault::WrongType, "wrong-type"),
        (Fault::Impossible, "impossible"),
        (Fault::Ahead, "ahead"),
        (Fault::Back, "back"),
        (Fault::StaleSnapshot, "stale-snapshot"),
        (Fault::Huge, "huge"),
        (Fault::Bomb, "bomb"),
        (Fault::Slow, "slow"),
        (Fault::Hang, "hang"),
        (Fault::Silent, "silent"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Fault::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An endpoint of the exchange, named as in the `endpoint` label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// The exchange's clock.
    Time,
    /// The listing and the limits.
    Instruments,
    /// Candles.
    Ohlc,
    /// Trades.
    Trades,
    /// A book.
    BookSnapshot,
    /// Funding rates.
    Funding,
    /// Open interest.
    OpenInterest,
    /// No known endpoint.
    Unknown,
}

impl Endpoint {
    /// Every endpoint; counters are in this order.
    pub const ALL: [Endpoint; 8] = [
        Endpoint::Time,
        Endpoint::Instruments,
        Endpoint::Ohlc,
        Endpoint::Trades,
        Endpoint::BookSnapshot,
        Endpoint::Funding,
        Endpoint::OpenInterest,
        Endpoint::Unknown,
    ];

    /// The name in metrics and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Time => "time",
            Endpoint::Instruments => "instruments",
            Endpoint::Ohlc => "ohlc",
            Endpoint::Trades => "trades",
            Endpoint::BookSnapshot => "book_snapshot",
            Endpoint::Funding => "funding",
            Endpoint::OpenInterest => "open_interest",
            Endpoint::Unknown => "unknown",
        }
    }
}

//! The closed sets of label values.

use std::fmt;

/// Declares a closed enum whose variants are label values.
macro_rules! label {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: [$name; [$($text),+].len()] = [$($name::$variant),+];

            /// The value in labels and logs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

label! {
    /// Why a run or a request failed.
    Reason {
        /// The exchange answered with another 4xx status.
        Http4xx = "http_4xx",
        /// The exchange answered with a 5xx status.
        Http5xx = "http_5xx",
        /// Too many requests: 429, 418 or the exchange's own error for it.
        RateLimited = "rate_limited",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection could not be made, or broke.
        Connect = "connect",
        /// The answer was not what the exchange documents.
        Parse = "parse",
        /// The exchange reported an error in an answer.
        Refused = "refused",
        /// The local disk or database failed.
        Storage = "storage",
        /// It was stopped.
        Cancelled = "cancelled",
        /// Anything else.
        Other = "other",
    }
}

impl Reason {
    /// Whether such a request never got a complete answer, so that no status counts it.
    #[must_use]
    pub fn is_without_answer(self) -> bool {
        matches!(self, Reason::Timeout | Reason::Connect | Reason::Cancelled | Reason::Other)
    }
}

label! {
    /// Why rows were discarded.
    Discard {
        /// The same row was already stored.
        Duplicate = "duplicate",
        /// The row is impossible.
        Invalid = "invalid",
        /// The row is outside the requested range.
        OutOfRange = "out_of_range",
        /// The candle was still running.
        Unclosed = "unclosed",
    }
}

label! {
    /// Why a file could not be published.
    StorageReason {
        /// The disk is full, or a quota is used up.
        Enospc = "enospc",
        /// The file or folder may not be written.
        Permission = "permission",
        /// Any other error of the file system.
        Io = "io",
        /// The rows could not be put into Parquet.
        Encode = "encode",
        /// Rows of the period are only on remotes and could not be restored.
        Remote = "remote",
    }
}

label! {
    /// Why something could not be copied to a remote, or restored from it.
    SyncReason {
        /// The copying program is not installed.
        NoProgram = "no_program",
        /// No answer in time.
        Timeout = "timeout",
        /// The remote could not be reached.
        Connect = "connect",
        /// The remote refused the operation.
        Refused = "refused",
        /// The bytes that arrived differ from those sent.
        Mismatch = "mismatch",
        /// The copy has rows that are missing here, and was not replaced.
        CoversLess = "covers_less",
        /// Another process owns the series now.
        Fenced = "fenced",
        /// The local disk failed.
        Local = "local",
        /// It was stopped.
        Cancelled = "cancelled",
    }
}

label! {
    /// The state of a live series.
    LiveState {
        /// This process does not listen to it.
        Off = "off",
        /// Not yet acknowledged by the exchange on an open connection.
        Connecting = "connecting",
        /// The exchange sends it.
        Live = "live",
        /// The exchange has newer rows than it sends.
        Stale = "stale",
        /// The exchange refuses to send it.
        Refused = "refused",
    }
}

impl LiveState {
    /// The states with a gauge; where this process does not listen, all are 0.
    pub(crate) const SHOWN: [LiveState; 4] =
        [LiveState::Connecting, LiveState::Live, LiveState::Stale, LiveState::Refused];
}

impl StorageReason {
    /// The reason for an error of the file system.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            // To a writer, a file size limit is a full disk.
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StorageReason::Enospc
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StorageReason::Permission,
            _ => StorageReason::Io,
        }
    }
}

label! {
    /// How signing in on the page ended.
    SignInOutcome {
        /// A session was opened.
        Ok = "ok",
        /// It was not the token.
        Wrong = "wrong",
        /// It was not the token, after too many of these from one address.
        TooMany = "too_many",
    }
}

label! {
    /// Why our HTTP server refused a request or a connection.
    Refusal {
        /// No credentials, or wrong ones.
        Credentials = "credentials",
        /// Too many wrong credentials from one address.
        Guessing = "guessing",
        /// Valid credentials without permission for the request.
        Forbidden = "forbidden",
        /// A request under another host name reached a local listener.
        Host = "host",
        /// A page of another site sent an action.
        Origin = "origin",
        /// The TLS handshake failed, or the client's certificate is not allowed.
        Handshake = "handshake",
    }
}

label! {
    /// Why a scrape was refused.
    ScrapeRefusal {
        /// The maximum number of scrapes was in progress.
        Busy = "busy",
        /// The metrics were not ready within the scrape's time-out.
        Late = "late",
    }
}

label! {
    /// How an answer with rows ended.
    ReadOutcome {
        /// Everything was sent.
        Done = "done",
        /// It was not begun.
        Refused = "refused",
        /// The client took no more.
        CutOff = "cut_off",
        /// Rows could not be read.
        Failed = "failed",
    }
}

label! {
    /// The kind of an event on the feed.
    FeedKind {
        /// Rows of a series were accepted.
        Rows = "rows",
        /// A run began or ended.
        Run = "run",
        /// A job was paused or resumed.
        Job = "job",
        /// A live series is in another state.
        Stream = "stream",
        /// The daemon's health changed.
        Health = "health",
        /// Rows received live, as they were accepted.
        Accepted = "accepted",
    }
}

/// The `code` label of an HTTP status: the status if it is known, else its class, so that servers cannot invent
/// labels.
pub(crate) fn code_label(status: u16) -> &'static str {
    const KNOWN: [(u16, &str); 29] = [
        (200, "200"),
        (204, "204"),
        (301, "301"),
        (302, "302"),
        (304, "304"),
        (307, "307"),
        (308, "308"),
        (400, "400"),
        (401, "401"),
        (403, "403"),
        (404, "404"),
        (405, "405"),
        (408, "408"),
        (409, "409"),
        (410, "410"),
        (413, "413"),
        (415, "415"),
        (418, "418"),
        (422, "422"),
        (429, "429"),
        (451, "451"),
        (500, "500"),
        (501, "501"),
        (502, "502"),
        (503, "503"),
        (504, "504"),
        (520, "520"),
        (522, "522"),
        (524, "524"),
    ];
    if let Ok(at) = KNOWN.binary_search_by_key(&status, |known| known.0) {
        return KNOWN[at].1;
    }
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => NO_CODE,
    }
}

/// The `code` label of a request without an answer.
pub(crate) const NO_CODE: &str = "none";

/// The `code` labels that alerts and dashboards query; they exist at 0 from the start.
pub(crate) const CODES_AT_ZERO: [&str; 13] =
    ["200", "400", "401", "403", "404", "418", "429", "451", "500", "502", "503", "504", NO_CODE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_nobody_knows_is_counted_under_its_class() {
        assert_eq!(
            [200, 429, 299, 477, 599, 999, 0].map(code_label),
            ["200", "429", "2xx", "4xx", "5xx", "none", "none"]
        );
    }

    #[test]
    fn every_known_status_is_found_under_its_own_digits() {
        let exact = (100..600).filter(|status| code_label(*status) == status.to_string()).count();
        assert_eq!(exact, 29);
    }
}

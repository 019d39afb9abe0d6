//! The closed sets of words that may stand in a label.

use std::fmt;

/// Declares a closed enum whose variants are label values.
macro_rules! label {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value, in the order of their declaration.
            pub const ALL: [$name; [$($text),+].len()] = [$($name::$variant),+];

            /// The word in labels and logs.
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
        /// Too many requests: 429, 418 or the exchange's own word for it.
        RateLimited = "rate_limited",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection could not be made, or broke.
        Connect = "connect",
        /// The answer was not what the exchange documents.
        Parse = "parse",
        /// The exchange reported an error in an answer.
        Refused = "refused",
        /// Our own disk or database.
        Storage = "storage",
        /// It was told to stop.
        Cancelled = "cancelled",
        /// Anything else.
        Other = "other",
    }
}

impl Reason {
    /// Whether a request that failed so never had a whole answer, so that no status counts it.
    #[must_use]
    pub fn is_without_answer(self) -> bool {
        matches!(self, Reason::Timeout | Reason::Connect | Reason::Cancelled | Reason::Other)
    }
}

label! {
    /// Why rows were not kept.
    Discard {
        /// The same row was held already.
        Duplicate = "duplicate",
        /// The row cannot be true.
        Invalid = "invalid",
        /// The row lies outside what was asked for.
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
        /// Rows they belong to are on remotes only and did not come back.
        Remote = "remote",
    }
}

label! {
    /// Why something could not be copied to a remote, or brought back.
    SyncReason {
        /// The program that copies is not installed.
        NoProgram = "no_program",
        /// No answer in time.
        Timeout = "timeout",
        /// The remote could not be reached.
        Connect = "connect",
        /// The remote refused.
        Refused = "refused",
        /// The bytes that arrived are not those that were sent.
        Mismatch = "mismatch",
        /// The copy holds what is not here, and was not replaced.
        CoversLess = "covers_less",
        /// Another owns the series now.
        Fenced = "fenced",
        /// Our own disk.
        Local = "local",
        /// It was told to stop.
        Cancelled = "cancelled",
    }
}

impl StorageReason {
    /// The reason an error of the file system stands for.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            // To a writer, a limit on the size of files is a full disk.
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StorageReason::Enospc
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StorageReason::Permission,
            _ => StorageReason::Io,
        }
    }
}

label! {
    /// Why our own HTTP server turned a request or a connection away.
    Refusal {
        /// No credentials, or wrong ones.
        Credentials = "credentials",
        /// Too many wrong credentials from one address.
        Guessing = "guessing",
        /// Right credentials that do not permit what was asked.
        Forbidden = "forbidden",
        /// A page of another name reached a listener of this machine.
        Host = "host",
        /// A page of another site asked for an action.
        Origin = "origin",
        /// TLS could not be agreed upon, or the client's certificate is not allowed.
        Handshake = "handshake",
    }
}

label! {
    /// Why a scrape got no metrics.
    ScrapeRefusal {
        /// As many as are allowed at a time were under way.
        Busy = "busy",
        /// They were not ready in the time the scrape has.
        Late = "late",
    }
}

/// The `code` label of an HTTP status: the status where it is one we know, else its class, so that a server
/// cannot make up labels.
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

/// The `code` labels that alerts and dashboards ask for; they exist at 0 from the start.
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

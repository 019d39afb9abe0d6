//! Who may do what: each route has a level of access, each request comes some way, and a token may be shown.
//!
//! The levels stand in the table of routes. The socket in the data path's own folder belongs to the user who runs
//! the daemon, so whoever can open it may do everything.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use ring::digest::{Digest, SHA256, digest};

use super::routes::{Reply, plain};

/// What a route asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: probes must work when nothing else does.
    Open,
    /// That he may read.
    Reader,
    /// That he may change things.
    Admin,
}

/// The way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// The unix socket.
    Socket,
    /// An address that only this machine reaches.
    Loopback,
    /// Any other address.
    Network,
}

/// The rules of a server.
#[derive(Default)]
pub struct Auth {
    token: Option<TokenFile>,
    allow_unauthenticated: bool,
}

impl Auth {
    /// The rules of a server; without a token nobody changes anything over TCP.
    ///
    /// # Errors
    /// When the token's file cannot be read or holds none.
    pub fn new(token_file: Option<&Path>, allow_unauthenticated: bool) -> io::Result<Self> {
        Ok(Auth { token: token_file.map(TokenFile::open).transpose()?, allow_unauthenticated })
    }

    /// Whether a request may pass; if not, the answer it gets.
    pub(super) fn check(&self, access: Access, via: Via, headers: &HeaderMap) -> Result<(), Box<Reply>> {
        let is_free = match access {
            Access::Open => true,
            Access::Reader => self.allow_unauthenticated || via != Via::Network,
            Access::Admin => false,
        };
        if is_free || via == Via::Socket || self.is_shown(headers) {
            return Ok(());
        }
        Err(Box::new(match &self.token {
            Some(_) => unauthorized(),
            None => plain(
                StatusCode::FORBIDDEN,
                "this needs a token; set http.token_file, or use the command line\n",
            ),
        }))
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        shown.is_some_and(|shown| token.is(shown))
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

fn unauthorized() -> Reply {
    let mut reply = plain(StatusCode::UNAUTHORIZED, "send the token of http.token_file as a bearer token\n");
    reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"dccd\""));
    reply
}

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The most bytes of a token.
const MOST_BYTES: u64 = 4_096;

/// A token in a file, read again when the file changes. A file that cannot be read any more holds no token.
struct TokenFile {
    path: PathBuf,
    held: Mutex<Held>,
}

struct Held {
    looked: Instant,
    seen: Option<(SystemTime, u64)>,
    /// Only its hash is kept, and hashes are compared: the time that takes says nothing about the token.
    token: Option<Digest>,
}

impl TokenFile {
    fn open(path: &Path) -> io::Result<Self> {
        let (token, seen) = read(path)?;
        let held = Held { looked: Instant::now(), seen: Some(seen), token: Some(token) };
        Ok(TokenFile { path: path.to_owned(), held: Mutex::new(held) })
    }

    fn is(&self, shown: &[u8]) -> bool {
        let mut held = self.held();
        if held.looked.elapsed() >= LOOK {
            self.look(&mut held);
        }
        let shown = digest(&SHA256, shown);
        held.token.is_some_and(|token| same(token.as_ref(), shown.as_ref()))
    }

    fn look(&self, held: &mut Held) {
        held.looked = Instant::now();
        let seen = stamp(&self.path).ok();
        if seen.is_some() && seen == held.seen {
            return;
        }
        held.seen = seen;
        held.token = match read(&self.path) {
            Ok((token, _)) => Some(token),
            Err(error) => {
                tracing::error!(%error, "no token is accepted until http.token_file can be read again");
                None
            }
        };
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> io::Result<(SystemTime, u64)> {
    let found = std::fs::metadata(path)?;
    Ok((found.modified()?, found.len()))
}

fn read(path: &Path) -> io::Result<(Digest, (SystemTime, u64))> {
    use io::Read as _;
    let wrong =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let seen = stamp(path).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    let token = bytes.trim_ascii();
    if token.is_empty() || bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("it must hold one token of at most {MOST_BYTES} bytes")));
    }
    Ok((digest(&SHA256, token), seen))
}

/// Compares all bytes, wherever the first difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        }
        headers
    }

    #[test]
    fn every_level_asks_for_the_token_where_it_must_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        crate::atomic::replace(&path, b"s3cret\n").unwrap();
        let guarded = Auth::new(Some(&path), false).unwrap();
        let (bare, open) = (Auth::default(), Auth::new(None, true).unwrap());
        let status = |auth: &Auth, access, via, shown: &str| {
            auth.check(access, via, &headers(shown)).err().map(|reply| reply.status().as_u16())
        };
        use {Access::*, Via::*};
        for via in [Socket, Loopback, Network] {
            for auth in [&guarded, &bare, &open] {
                assert_eq!(status(auth, Open, via, ""), None);
                assert_eq!(status(auth, Admin, Socket, ""), None);
            }
            for access in [Open, Reader, Admin] {
                assert_eq!(status(&guarded, access, via, "bEARER  s3cret"), None);
            }
        }
        for wrong in ["", "Bearer s3cre", "Bearer s3cret7", "Basic s3cret", "Bearer", "s3cret"] {
            assert_eq!(status(&guarded, Reader, Loopback, wrong), None);
            assert_eq!(status(&guarded, Reader, Network, wrong), Some(401), "{wrong}");
            assert_eq!(status(&guarded, Admin, Loopback, wrong), Some(401), "{wrong}");
            assert_eq!(status(&open, Reader, Network, wrong), None);
            assert_eq!(status(&open, Admin, Network, wrong), Some(403));
            assert_eq!(status(&bare, Admin, Loopback, wrong), Some(403));
        }
        let refused = guarded.check(Admin, Network, &headers("")).unwrap_err();
        assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"dccd\"");
    }

    #[test]
    fn a_token_is_read_again_when_its_file_changes_and_none_holds_once_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        crate::atomic::replace(&path, b"first").unwrap();
        let file = TokenFile::open(&path).unwrap();
        let later = || file.held().looked -= LOOK;
        assert!(file.is(b"first"));

        crate::atomic::replace(&path, b"second one").unwrap();
        later();
        assert!(file.is(b"second one") && !file.is(b"first"));

        std::fs::remove_file(&path).unwrap();
        later();
        assert!(!file.is(b"second one") && !file.is(b""));
        crate::atomic::replace(&path, b" \n").unwrap();
        later();
        assert!(!file.is(b"") && TokenFile::open(&path).is_err());
    }
}

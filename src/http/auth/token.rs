//! The bearer token.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ring::digest::{Digest, SHA256, digest};

/// How often the file is checked for changes.
const LOOK: Duration = Duration::from_secs(1);
/// The longest token.
const MOST_BYTES: u64 = 4_096;

/// A token in a file, read again when the file changes. An unreadable file holds no token.
pub(super) struct TokenFile {
    path: PathBuf,
    held: Mutex<LoadedToken>,
}

struct LoadedToken {
    looked: Instant,
    seen: Option<(SystemTime, u64)>,
    /// Only hashes are kept and compared, so that timing reveals nothing about the token.
    token: Option<Digest>,
}

impl TokenFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let (token, seen) = read(path)?;
        let held = LoadedToken { looked: Instant::now(), seen: Some(seen), token: Some(token) };
        Ok(TokenFile { path: path.to_owned(), held: Mutex::new(held) })
    }

    pub(super) fn is(&self, shown: &[u8]) -> bool {
        let shown = digest(&SHA256, shown);
        self.digest().is_some_and(|token| same(token.as_ref(), shown.as_ref()))
    }

    /// The digest of the token in force.
    pub(super) fn digest(&self) -> Option<Digest> {
        let mut held = self.held();
        if held.looked.elapsed() >= LOOK {
            self.look(&mut held);
        }
        held.token
    }

    fn look(&self, held: &mut LoadedToken) {
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

    fn held(&self) -> MutexGuard<'_, LoadedToken> {
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

/// Compares all bytes, in constant time.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_again_when_its_file_changes_and_none_holds_once_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        crate::disk::atomic::replace(&path, b"first").unwrap();
        let file = TokenFile::open(&path).unwrap();
        let later = || file.held().looked -= LOOK;
        assert!(file.is(b"first"));

        crate::disk::atomic::replace(&path, b"second one").unwrap();
        later();
        assert!(file.is(b"second one") && !file.is(b"first"));

        std::fs::remove_file(&path).unwrap();
        later();
        assert!(!file.is(b"second one") && !file.is(b""));
        crate::disk::atomic::replace(&path, b" \n").unwrap();
        later();
        assert!(!file.is(b"") && TokenFile::open(&path).is_err());
    }
}

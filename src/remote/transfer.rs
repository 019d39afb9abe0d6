//! Moves one file: uploads verify what arrived, downloads hash what came.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver};

use crate::model::Series;
use crate::remote::{Head, Remote, RemoteError, Seal, Upload};
use crate::store::{Hashed, Layout, Part};

/// A fetched file of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its size and hash.
    pub seal: Seal,
    /// Whether it is an open file found under its older name.
    pub is_older: bool,
}

/// Chunks buffered between a remote and the disk.
const PIECES_WAITING: usize = 4;

/// Ensures that a key holds a file with this seal: an existing copy is not sent again, and a new one counts only
/// once it is verified on the remote. Returns whether anything was sent.
///
/// # Errors
/// [`RemoteError::Damaged`] if the file differs, [`RemoteError::NotHere`] if it is missing,
/// [`RemoteError::Mismatch`] if the copy differs.
pub async fn upload(remote: &dyn Remote, key: &str, file: &Path, seal: &Seal) -> Result<bool, RemoteError> {
    if verify(remote, key, seal).await?.is_none() {
        return Ok(false);
    }
    check(file, seal).await?;
    remote.put(key, file, seal).await?;
    match verify(remote, key, seal).await? {
        None => Ok(true),
        Some(what) => {
            Err(RemoteError::Mismatch { remote: remote.name().to_owned(), key: key.to_owned(), what })
        }
    }
}

/// The same for several files of one folder, in any order; returns those that were sent.
///
/// # Errors
/// See [`upload`]. Some may be there then.
pub async fn upload_all(
    remote: &dyn Remote,
    folder: &str,
    files: &[Upload],
) -> Result<Vec<Upload>, RemoteError> {
    let missing: Vec<Upload> =
        differing(remote, folder, files).await?.into_iter().map(|(file, _)| file.clone()).collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    for file in &missing {
        check(&file.path, &file.seal).await?;
    }
    remote.put_all(folder, &missing).await?;
    match differing(remote, folder, &missing).await?.into_iter().next() {
        None => Ok(missing),
        Some((file, what)) => {
            Err(RemoteError::Mismatch { remote: remote.name().to_owned(), key: file.key(folder), what })
        }
    }
}

/// Those of these files that a folder does not hold, each with the difference.
async fn differing<'a>(
    remote: &dyn Remote,
    folder: &str,
    files: &'a [Upload],
) -> Result<Vec<(&'a Upload, String)>, RemoteError> {
    let (mut heads, mut differing) = (remote.heads(folder, files).await?, Vec::new());
    for file in files {
        let what = compare(remote, &file.key(folder), heads.remove(&file.name), &file.seal).await?;
        differing.extend(what.map(|what| (file, what)));
    }
    Ok(differing)
}

/// Checks that a local file is what its seal says.
async fn check(file: &Path, seal: &Seal) -> Result<(), RemoteError> {
    let own = file.to_owned();
    let found = match off_the_runtime(file, move || seal_of(&own)).await {
        Err(RemoteError::Local { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Err(RemoteError::NotHere { path: file.to_owned() });
        }
        found => found?,
    };
    if found == *seal { Ok(()) } else { Err(RemoteError::Damaged { path: file.to_owned() }) }
}

/// Compares the object at a key with a seal, reading it back if the remote knows no hashes. Returns the
/// difference, if any.
///
/// # Errors
/// If the remote does not answer.
pub async fn verify(remote: &dyn Remote, key: &str, seal: &Seal) -> Result<Option<String>, RemoteError> {
    compare(remote, key, remote.head(key).await?, seal).await
}

async fn compare(
    remote: &dyn Remote,
    key: &str,
    head: Option<Head>,
    seal: &Seal,
) -> Result<Option<String>, RemoteError> {
    let Some(head) = head else { return Ok(Some("it is not there".to_owned())) };
    if head.bytes != seal.bytes {
        return Ok(Some(format!("it has {} bytes of {}", head.bytes, seal.bytes)));
    }
    let found = match head.sha256 {
        Some(sha256) => Some(Seal { bytes: head.bytes, sha256 }),
        None => read_back(remote, key).await?,
    };
    Ok((found.as_ref() != Some(seal)).then(|| "its hash is another".to_owned()))
}

/// Writes the object at a key to a new, durable file and returns its seal. `None` if there is no object.
///
/// # Errors
/// If the remote cannot be read or the file cannot be written; the file is removed then.
pub async fn fetch(remote: &dyn Remote, key: &str, to: &Path) -> Result<Option<Seal>, RemoteError> {
    let file = create(to).map_err(RemoteError::local("creating", to))?;
    let fetched = match drain(remote, key, file).await {
        Ok(Some((seal, file))) => {
            let synced = off_the_runtime(to, move || file.sync_all()).await;
            synced.map(|()| Some(seal))
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    if !matches!(fetched, Ok(Some(_))) {
        let _ = std::fs::remove_file(to);
    }
    fetched
}

/// Fetches a file of a series like [`fetch`], trying an open file's older name too.
///
/// # Errors
/// See [`fetch`].
pub async fn fetch_file(
    remote: &dyn Remote,
    series: &Series,
    name: &str,
    to: &Path,
) -> Result<Option<Fetched>, RemoteError> {
    let folder = Layout::key(series);
    if let Some(seal) = fetch(remote, &format!("{folder}/{name}"), to).await? {
        return Ok(Some(Fetched { seal, is_older: false }));
    }
    let Some(older) = Part::older_of(name) else { return Ok(None) };
    let found = fetch(remote, &format!("{folder}/{older}"), to).await?;
    Ok(found.map(|seal| Fetched { seal, is_older: true }))
}

/// Reads the object at a key, at most `most` bytes. `None` if there is none.
///
/// # Errors
/// If the remote cannot be read, or the object is larger.
pub async fn read(remote: &dyn Remote, key: &str, most: usize) -> Result<Option<Vec<u8>>, RemoteError> {
    let drained = drain(remote, key, Bounded { bytes: Vec::new(), most }).await?;
    Ok(drained.map(|(_, bounded)| bounded.bytes))
}

/// Reads the object at a key completely and returns its seal. `None` if there is none.
///
/// # Errors
/// If the remote cannot be read.
pub async fn read_back(remote: &dyn Remote, key: &str) -> Result<Option<Seal>, RemoteError> {
    Ok(drain(remote, key, io::sink()).await?.map(|(seal, _)| seal))
}

/// Copies the object at a key into `out`, off the runtime's threads.
async fn drain<W: Write + Send + 'static>(
    remote: &dyn Remote,
    key: &str,
    out: W,
) -> Result<Option<(Seal, W)>, RemoteError> {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let path = Path::new(key);
    let writing = off_the_runtime(path, move || take(receiver, out));
    let (is_there, written) = tokio::join!(remote.get(key, sender), writing);
    let is_there = is_there?;
    let written = written?;
    Ok(is_there.then_some(written))
}

fn take<W: Write>(mut pieces: Receiver<Bytes>, out: W) -> io::Result<(Seal, W)> {
    let mut out = Hashed::new(out);
    while let Some(piece) = pieces.blocking_recv() {
        out.write_all(&piece)?;
    }
    let seal = Seal { bytes: out.bytes, sha256: out.digest() };
    Ok((seal, out.into_inner()))
}

/// The seal of a local file.
pub(crate) fn seal_of(file: &Path) -> io::Result<Seal> {
    let mut file = File::open(file)?;
    let mut hashed = Hashed::new(io::sink());
    let mut chunk = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(Seal { bytes: hashed.bytes, sha256: hashed.digest() });
        }
        hashed.write_all(&chunk[..read])?;
    }
}

fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Runs file work off the runtime's threads.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, RemoteError> {
    let worked = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    worked.map_err(RemoteError::local("moving", path))
}

/// A byte buffer with a limit.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than it can be"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

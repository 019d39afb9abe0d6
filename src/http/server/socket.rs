//! The unix socket of a daemon, in its data path's own folder: the same routes, for users with access to the
//! folder.

use std::fs::{File, Permissions, symlink_metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep};

use crate::engine::SOCKET;

/// How long, and how often, to retry while the daemon's backlog is full.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(20);
/// The name before it is renamed into place.
const ASIDE: &str = ".daemon.sock.tmp-";
/// The longest path of a socket, less the temporary name.
const LONGEST_BYTES: usize = 90;

/// The file of a socket on which this process listens.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
}

/// Opens the socket of a data path whose lock is held, replacing a leftover of a dead process, or a link. It
/// appears with its final permissions, for the owner only.
///
/// # Errors
/// Any I/O error, such as on a file system without sockets.
pub(crate) fn bind_socket(own: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let folder = Short::of(own)?;
    let aside = own.join(ASIDE);
    let _ = std::fs::remove_file(&aside);
    let listener = UnixListener::bind(folder.path.join(ASIDE))?;
    std::fs::set_permissions(&aside, Permissions::from_mode(0o600))?;
    let about = symlink_metadata(&aside)?;
    let file = SocketFile { path: own.join(SOCKET), identity: (about.dev(), about.ino()) };
    std::fs::rename(&aside, &file.path)?;
    Ok((listener, file))
}

/// Connects to the daemon of a data path. `None` if none listens. Waits while the daemon's backlog is full.
///
/// # Errors
/// If permission is denied, or the daemon accepts no connection in time.
pub async fn connect(own: &Path) -> io::Result<Option<UnixStream>> {
    // A link may lead to the daemon of another data path.
    if symlink_metadata(own.join(SOCKET)).is_ok_and(|found| !found.file_type().is_socket()) {
        return Ok(None);
    }
    let began = Instant::now();
    let connected = match Short::of(own) {
        Ok(folder) => loop {
            let is_patient = began.elapsed() < PATIENCE;
            match UnixStream::connect(folder.path.join(SOCKET)).await {
                // A daemon listens, but its backlog is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && is_patient => sleep(AGAIN).await,
                connected => break connected,
            }
        },
        Err(error) => Err(error),
    };
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // No daemon listens, or it cannot be reached: the data path's lock decides.
        Err(_) => Ok(None),
    }
}

impl SocketFile {
    /// Removes the socket, unless another process has replaced it.
    pub fn remove(self) {
        let is_own = |found: std::fs::Metadata| (found.dev(), found.ino()) == self.identity;
        if symlink_metadata(&self.path).is_ok_and(is_own) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A folder under a name short enough for a socket's address: its own, or that of an open descriptor.
struct Short {
    path: PathBuf,
    _held: Option<File>,
}

impl Short {
    fn of(own: &Path) -> io::Result<Self> {
        if own.as_os_str().len() <= LONGEST_BYTES - ASIDE.len() {
            return Ok(Short { path: own.to_owned(), _held: None });
        }
        let held = File::open(own)?;
        Ok(Short { path: format!("/proc/self/fd/{}", held.as_raw_fd()).into(), _held: Some(held) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_the_owners_alone_however_long_its_path_and_replaces_one_that_was_left() {
        let root = tempfile::tempdir().unwrap();
        for name in ["short".to_owned(), "long".repeat(40)] {
            let own = root.path().join(name);
            crate::disk::atomic::create_folder(&own).unwrap();
            assert!(connect(&own).await.unwrap().is_none());

            drop(bind_socket(&own).unwrap());
            assert!(connect(&own).await.unwrap().is_none(), "nobody listens on what was left");
            let (listener, file) = bind_socket(&own).unwrap();

            let (accepted, connected) = tokio::join!(listener.accept(), connect(&own));
            assert!(accepted.is_ok() && connected.unwrap().is_some());
            let mode = std::fs::metadata(own.join(SOCKET)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1);

            let (_other, others) = bind_socket(&own).unwrap();
            file.remove();
            assert!(connect(&own).await.unwrap().is_some(), "that of another process stays");
            others.remove();
            assert_eq!(std::fs::read_dir(&own).unwrap().count(), 0);
        }
    }

    #[tokio::test]
    async fn nobody_is_spoken_to_through_a_link_and_a_link_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let (own, other) = (root.path().join("own"), root.path().join("other"));
        for folder in [&own, &other] {
            std::fs::create_dir(folder).unwrap();
        }
        let (_listener, _file) = bind_socket(&other).unwrap();
        std::os::unix::fs::symlink(other.join(SOCKET), own.join(SOCKET)).unwrap();

        assert!(connect(&own).await.unwrap().is_none());
        let (_ours, _file) = bind_socket(&own).unwrap();

        assert!(symlink_metadata(own.join(SOCKET)).unwrap().file_type().is_socket());
        assert!(connect(&other).await.unwrap().is_some());
    }
}

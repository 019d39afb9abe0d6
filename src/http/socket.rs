//! The unix socket of a daemon, in its data path's own folder: the same routes, for who may use the folder.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "daemon.sock";
/// While it is being made.
const ASIDE: &str = ".daemon.sock.tmp-";
/// The longest path a socket can have, with room for the aside name.
const LONGEST_BYTES: usize = 90;

/// Opens the socket of a data path whose lock is held; one that a dead process left is replaced. It appears with
/// its final rights, which are the owner's alone.
///
/// # Errors
/// Any refusal of the operating system, such as a file system without sockets.
pub fn bind_socket(own: &Path) -> io::Result<UnixListener> {
    let folder = Short::of(own)?;
    let aside = own.join(ASIDE);
    let _ = std::fs::remove_file(&aside);
    let listener = UnixListener::bind(folder.path.join(ASIDE))?;
    std::fs::set_permissions(&aside, Permissions::from_mode(0o600))?;
    std::fs::rename(&aside, own.join(NAME))?;
    Ok(listener)
}

/// Speaks to the daemon of a data path, if one listens; none where none does.
///
/// # Errors
/// Where the rights are missing.
pub async fn connect(own: &Path) -> io::Result<Option<UnixStream>> {
    let connected = match Short::of(own) {
        Ok(folder) => UnixStream::connect(folder.path.join(NAME)).await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // Nobody listens, or nobody could: whoever needs the data path learns from its lock.
        Err(_) => Ok(None),
    }
}

/// Takes the socket away.
pub fn remove_socket(own: &Path) {
    let _ = std::fs::remove_file(own.join(NAME));
}

/// A folder under a name that fits into a socket's address: its own, or that of an open descriptor.
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
            crate::atomic::create_folder(&own).unwrap();
            assert!(connect(&own).await.unwrap().is_none());

            drop(bind_socket(&own).unwrap());
            assert!(connect(&own).await.unwrap().is_none(), "nobody listens on what was left");
            let listener = bind_socket(&own).unwrap();

            let (accepted, connected) = tokio::join!(listener.accept(), connect(&own));
            assert!(accepted.is_ok() && connected.unwrap().is_some());
            let mode = std::fs::metadata(own.join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1);
        }
    }
}

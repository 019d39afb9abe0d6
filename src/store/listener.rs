//! Whether a daemon listens on the socket of a data path, checked before taking ownership of it.

use std::fs::{File, symlink_metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The name of the socket in a data path's own folder.
pub const SOCKET: &str = "daemon.sock";

/// Whether a process listens. Nothing is sent and nothing awaited: a daemon that is stuck listens too.
pub(super) fn is_listened_to(own: &Path) -> bool {
    // Never through a link: the process at its other end does not own this data path.
    if !symlink_metadata(own.join(SOCKET)).is_ok_and(|found| found.file_type().is_socket()) {
        return false;
    }
    // An address has no room for a long path; that of an open folder always fits.
    let Ok(folder) = File::open(own) else { return false };
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let asked = SocketAddrUnix::new(path.as_str()).and_then(|address| {
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &address)
    });
    // So many wait there already that no more are let in.
    matches!(asked, Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_daemon_that_takes_no_connection_listens_until_it_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("long".repeat(40));
        std::fs::create_dir(&own).unwrap();
        assert!(!is_listened_to(&own));

        let short = root.path().join("s");
        let listener = UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, own.join(SOCKET)).unwrap();
        // More than ever wait.
        for _ in 0..5_000 {
            assert!(is_listened_to(&own));
        }
        drop(listener);

        assert!(!is_listened_to(&own));
    }

    #[test]
    fn a_link_to_the_socket_of_another_data_path_counts_for_nothing() {
        let root = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(root.path().join("other")).unwrap();
        std::os::unix::fs::symlink("other", root.path().join(SOCKET)).unwrap();

        assert!(!is_listened_to(root.path()));
    }
}

//! Looking at the data path: whether it can be written, its free space, its lock, its state store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use crate::api::OnlineCheck;
use crate::config::{Config, Secret, Store};
use crate::db::Database;
use crate::disk::{Disk, Os, aside};
use crate::model::bytes;
use crate::store::{DataLock, Layout};
use crate::telemetry::events::Chain;

/// How long the disk may take; one that is mounted from a lost server takes for ever.
const WITHIN: Duration = Duration::from_secs(10);
/// With less than this, a publish that rewrites a large file may not fit.
const LEAST_FREE_BYTES: u64 = 256 << 20;

/// Looks at the data path of a configuration. Nothing is created where none is yet.
pub(super) async fn ask(config: Arc<Config>) -> Vec<OnlineCheck> {
    let root = config.data_path.clone();
    let looking = tokio::task::spawn_blocking(move || look(&root));
    let mut checks = match tokio::time::timeout(WITHIN, looking).await {
        Ok(Ok(checks)) => checks,
        Err(_) => return vec![OnlineCheck::failed("store", "the disk of the data path does not answer")],
        Ok(Err(error)) => {
            vec![OnlineCheck::failed("store", format!("looking at the data path broke off: {error}"))]
        }
    };
    checks.push(match &config.store {
        Store::Sqlite => state_store(&Layout::new(&config.data_path).own()).await,
        Store::Postgres(url) => state_server(url).await,
    });
    checks
}

fn look(root: &Path) -> Vec<OnlineCheck> {
    let shown = root.display();
    let nearest = nearest(root);
    let writable = if nearest == root {
        probe(root).map(|()| format!("{shown} can be written"))
    } else {
        access(&nearest, Access::WRITE_OK | Access::EXEC_OK)
            .map(|()| format!("{shown} is not there yet and can be created"))
            .map_err(io::Error::from)
    };
    let writable = match writable {
        Ok(said) => OnlineCheck::ok("store data_path", said),
        Err(error) => OnlineCheck::failed(
            "store data_path",
            format!(
                "{} cannot be written: {error}; correct its owner or `settings.data_path`",
                nearest.display()
            ),
        ),
    };
    vec![writable, free_space(&nearest), lock(root)]
}

/// The path itself, or the first of the folders above it that exists.
fn nearest(root: &Path) -> PathBuf {
    let found = root.ancestors().find(|path| !path.as_os_str().is_empty() && path.exists());
    found.unwrap_or(Path::new(".")).to_owned()
}

/// Writes a file and takes it away again.
fn probe(root: &Path) -> io::Result<()> {
    let path = aside(&root.join("dccd-probe"));
    let written = Os.create_anew(&path).and_then(|file| {
        file.append_all(b"probe")?;
        file.sync()
    });
    let removed = Os.remove(&path);
    written.and(removed)
}

fn free_space(nearest: &Path) -> OnlineCheck {
    let about = "store space";
    match statvfs(nearest) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let said = format!("{} free", bytes(free));
            if free >= LEAST_FREE_BYTES {
                OnlineCheck::ok(about, said)
            } else {
                OnlineCheck::failed(
                    about,
                    format!("{said}, less than {}; make room", bytes(LEAST_FREE_BYTES)),
                )
            }
        }
        Err(error) => OnlineCheck::failed(about, io::Error::from(error).to_string()),
    }
}

fn lock(root: &Path) -> OnlineCheck {
    let said = DataLock::holder(root).map_or("no process works on it".to_owned(), |holder| {
        format!("{holder} works on it; `backfill` and `collect` are refused until it ends")
    });
    OnlineCheck::ok("store lock", said)
}

async fn state_server(url: &Secret) -> OnlineCheck {
    match Database::check_server(url.expose()).await {
        Ok(false) => OnlineCheck::ok("store PostgreSQL", "answers, and takes all that is needed"),
        Ok(true) => OnlineCheck::ok(
            "store PostgreSQL",
            "answers through a pooler in transaction mode, and takes all that is needed; no statement is prepared, which costs some speed",
        ),
        Err(error) => OnlineCheck::failed("store PostgreSQL", Chain(&error).to_string()),
    }
}

async fn state_store(own: &Path) -> OnlineCheck {
    let about = "store state.db";
    if own.join("state.db").symlink_metadata().is_err() {
        return OnlineCheck::ok(about, "is not there yet; the first run makes it");
    }
    match Database::check(own).await {
        Ok(()) => OnlineCheck::ok(about, "opens"),
        Err(error) => OnlineCheck::failed(about, Chain(&error).to_string()),
    }
}

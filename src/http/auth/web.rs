//! The web configuration in force, reloaded when its file, or one it names, has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::web_config::{WebConfig, WebConfigError};
use crate::model::Micros;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{WebConfigLoaded, WebConfigRefused};

/// How often the files are checked for changes.
const LOOK: Duration = Duration::from_secs(1);

/// Identifies the version of a file. `None` if the file does not exist.
type Stamp = Option<(u64, SystemTime, u64)>;

/// A web configuration and the files it was read from.
pub(in crate::http) struct Web {
    path: PathBuf,
    in_force: RwLock<Arc<WebConfig>>,
    seen: Mutex<Vec<(PathBuf, Stamp)>>,
}

impl Web {
    /// Reads the configuration.
    ///
    /// # Errors
    /// See [`WebConfigError`].
    pub(in crate::http) fn open(path: &Path) -> Result<Self, WebConfigError> {
        // Taken before reading, so that a change in between is noticed.
        let mut seen = vec![(path.to_owned(), stamp(path))];
        let config = WebConfig::read(path)?;
        seen.extend(files(&config).map(|path| (path.to_owned(), stamp(path))));
        Ok(Web { path: path.to_owned(), in_force: RwLock::new(Arc::new(config)), seen: Mutex::new(seen) })
    }

    /// The configuration in force.
    pub(in crate::http) fn config(&self) -> Arc<WebConfig> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the files until `stop`.
    pub(in crate::http) async fn keep(self: Arc<Self>, telemetry: Telemetry, stop: CancellationToken) {
        self.tell(&telemetry);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let (web, telemetry) = (Arc::clone(&self), telemetry.clone());
            let looked = tokio::task::spawn_blocking(move || web.look(&telemetry));
            if let Err(error) = looked.await {
                tracing::error!(%error, "looking at the web configuration broke off");
            }
        }
    }

    /// Reloads the configuration if a file changed.
    fn look(&self, telemetry: &Telemetry) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.iter().all(|(path, before)| stamp(path) == *before) {
            return;
        }
        seen.iter_mut().for_each(|(path, before)| *before = stamp(path));
        match WebConfig::read(&self.path) {
            Ok(config) => {
                seen.truncate(1);
                seen.extend(files(&config).map(|path| (path.to_owned(), stamp(path))));
                *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                self.tell(telemetry);
            }
            Err(error) => telemetry.emit(WebConfigRefused { path: &self.path, error: &error }),
        }
    }

    fn tell(&self, telemetry: &Telemetry) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = Micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX));
        let certificate_expiry = self.config().tls.as_ref().and_then(|tls| tls.expiry);
        telemetry.emit(WebConfigLoaded { path: &self.path, certificate_expiry, at });
    }
}

fn files(config: &WebConfig) -> impl Iterator<Item = &PathBuf> {
    config.tls.iter().flat_map(|tls| &tls.files)
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?, found.ino()))
}

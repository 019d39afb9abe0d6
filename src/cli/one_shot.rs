//! What `backfill` and `collect` share: the data path in use for one command, and its log.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::{Site, SiteError};
use crate::model::Series;
use crate::telemetry::events::Chain;
use crate::telemetry::logs::{self, LogGuard, LogSettings};

/// A data path in use for one command.
pub(crate) struct OneShot {
    site: Arc<Site>,
    _logs: LogGuard,
}

impl OneShot {
    /// Takes the data path; its log goes to the log file only, the command prints for itself.
    /// `series` are run beside the configured ones.
    pub(crate) async fn open<'a>(
        config: &Config,
        command: &str,
        series: impl Iterator<Item = &'a Series>,
        out: &mut Output,
    ) -> Result<Self, Exit> {
        let site = open_site(config, command, out).await?;
        for series in series {
            site.declare(series, Duration::ZERO);
            site.meet(series.exchange(), config).map_err(|error| out.fail(Exit::Config, Chain(&error)))?;
        }
        let logs = start_logs(config, &site, false, out)?;
        for note in &config.notes {
            tracing::info!("{note}");
        }
        Ok(OneShot { site: Arc::new(site), _logs: logs })
    }

    /// What the runs share.
    pub(crate) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site)
    }

    /// Ends cleanly.
    pub(crate) async fn close(self) {
        if let Some(site) = Arc::into_inner(self.site) {
            site.close().await;
        }
    }
}

/// Takes the data path into use, or says why not.
pub(crate) async fn open_site(config: &Config, command: &str, out: &mut Output) -> Result<Site, Exit> {
    Site::open(config, command)
        .await
        .map_err(|error: SiteError| out.fail(Exit::of_site(&error), Chain(&error)))
}

/// Starts the log of a data path.
pub(crate) fn start_logs(
    config: &Config,
    site: &Site,
    to_stderr: bool,
    out: &mut Output,
) -> Result<LogGuard, Exit> {
    let file = site.layout().own().join("dccd.log");
    let settings = LogSettings {
        level: config.telemetry.log_level.into(),
        format: config.telemetry.log_format,
        file: Some(&file),
        to_stderr,
    };
    logs::init(settings, Arc::clone(site.telemetry().metrics()))
        .map_err(|error| out.fail(Exit::Storage, Chain(&error)))
}

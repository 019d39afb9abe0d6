//! What `backfill` and `collect` share: the data path in use for one command, and its log.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::{Config, LogFormat};
use crate::daemon::{Site, SiteError};
use crate::jobs::{Order, Outcome, Progress};
use crate::telemetry::logs;

/// A data path in use for one command.
pub(crate) struct OneShot {
    site: Site,
    _logs: logs::Guard,
}

impl OneShot {
    /// Takes the data path; its log goes to the log file only, the command prints for itself.
    pub(crate) async fn open(config: &Config, command: &str, out: &mut Output) -> Result<Self, Exit> {
        let site = open_site(config, command, out).await?;
        let logs = start_logs(config, &site, false, out)?;
        for note in &config.notes {
            tracing::info!("{note}");
        }
        Ok(OneShot { site, _logs: logs })
    }

    /// Meets an exchange that no configured job names.
    pub(crate) fn meet(&mut self, exchange: &str, config: &Config, out: &mut Output) -> Result<(), Exit> {
        self.site.meet(exchange, config).map_err(|error| out.fail(Exit::Config, error))
    }

    /// The site itself.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Runs an order now.
    pub(crate) async fn run(&self, order: &Order, progress: &(dyn Fn(Progress) + Sync), stop: &CancellationToken) -> Outcome {
        self.site.run(order, Duration::ZERO, progress, stop).await
    }

    /// Ends cleanly.
    pub(crate) async fn close(self) {
        self.site.close().await;
    }
}

/// Takes the data path into use, or says why not.
pub(crate) async fn open_site(config: &Config, command: &str, out: &mut Output) -> Result<Site, Exit> {
    Site::open(config, command).await.map_err(|error: SiteError| out.fail(Exit::of_site(&error), &error))
}

/// Starts the log of a data path.
pub(crate) fn start_logs(config: &Config, site: &Site, to_stderr: bool, out: &mut Output) -> Result<logs::Guard, Exit> {
    let file = site.layout().own().join("dccd.log");
    let format = match config.telemetry.log_format {
        LogFormat::Text => logs::Format::Text,
        LogFormat::Json => logs::Format::Json,
    };
    logs::init(site.telemetry(), config.telemetry.log_level, format, Some(&file), to_stderr)
        .map_err(|error| out.fail(Exit::Storage, format!("the log {} cannot be written: {error}", file.display())))
}

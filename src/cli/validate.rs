//! `dccd validate`: checks the configuration and says what it holds.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::{error_lines, refused};
use crate::config::{self, Config};

/// Check the configuration and print what it holds.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {}

/// Checks the configuration; the exit code is 1 when something is wrong with it.
///
/// # Errors
/// When an output cannot be written.
pub fn run(_: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match config::load(config) {
        Ok(config) => summary(&config, out).map(|()| 0),
        Err(error) => refused(&error_lines(&error), err),
    }
}

fn summary(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Config: {}", config.path.display())?;
    for (label, value) in [
        ("data_path", config.data_path.display().to_string()),
        ("timezone", config.zone_name.clone()),
        ("remotes", config.storage.remotes.len().to_string()),
        ("histo_jobs", config.histo_jobs.len().to_string()),
        ("stream_jobs", config.stream_jobs.len().to_string()),
    ] {
        writeln!(out, "  {label:<19}: {value}")?;
    }
    writeln!(out, "Config is valid.")?;
    config.notes.iter().try_for_each(|note| writeln!(out, "Note: {note}"))
}

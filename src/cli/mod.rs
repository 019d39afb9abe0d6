//! The command line: one file a command.

pub mod add;
pub mod init;
pub mod remove;
pub mod validate;

use std::io::{self, Write};

use crate::config::ConfigError;

/// What is wrong with a configuration, as the lines a command writes.
fn error_lines(error: &ConfigError) -> Vec<String> {
    error.lines().iter().map(|line| format!("Error: {line}")).collect()
}

/// Writes why a command did nothing; the exit code says so too.
fn refused(lines: &[String], err: &mut dyn Write) -> io::Result<u8> {
    lines.iter().try_for_each(|line| writeln!(err, "{line}"))?;
    Ok(1)
}

//! The command line: one file a command.

pub mod add;
pub mod init;
pub mod remove;
pub mod validate;

use std::io::{self, Write};

use crate::config::ConfigError;

/// Writes one `Error:` line for each thing that is wrong.
fn refused(error: &ConfigError, err: &mut dyn Write) -> io::Result<u8> {
    for line in error.lines() {
        writeln!(err, "Error: {line}")?;
    }
    Ok(1)
}

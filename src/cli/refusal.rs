//! Commands that edit or check a file and do nothing: why, and the code they end with.

use std::io;
use std::path::Path;

use crate::cli::Exit;
use crate::config::ConfigError;

/// The problems of a configuration, as the lines a command prints.
pub(super) fn error_lines(error: &ConfigError) -> Vec<String> {
    error.located_lines().iter().map(|line| format!("Error: {line}")).collect()
}

/// Why a command that edits a file did nothing.
pub(super) struct Refusal {
    pub(super) lines: Vec<String>,
    pub(super) exit: Exit,
}

impl From<Vec<String>> for Refusal {
    fn from(lines: Vec<String>) -> Self {
        Refusal { lines, exit: Exit::Failed }
    }
}

impl Refusal {
    /// The file could not be written.
    pub(super) fn unwritten(path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::AlreadyExists => Exit::Failed,
            _ => Exit::Storage,
        };
        Refusal { lines: vec![format!("Error: {} cannot be written: {error}", path.display())], exit }
    }

    /// Prints it and returns the exit code.
    pub(super) fn print(&self, err: &mut dyn io::Write) -> io::Result<u8> {
        refused(&self.lines, err)?;
        Ok(self.exit.code())
    }
}

/// Prints why a command did nothing and returns its exit code.
pub(super) fn refused(lines: &[String], err: &mut dyn io::Write) -> io::Result<u8> {
    lines.iter().try_for_each(|line| writeln!(err, "{line}"))?;
    Ok(1)
}

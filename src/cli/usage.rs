//! What the command line itself says: help, the version, and what is wrong with it.

use std::io;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::model::is_hidden;

/// Prints it; what was typed is shown as text.
pub(super) fn told(told: &clap::Error, out: &mut Output) -> Exit {
    let plain = told.render().to_string();
    let exit = if told.use_stderr() { Exit::Usage } else { Exit::Done };
    let is_plain = !plain.chars().any(|c| is_hidden(c) && c != '\n');
    if exit == Exit::Usage {
        // In colour where the terminal has it and nothing that was typed can drive it.
        match is_plain {
            true => drop(told.print()),
            false => out.lines_of(&[], plain.as_bytes()),
        }
        return exit;
    }
    let _ = match io::IsTerminal::is_terminal(&io::stdout()) {
        true => told.print(),
        false => out.raw().write_all(plain.as_bytes()),
    };
    exit
}

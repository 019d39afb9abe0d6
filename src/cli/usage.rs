//! Output of the command line parser: help, the version and usage errors.

use std::io;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::model::is_hidden;

/// Prints it, with whatever was typed escaped.
pub(super) fn print(error: &clap::Error, out: &mut Output) -> Exit {
    let plain = error.render().to_string();
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    let is_plain = !plain.chars().any(|c| is_hidden(c) && c != '\n');
    if exit == Exit::Usage {
        // In colour, unless what was typed holds control characters.
        match is_plain {
            true => drop(error.print()),
            false => out.lines_of(&[], plain.as_bytes()),
        }
        return exit;
    }
    let _ = match io::IsTerminal::is_terminal(&io::stdout()) {
        true => error.print(),
        false => out.raw().write_all(plain.as_bytes()),
    };
    exit
}

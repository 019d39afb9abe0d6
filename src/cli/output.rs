//! Where commands print: results on standard output, complaints on standard error. A reader that went
//! away, such as `head`, is no error.

use std::fmt::Display;
use std::io::{self, Write};

use crate::cli::Exit;
use crate::telemetry::events::Chain;

/// The two streams a command prints to.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
}

impl Output {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        Output { out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    /// A whole result, such as JSON.
    pub(crate) fn text(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// The stream of the result itself, for what a program reads.
    pub(crate) fn raw(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// A remark beside the result.
    pub(crate) fn note(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "Note: {text}");
    }

    /// A complaint.
    pub(crate) fn error(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "Error: {text}");
    }

    /// An error with its causes.
    pub(crate) fn cause(&mut self, error: &dyn std::error::Error) {
        self.error(Chain(error));
    }

    /// A complaint that ends the command.
    pub(crate) fn fail(&mut self, exit: Exit, text: impl Display) -> Exit {
        self.error(text);
        exit
    }

    /// An error with its causes that ends the command.
    pub(crate) fn failed(&mut self, error: &dyn std::error::Error) -> Exit {
        self.fail(Exit::Failed, Chain(error))
    }

    /// Both streams, for a command that writes to them itself.
    pub(crate) fn streams(&mut self) -> (&mut (dyn Write + Send), &mut (dyn Write + Send)) {
        (&mut self.out, &mut self.err)
    }

    /// Runs a command that writes to the two streams itself and ends with 0 or 1.
    pub(crate) fn plain(
        &mut self,
        run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> io::Result<u8>,
    ) -> Exit {
        Exit::of(run(&mut self.out, &mut self.err).is_ok_and(|code| code == 0))
    }
}

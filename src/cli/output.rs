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

/// A count with commas: `1,234,567`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let head = digits.len() % 3;
    let mut text = digits[..head].to_owned();
    for group in digits.as_bytes()[head..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().copied().map(char::from));
    }
    text
}

/// A size with its unit: `1.2 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1_024.0 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1_023, 1_536, 5 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    }
}

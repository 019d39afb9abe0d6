//! Where commands print: results on standard output, errors on standard error.
//!
//! Text is [`escaped`]: file names and foreign messages never control the terminal. A failure of standard output is
//! remembered and sets the exit code, see [`Output::finish`].

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::cli::Exit;
use crate::model::{escaped, is_hidden};
use crate::telemetry::events::Chain;

/// The two streams a command prints to.
pub(crate) struct Output {
    out: Watched,
    err: Box<dyn Write + Send>,
    /// Columns of the terminal that standard output is, if it is one.
    width: Option<u16>,
}

/// A stream that remembers its first error.
struct Watched {
    stream: Box<dyn Write + Send>,
    refused: Option<io::Error>,
}

impl Output {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let size = is_terminal.then(|| rustix::termios::tcgetwinsize(io::stdout()).ok()).flatten();
        let width = size.map(|size| size.ws_col).filter(|columns| *columns > 0);
        Output { width, ..Output::over(Box::new(io::stdout()), Box::new(io::stderr())) }
    }

    fn over(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Output { out: Watched { stream: out, refused: None }, err, width: None }
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl Display) {
        // `Watched` remembers an error, here and below.
        let _ = writeln!(self.out, "{}", escaped(&text.to_string()));
    }

    /// Columns of the terminal; none where the result goes elsewhere.
    pub(crate) fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether standard output failed: nothing more need be printed.
    pub(crate) fn is_refused(&self) -> bool {
        self.out.refused.is_some()
    }

    /// A line beside the result; a failure to print it is ignored.
    pub(crate) fn remark(&mut self, text: impl Display) {
        let line = text.to_string();
        if writeln!(self.out.stream, "{}", escaped(&line)).and_then(|()| self.out.stream.flush()).is_err() {
            self.out.stream = Box::new(io::sink());
        }
    }

    /// A whole text of our own, such as a script.
    pub(crate) fn text(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
    }

    /// The result for programs.
    pub(crate) fn json(&mut self, result: &impl Serialize) -> Exit {
        match serde_json::to_string_pretty(result) {
            Ok(text) => self.json_text(&text),
            Err(error) => self.fail(Exit::Failed, error),
        }
    }

    /// The result for programs, on one line.
    pub(crate) fn json_line(&mut self, result: &impl Serialize) -> Exit {
        match serde_json::to_string(result) {
            Ok(text) => self.json_text(&text),
            Err(error) => self.fail(Exit::Failed, error),
        }
    }

    fn json_text(&mut self, text: &str) -> Exit {
        let _ = writeln!(self.out, "{}", plain_json(text));
        Exit::Done
    }

    /// The stream of the result itself, for what a program reads.
    pub(crate) fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut self.out
    }

    /// A remark beside the result.
    pub(crate) fn note(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "Note: {}", escaped(&text.to_string()));
    }

    /// An error.
    pub(crate) fn error(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "Error: {}", escaped(&text.to_string()));
    }

    /// An error with its causes.
    pub(crate) fn cause(&mut self, error: &dyn std::error::Error) {
        self.error(Chain(error));
    }

    /// An error that ends the command.
    pub(crate) fn fail(&mut self, exit: Exit, text: impl Display) -> Exit {
        self.error(text);
        exit
    }

    /// An error with its causes that ends the command.
    pub(crate) fn failed(&mut self, error: &dyn std::error::Error) -> Exit {
        self.fail(Exit::Failed, Chain(error))
    }

    /// Runs a command that writes to the two streams itself, in single lines, and ends with 0, 1, 74 or 78.
    pub(crate) fn plain(
        &mut self,
        run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> io::Result<u8>,
    ) -> Exit {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = run(&mut out, &mut err);
        self.lines_of(&out, &err);
        match ended {
            Ok(0) => Exit::Done,
            Ok(code) if code == Exit::Storage.code() => Exit::Storage,
            Ok(code) if code == Exit::Config.code() => Exit::Config,
            _ => Exit::Failed,
        }
    }

    /// Prints what was written as lines of text.
    pub(crate) fn lines_of(&mut self, out: &[u8], err: &[u8]) {
        for line in String::from_utf8_lossy(out).lines() {
            self.line(line);
        }
        for line in String::from_utf8_lossy(err).lines() {
            let _ = writeln!(self.err, "{}", escaped(line));
        }
    }

    /// The exit code, now that everything is printed. A result that could not be shown is a storage error; a reader
    /// that went away, such as `head`, wanted no more and gets no message.
    pub(crate) fn finish(&mut self, exit: Exit) -> Exit {
        let _ = self.out.flush();
        match self.out.refused.take() {
            None => exit,
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => exit.or_worse(Exit::ReaderGone),
            Some(error) => {
                self.error(format!(
                    "standard output took no more ({error}), so the result was not shown whole; what was done is done"
                ));
                exit.or_worse(Exit::Storage)
            }
        }
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stream.flush();
        self.watch(flushed)
    }
}

impl Watched {
    fn watch<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.refused.get_or_insert(error);
            }
            kind.into()
        })
    }
}

/// JSON that reads back as the same values and holds nothing that drives a terminal.
pub(crate) fn plain_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        // Line ends stand between values only: inside of texts they are escaped already.
        if !is_hidden(c) || c == '\n' {
            plain.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(plain, "\\u{unit:04x}").expect("a String takes any text");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes so many bytes, then refuses.
    #[derive(Clone)]
    struct Small(Arc<Mutex<(Vec<u8>, usize)>>, io::ErrorKind);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap();
            let (kept, most) = &mut *state;
            if kept.len() + bytes.len() > *most {
                return Err(self.1.into());
            }
            kept.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(most: usize, kind: io::ErrorKind) -> (Output, Small, Small) {
        let small = |most| Small(Arc::new(Mutex::new((Vec::new(), most))), kind);
        let (out, err) = (small(most), small(usize::MAX));
        (Output::over(Box::new(out.clone()), Box::new(err.clone())), out, err)
    }

    fn text(stream: &Small) -> String {
        String::from_utf8(stream.0.lock().unwrap().0.clone()).unwrap()
    }

    #[test]
    fn a_result_that_could_not_be_shown_is_an_error_and_a_reader_that_left_is_told_nothing() {
        let (mut full, _, err) = output(3, io::ErrorKind::StorageFull);
        full.line("too long");
        assert_eq!(full.finish(Exit::Done), Exit::Storage);
        assert!(text(&err).starts_with("Error: standard output took no more"), "{}", text(&err));

        let (mut closed, _, err) = output(3, io::ErrorKind::BrokenPipe);
        closed.line("too long");
        assert_eq!(closed.finish(Exit::Done), Exit::ReaderGone);
        assert_eq!((text(&err).as_str(), closed.finish(Exit::Failed)), ("", Exit::Failed));

        let (mut whole, out, _) = output(99, io::ErrorKind::StorageFull);
        whole.line("fits");
        assert_eq!((whole.finish(Exit::Done), text(&out).as_str()), (Exit::Done, "fits\n"));
    }

    #[test]
    fn nothing_that_is_printed_drives_the_terminal() {
        let hostile = "a\u{1b}[2J\u{202e}\u{7f}\u{9b}\u{e0001}b\nc";
        let (mut output, out, err) = output(usize::MAX, io::ErrorKind::Other);
        output.line(hostile);
        output.json(&hostile);
        output.error(hostile);
        output.note(hostile);
        output.plain(|out, err| {
            writeln!(out, "{hostile}").and_then(|()| writeln!(err, "{hostile}")).map(|()| 0)
        });

        for text in [text(&out), text(&err)] {
            assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
        }
        let json = text(&out).lines().nth(1).unwrap().to_owned();
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }
}

//! The terminal: its alternate screen, its size, its keys.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use crossterm::queue;
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::draw::{Line, Tone};

/// How long the thread that reads keys waits before it looks whether it should end.
const LOOK: Duration = Duration::from_millis(100);
/// Keys that wait to be handled.
const KEYS: usize = 16;
/// Jobs of a page.
const PAGE: isize = 10;

/// The meaning of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Leave,
    Scroll(isize),
    /// Another key, or another size: the screen is drawn anew.
    Other,
}

/// A terminal in use; it is as before once this is dropped.
pub(super) struct Screen {
    out: BufWriter<Stdout>,
    keys: mpsc::Receiver<io::Result<Key>>,
    is_over: Arc<AtomicBool>,
    _reading: JoinHandle<()>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it cannot be put into raw mode.
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let mut out = BufWriter::new(io::stdout());
        let taken = queue!(out, EnterAlternateScreen, Hide).and_then(|()| out.flush());
        taken.inspect_err(|_| {
            let _ = disable_raw_mode();
        })?;
        let (sender, keys) = mpsc::channel(KEYS);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let _reading = tokio::task::spawn_blocking(move || read_keys(&sender, &over));
        Ok(Screen { out, keys, is_over, _reading })
    }

    /// Draws what fits.
    ///
    /// # Errors
    /// If the terminal takes nothing.
    pub(super) fn draw(&mut self, lines: impl FnOnce(usize, usize) -> Vec<Line>) -> io::Result<()> {
        let (columns, rows) = size()?;
        let lines = lines(columns.into(), rows.into());
        for (row, line) in (0..rows).zip(lines.iter().map(Some).chain(std::iter::repeat(None))) {
            queue!(self.out, MoveTo(0, row))?;
            for (tone, text) in line.into_iter().flatten() {
                look(&mut self.out, *tone)?;
                queue!(self.out, Print(text), ResetColor, SetAttribute(Attribute::Reset))?;
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        self.out.flush()
    }

    /// The next key.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) async fn key(&mut self) -> io::Result<Key> {
        self.keys.recv().await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A terminal that is gone needs nothing.
        let _ = queue!(self.out, Show, LeaveAlternateScreen).and_then(|()| self.out.flush());
        let _ = disable_raw_mode();
    }
}

fn read_keys(keys: &mpsc::Sender<io::Result<Key>>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let key = match poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => read().map(|event| key_of(&event)),
            Err(error) => Err(error),
        };
        let is_failure = key.is_err();
        if keys.blocking_send(key).is_err() || is_failure {
            return;
        }
    }
}

fn key_of(event: &Event) -> Key {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else {
        return Key::Other;
    };
    match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Key::Leave,
        KeyCode::Char('q') | KeyCode::Esc => Key::Leave,
        KeyCode::Up | KeyCode::Char('k') => Key::Scroll(-1),
        KeyCode::Down | KeyCode::Char('j') => Key::Scroll(1),
        KeyCode::PageUp => Key::Scroll(-PAGE),
        KeyCode::PageDown => Key::Scroll(PAGE),
        KeyCode::Home => Key::Scroll(isize::MIN),
        _ => Key::Other,
    }
}

fn look(out: &mut impl Write, tone: Tone) -> io::Result<()> {
    let color = match tone {
        Tone::Plain => return Ok(()),
        Tone::Strong => return queue!(out, SetAttribute(Attribute::Bold)),
        Tone::Quiet => return queue!(out, SetAttribute(Attribute::Dim)),
        Tone::Good => Color::Green,
        Tone::Busy => Color::Yellow,
        Tone::Bad => Color::Red,
    };
    queue!(out, SetForegroundColor(color))
}

//! New lines of the log as they are written, over its rotations.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::tail::{LINE_LIMIT_BYTES, newest_first, speaks_of};

/// Reads the lines that are appended to a log; those of one series if a selector is given.
pub struct Follower {
    path: PathBuf,
    selector: Option<String>,
    /// The file that is read, and how far; none before there is a log.
    reading: Option<(File, u64)>,
    /// The beginning of a line that has no end yet.
    partial: Vec<u8>,
}

impl Follower {
    /// Follows the log at `path`, from the first line of its oldest file on.
    #[must_use]
    pub fn new(path: &Path, selector: Option<&str>) -> Self {
        let selector = selector.map(str::to_owned);
        Follower { path: path.to_owned(), selector, reading: None, partial: Vec::new() }
    }

    /// Passes on the whole lines written since the last call; at the first, all there are.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn read(&mut self, mut on: impl FnMut(String)) -> io::Result<()> {
        if self.is_rotated()? {
            let files = newest_first(&self.path)?;
            for file in self.newer(files)?.into_iter().rev() {
                // Nothing more is written to a file that was rotated.
                self.read_on(&mut on)?;
                self.end_line(&mut on);
                self.reading = Some((file, 0));
            }
        }
        self.read_on(&mut on)
    }

    /// The files after the one that is read, newest first.
    fn newer(&self, mut files: Vec<File>) -> io::Result<Vec<File>> {
        let Some((file, _)) = &self.reading else { return Ok(files) };
        let own = identity(file)?;
        let all: Vec<_> = files.iter().map(identity).collect::<io::Result<_>>()?;
        // One that is gone was rotated away: all there are come after it.
        files.truncate(all.iter().position(|other| *other == own).unwrap_or(all.len()));
        Ok(files)
    }

    /// Whether the log is another file than the one that is read.
    fn is_rotated(&self) -> io::Result<bool> {
        let now = match self.path.symlink_metadata() {
            Ok(about) => (about.dev(), about.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match &self.reading {
            None => Ok(true),
            Some((file, _)) => Ok(identity(file)? != now),
        }
    }

    /// Reads the file to its end.
    fn read_on(&mut self, on: &mut impl FnMut(String)) -> io::Result<()> {
        let Some((file, at)) = &mut self.reading else { return Ok(()) };
        if file.metadata()?.len() < *at {
            // It was truncated.
            *at = 0;
        }
        file.seek(SeekFrom::Start(*at))?;
        let mut piece = vec![0; LINE_LIMIT_BYTES as usize];
        loop {
            let Some((file, at)) = &mut self.reading else { return Ok(()) };
            let count = file.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            *at += count as u64;
            for byte in &piece[..count] {
                match byte {
                    b'\n' => self.end_line(on),
                    byte => self.partial.push(*byte),
                }
                if self.partial.len() as u64 == LINE_LIMIT_BYTES {
                    self.end_line(on);
                }
            }
        }
    }

    fn end_line(&mut self, on: &mut impl FnMut(String)) {
        if self.partial.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
        if self.selector.as_ref().is_none_or(|selector| speaks_of(&line, selector)) {
            on(line);
        }
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|about| (about.dev(), about.ino()))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test writes a log itself")]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::super::file::{KEPT, numbered};
    use super::*;

    fn put(path: &Path, text: &str) {
        File::options().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Rotates as the log itself does.
    fn rotate(path: &Path) {
        for number in (1..KEPT).rev() {
            let _ = fs::rename(numbered(path, number), numbered(path, number + 1));
        }
        fs::rename(path, numbered(path, 1)).unwrap();
        put(path, "");
    }

    fn read(follower: &mut Follower) -> Vec<String> {
        let mut lines = Vec::new();
        follower.read(|line| lines.push(line)).unwrap();
        lines
    }

    #[test]
    fn every_line_comes_once_and_in_order_over_rotations() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let mut follower = Follower::new(&path, None);
        assert_eq!(read(&mut follower), [""; 0], "there is no log yet");
        let (mut written, mut seen) = (Vec::new(), Vec::new());

        for number in 0..60 {
            let line = format!("line {number}");
            put(&path, &format!("{line}\n"));
            written.push(line);
            if number % 7 == 0 {
                rotate(&path);
            }
            // As seldom as that several rotations lie between two looks.
            if number % 16 == 0 {
                seen.extend(read(&mut follower));
            }
        }
        seen.extend(read(&mut follower));

        assert_eq!(seen, written);
        assert_eq!(read(&mut follower), [""; 0]);
    }

    #[test]
    fn a_line_comes_when_it_is_whole_and_a_truncated_log_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        put(&path, "a\nb");
        let mut follower = Follower::new(&path, None);

        assert_eq!(read(&mut follower), ["a"]);
        put(&path, "c\n");
        assert_eq!(read(&mut follower), ["bc"]);
        File::create(&path).unwrap().write_all(b"d\n").unwrap();
        assert_eq!(read(&mut follower), ["d"]);
    }

    #[test]
    fn only_lines_of_the_series_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        put(&path, "T INFO  binance/BTC-USDT/ohlc/1h 1\nT INFO  kraken/BTC-USDT/ohlc/1h 2\n");

        let mut follower = Follower::new(&path, Some("kraken"));

        assert_eq!(read(&mut follower), ["T INFO  kraken/BTC-USDT/ohlc/1h 2"]);
    }
}

//! A log file that is renamed to `.1` when it is full, `.1` to `.2` and so on; the oldest is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::disk::atomic;

/// The size of a full file.
const LIMIT_BYTES: u64 = 10 * 1024 * 1024;

/// The number of full files kept.
pub(super) const KEPT: u32 = 5;

/// The current file. Lines are written to the system one by one, without buffering.
pub(super) struct RotatingFile {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    limit_bytes: u64,
    /// Whether the last line may have been written only in part.
    torn: bool,
}

impl RotatingFile {
    /// Opens the file for appending, and creates its folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        RotatingFile::with_limit(path, LIMIT_BYTES)
    }

    fn with_limit(path: &Path, limit_bytes: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append_to(path)?;
        let size_bytes = file.metadata()?.len();
        Ok(RotatingFile { path: path.to_owned(), file, size_bytes, limit_bytes, torn: false })
    }

    /// Appends a line, to a new file if this one is full. If files cannot be renamed, this one grows up to
    /// twice its limit.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let size_after = self.size_bytes + line.len() as u64;
        if self.size_bytes > 0 && size_after > self.limit_bytes {
            match self.rotate() {
                Ok(()) => {}
                Err(error) if size_after > 2 * self.limit_bytes => return Err(error),
                Err(_) => {}
            }
        }
        if std::mem::replace(&mut self.torn, true) {
            self.file.write_all(b"\n")?;
        }
        self.file.write_all(line)?;
        self.torn = false;
        self.size_bytes += line.len() as u64;
        Ok(())
    }

    /// From the oldest on, so that no rename overwrites a file that is still needed.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            rename_if_there(&numbered(&self.path, number), &numbered(&self.path, number + 1))?;
        }
        rename_if_there(&self.path, &numbered(&self.path, 1))?;
        self.file = append_to(&self.path)?;
        self.torn = false;
        self.size_bytes = self.file.metadata()?.len();
        Ok(())
    }
}

/// `dccd.log.3`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn append_to(path: &Path) -> io::Result<File> {
    atomic::open_own(path, OpenOptions::new().create(true).append(true))
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test may break a file on purpose")]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_one_of_the_files_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let mut log = RotatingFile::with_limit(&path, 100).unwrap();

        for number in 0..50 {
            log.write(format!("line {number:02}\n").as_bytes()).unwrap();
        }

        let expected: String = (0..50).map(|number| format!("line {number:02}\n")).collect();
        assert_eq!(everything(&path), expected);
        assert!((0..=KEPT).all(|number| size(&path, number) <= 100));
    }

    #[test]
    fn the_files_stay_within_their_bound_and_the_newest_lines_survive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let mut log = RotatingFile::with_limit(&path, 100).unwrap();

        for number in 0..10_000 {
            log.write(format!("line {number:06}\n").as_bytes()).unwrap();
        }

        assert!(everything(&path).ends_with("line 009998\nline 009999\n"));
        assert!((0..=KEPT).all(|number| size(&path, number) <= 100));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
    }

    #[test]
    fn a_log_takes_six_times_ten_megabytes_and_no_more_however_much_is_logged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let mut log = RotatingFile::open(&path).unwrap();
        let line = vec![b'x'; 512 * 1024];

        for _ in 0..160 {
            log.write(&line).unwrap();
        }

        let sizes: Vec<u64> = (0..=KEPT).map(|number| size(&path, number)).collect();
        assert!(sizes.iter().all(|size| *size <= 10 << 20), "{sizes:?}");
        assert!(sizes[1..].iter().all(|size| *size == 10 << 20), "{sizes:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
    }

    #[test]
    fn a_file_left_by_an_earlier_process_is_appended_to_and_counts_towards_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        RotatingFile::with_limit(&path, 20).unwrap().write(b"0123456789\n").unwrap();

        let mut log = RotatingFile::with_limit(&path, 20).unwrap();
        log.write(b"abcdefghij\n").unwrap();

        assert_eq!(fs::read(numbered(&path, 1)).unwrap(), b"0123456789\n");
        assert_eq!(fs::read(&path).unwrap(), b"abcdefghij\n");
    }

    #[test]
    fn while_files_cannot_be_renamed_lines_go_on_up_to_twice_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let mut log = RotatingFile::with_limit(&path, 20).unwrap();
        // A rename cannot replace a folder that is not empty.
        fs::create_dir_all(numbered(&path, 4)).unwrap();
        fs::create_dir_all(numbered(&path, 5).join("in the way")).unwrap();

        let written: Vec<bool> = (0..5).map(|_| log.write(b"0123456789").is_ok()).collect();

        assert_eq!(written, [true, true, true, true, false]);
        assert_eq!(size(&path, 0), 40);
    }

    #[test]
    fn it_is_not_opened_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("dccd.log"), folder.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();

        assert!(RotatingFile::open(&path).is_err());
        fs::remove_file(&path).unwrap();
        let mut log = RotatingFile::with_limit(&path, 10).unwrap();
        log.write(b"0123456789").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        // The link is rotated like a full file.
        log.write(b"0123456789").unwrap();

        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }

    fn everything(path: &Path) -> String {
        let older = (1..=KEPT).rev().filter_map(|number| fs::read_to_string(numbered(path, number)).ok());
        older.chain(fs::read_to_string(path)).collect()
    }

    fn size(path: &Path, number: u32) -> u64 {
        let path = if number == 0 { path.to_owned() } else { numbered(path, number) };
        fs::metadata(path).map_or(0, |about| about.len())
    }
}

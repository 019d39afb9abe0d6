//! Keeps originals before anything replaces them: `{data_path}/.dccd/imported/` holds each under its former path.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::atomic;
use crate::store::Layout;

/// Where originals are kept.
pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.own().join("imported")
}

/// Keeps the file at `path`, which is at `inside` below the data path, as a hard link or, if the file system has
/// none, as a copy. Returns its new path. May be repeated.
pub(crate) fn keep(layout: &Layout, path: &Path, inside: &Path) -> io::Result<PathBuf> {
    for count in 0.. {
        let mut kept = folder(layout).join(inside);
        if count > 0 {
            kept.as_mut_os_string().push(format!(".{count}"));
        }
        if !kept.exists() {
            atomic::create_folder(kept.parent().unwrap_or(&kept))?;
            if fs::hard_link(path, &kept).is_err() {
                copy(path, &kept)?;
            }
            atomic::sync_folder(kept.parent().unwrap_or(&kept))?;
            return Ok(kept);
        }
        if same(path, &kept)? {
            return Ok(kept);
        }
    }
    Err(io::Error::other("every name is taken"))
}

/// Removes a file of which a copy is kept, and its folders up to `root` if they are empty.
pub(crate) fn take_away(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            return atomic::sync_folder(folder);
        }
    }
    atomic::sync_folder(root)
}

fn copy(path: &Path, kept: &Path) -> io::Result<()> {
    let aside = atomic::aside(kept);
    let mut to = atomic::create(&aside)?;
    io::copy(&mut File::open(path)?, &mut to)?;
    to.sync_all()?;
    atomic::take_name(&aside, kept)
}

/// Whether two files have the same content; two names of one file do.
fn same(a: &Path, b: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (of_a, of_b) = (fs::metadata(a)?, fs::metadata(b)?);
    if (of_a.dev(), of_a.ino()) == (of_b.dev(), of_b.ino()) {
        return Ok(true);
    }
    if of_a.len() != of_b.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (io::BufReader::new(File::open(a)?), io::BufReader::new(File::open(b)?));
    loop {
        let (x, y) = (io::BufRead::fill_buf(&mut a)?, io::BufRead::fill_buf(&mut b)?);
        let common = x.len().min(y.len());
        if common == 0 {
            return Ok(x.is_empty() && y.is_empty());
        }
        if x[..common] != y[..common] {
            return Ok(false);
        }
        io::BufRead::consume(&mut a, common);
        io::BufRead::consume(&mut b, common);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_original_is_kept_once_and_another_of_the_same_name_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        let inside = Path::new("binance/ohlc/BTC-USDT/1h/2024.parquet");
        let path = root.path().join(inside);
        atomic::create_folder(path.parent().unwrap()).unwrap();
        atomic::replace(&path, b"first").unwrap();

        let first = keep(&layout, &path, inside).unwrap();
        assert_eq!(keep(&layout, &path, inside).unwrap(), first);
        atomic::replace(&path, b"other").unwrap();
        let other = keep(&layout, &path, inside).unwrap();
        take_away(root.path(), &path).unwrap();

        assert_eq!(first, root.path().join(".dccd/imported").join(inside));
        assert_eq!(
            (fs::read(&first).unwrap(), fs::read(&other).unwrap()),
            (b"first".into(), b"other".into())
        );
        assert!(!root.path().join("binance").exists(), "empty folders go with the file");
    }

    #[test]
    fn a_copy_is_known_as_the_same_file_and_another_of_its_length_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [path, copied] = ["path", "copied"].map(|name| folder.path().join(name));
        let long: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        atomic::replace(&path, &long).unwrap();
        copy(&path, &copied).unwrap();
        assert!(same(&path, &copied).unwrap());
        let mut other = long;
        other[99_999] ^= 1;
        atomic::replace(&copied, &other).unwrap();
        assert!(!same(&path, &copied).unwrap());
    }
}

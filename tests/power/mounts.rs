//! File systems of our own: mounted for a test, and unmounted again however it ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mount, undone when it is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// A memory file system of its own.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Result<Self, String> {
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], at)
    }

    /// A folder made read-only for everything that is opened from now on.
    pub(crate) fn read_only(folder: &Path) -> Result<Self, String> {
        let path = folder.display().to_string();
        let mounted = mount(&["--bind", &path], folder)?;
        run("mount", &["-o", "remount,bind,ro", &path])?;
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let path = self.0.display().to_string();
        if run("umount", &[&path]).is_err() {
            // Something still has a file open; the mount goes when that ends.
            let _ = run("umount", &["-l", &path]);
        }
    }
}

fn mount(args: &[&str], at: &Path) -> Result<Mounted, String> {
    std::fs::create_dir_all(at).unwrap();
    let path = at.display().to_string();
    run("mount", &[args, &[&path]].concat())?;
    Ok(Mounted(at.to_owned()))
}

/// Runs a program to its end; gives what it printed, or what it complained of.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let ended = Command::new(program).args(args).env("PATH", path).output();
    let ended = ended.map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if ended.status.success() {
        return Ok(text(&ended.stdout));
    }
    Err(format!("{program} {}: {} {}", args.join(" "), text(&ended.stdout), text(&ended.stderr)))
}

/// An ext4 file system in a file, and the means to cut its power.
pub(crate) struct Image {
    folder: TempDir,
    mounted: Option<Mounted>,
}

/// Shuts a file system down as it is on the disk: what is in memory alone, its log included, is gone.
const CUT: &str = r#"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
int main(int count, char **words) {
    uint32_t no_log_flush = 2;
    int folder = count == 2 ? open(words[1], O_RDONLY) : -1;
    if (folder < 0 || ioctl(folder, _IOR('X', 125, uint32_t), &no_log_flush)) { perror("shutdown"); return 1; }
    return 0;
}
"#;

impl Image {
    /// A fresh one, mounted; the reason where that cannot be had here.
    pub(crate) fn new(size: &str) -> Result<Self, String> {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("cut.c"), CUT).unwrap();
        run("cc", &["-o", &path("cut"), &path("cut.c")])?;
        run("truncate", &["-s", size, &path("image")])?;
        run("mkfs.ext4", &["-q", "-F", &path("image")])?;
        let mut image = Image { folder, mounted: None };
        image.mount()?;
        Ok(image)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn mount(&mut self) -> Result<(), String> {
        let image = self.folder.path().join("image").display().to_string();
        self.mounted = Some(mount(&["-o", "loop", &image], &self.path())?);
        Ok(())
    }

    /// Cuts the power: from here on every write and sync fails, and nothing more reaches the disk.
    pub(crate) fn cut(&self) -> Result<(), String> {
        let cut = self.folder.path().join("cut").display().to_string();
        run(&cut, &[&self.path().display().to_string()]).map(drop)
    }

    /// Gives the power back. The file system repairs itself from its log and must then be whole.
    pub(crate) fn restore(&mut self) {
        self.mounted = None;
        self.mount().unwrap();
        self.mounted = None;
        run("e2fsck", &["-fn", &self.folder.path().join("image").display().to_string()]).unwrap();
        self.mount().unwrap();
    }
}

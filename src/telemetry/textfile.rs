//! The result of `dccd collect` for node_exporter's textfile collector: replaced atomically, readable by all, and
//! without timestamps, which that collector rejects.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::disk::atomic;
use crate::telemetry::exposition::{Format, encode_families};
use crate::telemetry::metrics::{CollectFamilies, Collected, Family};

/// The file's name if only a folder is given.
const NAME: &str = "dccd.prom";

/// Larger files are rejected.
const SIZE_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// The family with the command's exit code.
const EXIT_CODE: &str = "dccd_collect_exit_code";

/// A text file of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Textfile(PathBuf);

impl Textfile {
    /// A path that ends in `.prom` is the file, any other the folder of a `dccd.prom`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let is_file = path.extension().is_some_and(|extension| extension == "prom");
        Textfile(if is_file { path.to_owned() } else { path.join(NAME) })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its content.
    #[must_use]
    pub fn families() -> Vec<Family> {
        CollectFamilies::new().list()
    }

    /// Replaces it by the result of a command.
    ///
    /// # Errors
    /// Any I/O error; the file is unchanged then.
    pub fn write(&self, series: &[Collected], exit_code: u8) -> io::Result<()> {
        self.replace(&text_of(series, exit_code)?)
    }

    /// Replaces only the exit code in it, for a command that ended before it knew its series.
    ///
    /// # Errors
    /// Any I/O error; the file is unchanged then.
    pub fn write_exit(&self, exit_code: u8) -> io::Result<()> {
        let mut text: String = self
            .read()?
            .split_inclusive('\n')
            .filter(|line| !line.split([' ', '{']).any(|word| word == EXIT_CODE))
            .collect();
        text.push_str(&text_of(&[], exit_code)?);
        self.replace(&text)
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        match File::open(&self.0) {
            Ok(file) => file.take(SIZE_LIMIT_BYTES).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(text)
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let aside = atomic::aside(&self.0);
        let mut file = atomic::create(&aside)?;
        file.write_all(text.as_bytes())?;
        // The collector runs as another user.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()?;
        atomic::take_name(&aside, &self.0)
    }
}

fn text_of(series: &[Collected], exit_code: u8) -> io::Result<String> {
    let families = CollectFamilies::new();
    families.set(series, exit_code);
    let (families, exemplars) = families.gather();
    encode_families(&families, Format::Text, exemplars)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_file_is_readable_by_all_and_says_what_the_command_did() {
        let folder = tempfile::tempdir().unwrap();
        let file = Textfile::at(folder.path());

        file.write(&[collected(Some(12.5))], 1).unwrap();

        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        let labels = r#"{exchange="binance",kind="ohlc",pair="BTC/USDT",span="1h"}"#;
        let text = fs::read_to_string(folder.path().join("dccd.prom")).unwrap();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                format!("dccd_collect_duration_seconds{labels} 1.5"),
                "dccd_collect_exit_code 1".to_owned(),
                format!("dccd_collect_last_run_timestamp_seconds{labels} 20"),
                format!("dccd_collect_last_success_timestamp_seconds{labels} 12.5"),
                format!("dccd_collect_rows{labels} 7"),
            ]
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_command_that_knows_no_series_changes_the_exit_code_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = Textfile::at(&folder.path().join("mine.prom"));
        file.write_exit(78).unwrap();
        assert_eq!(samples(&file), ["dccd_collect_exit_code 78"]);
        file.write(&[collected(None)], 0).unwrap();
        let before = samples(&file);

        file.write_exit(78).unwrap();

        let mut expected: Vec<String> =
            before.iter().filter(|line| !line.starts_with(EXIT_CODE)).cloned().collect();
        expected.push("dccd_collect_exit_code 78".to_owned());
        assert_eq!(samples(&file), expected);
        let text = fs::read_to_string(file.path()).unwrap();
        assert_eq!(text.matches("# TYPE dccd_collect_exit_code gauge").count(), 1);
    }

    fn samples(file: &Textfile) -> Vec<String> {
        let text = fs::read_to_string(file.path()).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn collected(last_success_secs: Option<f64>) -> Collected {
        Collected {
            series: Arc::new("binance/BTC-USDT/ohlc/1h".parse().unwrap()),
            last_run_secs: Some(20.0),
            last_success_secs,
            ran: Some((Duration::from_millis(1_500), 7)),
        }
    }
}

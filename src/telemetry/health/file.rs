//! Reads `metrics.json` leniently and replaces it atomically.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::PairHealth;
use crate::disk::atomic;

type Pairs = BTreeMap<String, PairHealth>;

/// Larger files are rejected: ten thousand pairs need two megabytes.
const SIZE_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// The pairs in a data path's `metrics.json`; empty if there is no such file. Changes nothing.
///
/// # Errors
/// If the file cannot be read or is invalid.
pub fn read_pairs(data_path: &Path) -> io::Result<BTreeMap<String, PairHealth>> {
    let file = data_path.join(".dccd").join("metrics.json");
    let Some(text) = read(&file)? else { return Ok(Pairs::new()) };
    serde_json::from_slice(&text).map_err(|error| {
        let what = format!("{} is not readable ({error}); rename it and run dccd again", file.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

/// The content of the file; an invalid one is renamed rather than lost.
pub(super) fn read_or_set_aside(file: &Path) -> io::Result<Pairs> {
    let Some(text) = read(file)? else { return Ok(Pairs::new()) };
    match serde_json::from_slice(&text) {
        Ok(pairs) => Ok(pairs),
        Err(error) => {
            let aside = free_name(file);
            fs::rename(file, &aside)?;
            tracing::warn!(
                error = %error,
                kept_as = %aside.display(),
                "metrics.json cannot be read and was set aside; health starts empty"
            );
            Ok(Pairs::new())
        }
    }
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    opened.take(SIZE_LIMIT_BYTES).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// `metrics.json.unreadable`, with a number if that exists.
fn free_name(file: &Path) -> PathBuf {
    let first = file.with_extension("json.unreadable");
    let numbered = (2..u32::MAX).map(|number| file.with_extension(format!("json.unreadable.{number}")));
    std::iter::once(first.clone()).chain(numbered).find(|name| !name.exists()).unwrap_or(first)
}

/// Replaces the file: written aside, synced, renamed, and the folder synced.
pub(super) fn write(file: &Path, pairs: &Pairs) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    atomic::create_folder(folder)?;
    let mut text = serde_json::to_vec_pretty(pairs)?;
    text.push(b'\n');
    atomic::replace(file, &text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::telemetry::HealthMonitor;

    #[test]
    fn an_older_file_with_fewer_or_more_keys_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), br#"{"kraken/ETH/USD": {"rows_collected": 4, "last_run_at": 17, "extra": [1]}}"#);

        let health = HealthMonitor::open(folder.path()).unwrap().get_metrics();

        let expected = PairHealth { last_run_at: Some(17.0), rows_collected: 4, ..PairHealth::default() };
        assert_eq!(health["kraken/ETH/USD"], expected);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_kept_under_another_name_each_time() {
        let folder = tempfile::tempdir().unwrap();
        for text in [b"{\"binance/BTC".as_slice(), b"\xff\xfe", b""] {
            put(folder.path(), text);
            assert!(HealthMonitor::open(folder.path()).unwrap().get_metrics().is_empty());
        }

        let kept = |name: &str| fs::read(folder.path().join(".dccd").join(name)).unwrap();
        assert_eq!(kept("metrics.json.unreadable"), b"{\"binance/BTC");
        assert_eq!(kept("metrics.json.unreadable.2"), b"\xff\xfe");
        assert_eq!(kept("metrics.json.unreadable.3"), b"");
    }

    #[test]
    fn the_file_has_the_keys_of_the_contract_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let monitor = HealthMonitor::open(folder.path()).unwrap();
        monitor.record_failure("binance", "BTC/USDT").unwrap();

        let text = fs::read_to_string(folder.path().join(".dccd/metrics.json")).unwrap();

        let stamp = monitor.get_metrics()["binance/BTC/USDT"].last_run_at.unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "{",
                "\"binance/BTC/USDT\": {",
                &format!("\"last_run_at\": {},", serde_json::to_string(&stamp).unwrap()),
                "\"last_success_at\": null,",
                "\"rows_collected\": 0,",
                "\"errors_count\": 1",
                "}",
                "}"
            ]
        );
        let left: Vec<_> = fs::read_dir(folder.path().join(".dccd")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing but metrics.json is left behind");
    }

    fn put(data_path: &Path, text: &[u8]) {
        fs::create_dir_all(data_path.join(".dccd")).unwrap();
        File::create(data_path.join(".dccd/metrics.json")).unwrap().write_all(text).unwrap();
    }
}

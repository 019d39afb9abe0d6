//! The configuration: refused in words and with places, or loaded the same each time it is read; and edited without a
//! change of anything else.

use std::path::Path;

use super::folder;
use super::seeds;
use crate::config::edit::{self, NewJob};
use crate::config::{Config, ConfigError, Surroundings, check, load_in};
use crate::model::{Pair, is_hidden};

/// The most problems and the longest line that a person is shown.
const MOST_LINES: usize = 101;
const MOST_LINE_BYTES: usize = 16 << 10;

pub(super) fn run(bytes: &[u8]) {
    let around = Surroundings { home: Some("/home/ann".into()), ..Surroundings::default() };
    let text = String::from_utf8_lossy(bytes);
    folder::with(|folder| {
        let path = folder.put("config.yml", bytes);
        match (check(&text, &path, &around), load_in(Some(path.as_path()), &around)) {
            (Ok(config), Ok(loaded)) => {
                assert_eq!(format!("{config:?}"), format!("{loaded:?}"), "it loads otherwise than it checks");
                edited(&text, &path, &around, &config);
            }
            (Ok(_), Err(error)) => {
                assert!(std::str::from_utf8(bytes).is_err(), "checked and not loaded: {error}");
                refused(&error);
            }
            (Err(error), loaded) => {
                refused(&error);
                assert!(loaded.is_err(), "refused and loaded");
            }
        }
    });
}

/// One more job and away with it again.
fn edited(text: &str, path: &Path, around: &Surroundings, config: &Config) {
    let pairs: [Pair; 1] = ["FUZZ/USDT".parse().expect("the pair is well written")];
    let job = NewJob { exchange: "binance", pairs: &pairs, span_secs: 3_600 };
    let Ok(added) = edit::add(text, &job) else { return };
    let more = check(&added, path, around).expect("a job more is no problem");
    let all = |config: &Config| config.histo_jobs.iter().map(|job| job.series.len()).sum::<usize>();
    assert_eq!(all(&more), all(config) + 1, "another number of series");
    assert_eq!(more.stream_jobs.len(), config.stream_jobs.len());
    let Ok(removed) = edit::remove(&added, &job) else { return };
    // Where it was the only one, a file without a job is left, which is refused.
    if let Ok(back) = check(&removed, path, around) {
        assert_eq!(all(&back), all(config), "not what it was");
        assert_eq!(format!("{:?}", back.exchanges), format!("{:?}", config.exchanges));
    }
}

fn refused(error: &ConfigError) {
    let lines = error.located_lines();
    assert!(!lines.is_empty() && lines.len() <= MOST_LINES, "{} lines", lines.len());
    for line in lines {
        assert!(!line.is_empty() && line.len() <= MOST_LINE_BYTES, "a line of {} bytes", line.len());
    }
    for problem in error.problems() {
        assert!(!problem.at.chars().any(is_hidden), "{:?}", problem.at);
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::below(&seeds::root().join("examples"), ".yml");
    seeds.extend(SHORT.map(|text| text.as_bytes().to_vec()));
    seeds
}

const SHORT: [&str; 5] = [
    "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n",
    "settings: {data_path: ~/x, timezone: Europe/Paris}\nstream_jobs:\n  - exchange: kraken\n    pairs: [BTC/USD]\n    channels: [trades, book]\n",
    "jobs:\n  - exchange: Binance\n    crypto: BTC\n    fiat: USDT\n    span: 3600\n    by_period: Y\n",
    "base: &b {exchange: okx, span: 60}\nhisto_jobs: [{<<: *b, pairs: [BTC/USDT]}]\n",
    "storage: {remotes: [{remote: 'nas:x'}], sync_interval: 60}\nhttp: {listen: ['127.0.0.1:0']}\nalerts: {max_consecutive_errors: 3}\nhisto_jobs:\n- {exchange: coinbase, pairs: ['*/USD'], span: 1d, start: 2024-01-30}\n",
];

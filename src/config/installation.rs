//! Reads the data path from a configuration that may be invalid everywhere else.

use std::path::{Path, PathBuf};

use crate::config::check::KEYS;
use crate::config::find::{Surroundings, read};
use crate::config::node::Node;
use crate::config::problem::{ConfigError, Problem, Report};
use crate::config::section::Section;
use crate::config::{settings, storage};

/// The part of a configuration needed to examine a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder of the data.
    pub data_path: PathBuf,
    /// The configured name of this installation.
    pub environment: String,
}

/// Reads the location of the data and checks nothing else: a mistake in a job does not affect a program that runs
/// with an earlier version of the file.
///
/// # Errors
/// If there is no file, or its settings cannot be read.
pub(crate) fn installation(explicit: Option<&Path>) -> Result<Installation, ConfigError> {
    let around = Surroundings::of_process();
    let path = around.locate(explicit)?;
    of_text(&read(&path)?, &path, &around)
}

fn of_text(text: &str, path: &Path, around: &Surroundings) -> Result<Installation, ConfigError> {
    let tree = Node::parse(text).map_err(|reason| ConfigError::Syntax { path: path.to_owned(), reason })?;
    if !matches!(tree, Node::Map(_)) {
        let message = format!("expected a mapping, found {}", tree.found());
        let problems = vec![Problem { at: String::new(), message, line: None }];
        return Err(ConfigError::Refused { path: path.to_owned(), problems });
    }
    let ignored = Report::default();
    let root = Section::open(&tree, "", KEYS, &ignored);
    let settings = settings::check(&root, &storage::open(&root), around);
    Ok(Installation { data_path: settings.data_path, environment: settings.environment })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_a_file_that_is_wrong_elsewhere_and_is_the_one_of_the_checked_configuration() {
        let around = Surroundings { home: Some("/h".into()), ..Surroundings::default() };
        let settings = "settings: {data_path: ~/data, environment: production}\n";
        let right = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n";
        let config = crate::config::check(&format!("{settings}{right}"), Path::new("c"), &around).unwrap();

        let installation =
            of_text(&format!("{settings}histo_jobs: 7\nnonsense: 1\n"), Path::new("c"), &around).unwrap();

        assert_eq!(
            installation,
            Installation { data_path: config.data_path, environment: config.environment }
        );
        assert!(of_text("- a list", Path::new("c"), &around).is_err());
        assert!(of_text("settings: {", Path::new("c"), &around).is_err());
    }
}

//! The problems of a configuration: all of them at once, each with its place.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::lines::Lines;
use crate::config::yaml::split_mark;

/// The most problems reported; a file with more is entirely wrong.
const TOLD: usize = 100;

/// A problem in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place, such as `histo_jobs[2].exchange`; empty for the whole file.
    pub at: String,
    /// The problem and its correction.
    pub message: String,
    /// The line in the file, if known.
    pub line: Option<usize>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.at, self.message)
        }
    }
}

/// Why a configuration could not be loaded.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// No file was given, and there is none in the default locations.
    #[error("No config file found. Tried: {}; write one with `dccd init`", list(tried))]
    NoneFound {
        /// The locations, in order.
        tried: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{} is not an ordinary file", path.display())]
    NotAFile {
        /// The path given.
        path: PathBuf,
    },
    /// The file is too large for a configuration.
    #[error("{} is larger than 1 MiB; a configuration is not", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not valid YAML.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The problem and its place.
        reason: String,
    },
    /// Not a valid configuration.
    #[error("{}", join(problems))]
    Refused {
        /// The file.
        path: PathBuf,
        /// All problems, in file order.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// The problems to correct, one per line.
    #[must_use]
    #[doc(hidden)]
    pub fn lines(&self) -> Vec<String> {
        match self {
            ConfigError::Refused { problems, .. } => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        }
    }

    /// The same for people, with file and line: `config.yml:12: histo_jobs[2].exchange: …`.
    #[must_use]
    #[doc(hidden)]
    pub fn located_lines(&self) -> Vec<String> {
        let ConfigError::Refused { path, problems } = self else { return self.lines() };
        let located = |problem: &Problem| match problem.line {
            Some(line) => format!("{}:{line}: {problem}", path.display()),
            None => problem.to_string(),
        };
        problems.iter().map(located).collect()
    }

    /// The problems of the file; empty if there is no file to correct.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            ConfigError::Refused { problems, .. } => problems,
            _ => &[],
        }
    }

    /// Whether there is no file yet.
    #[must_use]
    #[doc(hidden)]
    pub fn is_missing(&self) -> bool {
        match self {
            ConfigError::NoneFound { .. } => true,
            ConfigError::Unreadable { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Collects problems and notes while a file is checked.
#[derive(Default)]
pub(super) struct Report {
    problems: RefCell<Vec<Problem>>,
    untold: Cell<usize>,
    notes: RefCell<Vec<String>>,
}

impl Report {
    /// Adds a problem.
    pub(super) fn refuse(&self, at: &str, message: impl Into<String>) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < TOLD {
            problems.push(Problem { at: at.to_owned(), message: message.into(), line: None });
        } else {
            self.untold.set(self.untold.get() + 1);
        }
    }

    /// Adds a warning about the accepted file.
    pub(super) fn note(&self, note: impl Into<String>) {
        self.notes.borrow_mut().push(note.into());
    }

    /// Returns the notes, or all problems of the file's text.
    pub(super) fn close(self, text: &str, path: &Path) -> Result<Vec<String>, ConfigError> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(self.notes.into_inner());
        }
        if self.untold.get() > 0 {
            let message = format!("and {} more problems like these", self.untold.get());
            problems.push(Problem { at: String::new(), message, line: None });
        }
        let lines = Lines::of(split_mark(text).1);
        problems.iter_mut().for_each(|problem| problem.line = lines.of_place(&problem.at));
        Err(ConfigError::Refused { path: path.to_owned(), problems })
    }
}

/// The choice most similar to a mistyped word, if one is similar enough.
#[must_use]
pub(super) fn nearest<'a>(word: &str, choices: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let far = (length / 3).max(1);
    choices
        .iter()
        // No nearer than their lengths are apart; comparing a long word takes memory for every pair of characters.
        .filter(|choice| choice.chars().count().abs_diff(length) <= far)
        .map(|choice| (strsim::damerau_levenshtein(&word, &choice.to_lowercase()), *choice))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}

/// ``; did you mean `kraken`? Use one of binance, kraken``, to end a message about an invalid word.
#[must_use]
pub(super) fn advice(word: &str, choices: &[&str]) -> String {
    let all = choices.join(", ");
    match nearest(word, choices) {
        Some(meant) => format!("; did you mean `{meant}`? Use one of {all}"),
        None => format!("; use one of {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_could_be_meant_is_suggested() {
        let names = ["binance", "kraken", "okx"];
        assert_eq!(nearest("krakn", &names), Some("kraken"));
        assert_eq!(nearest("Binanec", &names), Some("binance"));
        assert_eq!(nearest("poloniex", &names), None);
    }

    #[test]
    fn a_flood_of_problems_is_cut_and_counted() {
        let report = Report::default();
        (0..150).for_each(|_| report.refuse("x", "bad"));

        let lines = report.close("x: 1\n", Path::new("c.yml")).unwrap_err();
        let lines = lines.lines();

        assert_eq!(lines.len(), 101);
        assert_eq!(lines[100], "and 50 more problems like these");
    }
}

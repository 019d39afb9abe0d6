//! Finds the files of each series in a tree of Python dccd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::import::layout::EXCHANGES;
use crate::import::report::Problem;
use crate::model::{Kind, Pair, Series, Span};
use crate::store::{Opened, Period, open_period_file};

/// A data file of Python dccd.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// The path below the root of its tree.
    pub(crate) inside: PathBuf,
    /// The period it is named after.
    pub(crate) period: Period,
    /// Whether it is no longer in the tree: an earlier run kept it and may have been interrupted.
    pub(crate) is_kept_only: bool,
    /// Whether the previous file is unreadable, so that its first rows cannot be compared.
    pub(crate) is_cut_off: bool,
}

/// One folder with the files of a series, ordered by period.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) series: Series,
    pub(crate) sources: Vec<Source>,
}

/// The folders of a tree by their path below its root.
pub(crate) type Folders = BTreeMap<PathBuf, Folder>;

/// Searches a tree, skipping files of this program.
pub(crate) fn look(root: &Path, problems: &mut Vec<Problem>) -> Folders {
    let mut found = Folders::new();
    for (exchange, exchange_folder) in children(root, true) {
        let known = EXCHANGES.contains(&exchange.as_str());
        for kind in Kind::ALL {
            for (slug, pair_folder) in children(&exchange_folder.join(kind.name()), true) {
                let folders = match kind.has_span() {
                    true => children(&pair_folder, true),
                    false => vec![(String::new(), pair_folder)],
                };
                for (label, folder) in folders {
                    let sources = sources(root, &folder, kind, problems);
                    if sources.is_empty() {
                        continue;
                    }
                    let inside = folder.strip_prefix(root).unwrap_or(&folder).to_owned();
                    match series(&exchange, kind, &slug, &label).filter(|_| known) {
                        Some(series) => drop(found.insert(inside, Folder { series, sources })),
                        None => problems.push(unknown(folder, &exchange, known)),
                    }
                }
            }
        }
    }
    found
}

fn series(exchange: &str, kind: Kind, slug: &str, label: &str) -> Option<Series> {
    let span: Option<Span> = match kind.has_span() {
        true => Some(label.parse().ok()?),
        false => None,
    };
    Series::new(exchange, Pair::from_slug(slug).ok()?, kind, span).ok()
}

fn unknown(path: PathBuf, exchange: &str, known: bool) -> Problem {
    let what = match known {
        true => "its folders name no series".to_owned(),
        false => format!("Python dccd knows no exchange `{exchange}`"),
    };
    Problem { path, what: format!("{what}; left alone"), is_failure: false }
}

/// The files in a folder that another program wrote.
fn sources(root: &Path, folder: &Path, kind: Kind, problems: &mut Vec<Problem>) -> Vec<Source> {
    let (mut sources, mut unreadable) = (Vec::<Source>::new(), Vec::new());
    for (name, path) in children(folder, false) {
        let Some(stem) = name.strip_suffix(".parquet") else { continue };
        let period = Period::named(kind, stem);
        let what = match (open_period_file(&path, kind), &period) {
            (Ok(Opened::Ours(_)), _) => continue,
            (Ok(Opened::Foreign), Some(period)) => {
                let inside = path.strip_prefix(root).unwrap_or(&path).to_owned();
                sources.push(Source {
                    path,
                    inside,
                    period: period.clone(),
                    is_kept_only: false,
                    is_cut_off: false,
                });
                continue;
            }
            (Ok(Opened::Foreign), None) => "its name is no period's".to_owned(),
            (Ok(Opened::Damaged(reason)), _) => reason,
            (Err(error), _) => error.to_string(),
        };
        unreadable.extend(period);
        problems.push(Problem { path, what: format!("{what}; left alone"), is_failure: true });
    }
    sources.sort_by_key(|source| source.period.window.from);
    for source in &mut sources {
        source.is_cut_off = unreadable.iter().any(|period| period.window.until == source.period.window.from);
    }
    sources
}

/// The folders, or files, in a folder by name, except hidden ones. Empty if it cannot be read.
fn children(folder: &Path, folders: bool) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir() == folders)
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    found.sort();
    found
}

//! Adds and removes a job in the text of a configuration, keeping comments, order and formatting.
//!
//! The text is changed in place, parsed again, and compared with the intended tree. If they differ, the file uses
//! an unsupported style and nothing is changed.
//!
//! A patch library (yamlpatch) was considered and rejected: it applies one path at a time and formats additions in
//! its own style, while a new job here looks like the jobs beside it, and it needs a C parser to build.
//! A file of the 3.x series is edited in its own `jobs` list, whose candle jobs are written the same way.

mod block;
mod entry;
#[cfg(test)]
mod entry_tests;
mod flow;
mod listed;

use thiserror::Error;

use crate::config::edit::block::{Item, Jobs, Pairs};
pub(super) use crate::config::edit::entry::scalar;
pub use crate::config::edit::entry::{Entry, NewJob};
use crate::config::edit::entry::{OLDER, OWN, STREAMS};
use crate::config::edit::flow::Change;
pub use crate::config::edit::listed::{ListedJob, jobs_of};
use crate::config::node::Node;
use crate::config::yaml::split_mark;
use crate::model::Pair;

/// Why a text could not be edited.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// The job already exists.
    #[error("this job is already at {at}")]
    Duplicate {
        /// Its place.
        at: String,
        /// Its pair.
        pair: Pair,
    },
    /// There is no such job.
    #[error("no such job")]
    NotFound,
    /// The jobs are written in an unsupported style.
    #[error("the jobs are written in a way that cannot be edited safely; edit the file by hand")]
    Unusual,
}

/// The text with one more job.
///
/// # Errors
/// If the job already exists, or the text cannot be edited safely.
pub fn add(text: &str, job: &NewJob<'_>) -> Result<String, EditError> {
    add_entry(text, &Entry::from(job))
}

/// The text with one more job or stream.
///
/// # Errors
/// If it already exists, or the text cannot be edited safely.
pub fn add_entry(text: &str, entry: &Entry) -> Result<String, EditError> {
    let (mark, text) = split_mark(text);
    add_behind_mark(text, entry).map(|edited| format!("{mark}{edited}"))
}

fn add_behind_mark(text: &str, job: &Entry) -> Result<String, EditError> {
    let tree = Node::parse(text).map_err(EditError::Syntax)?;
    for pair in job.pairs.iter().filter_map(|pair| pair.parse::<Pair>().ok()) {
        let Some(found) = find(&tree, job, &pair, false) else { continue };
        let Found { key, index, place } = found;
        let at = format!("{key}[{index}].pairs[{place}]");
        return Err(EditError::Duplicate { at, pair });
    }
    // A file with only the 3.x list keeps using that list.
    let older = tree.get("histo_jobs").is_none() && tree.get("jobs").is_some();
    let key = if older && job.fits_older() { OLDER } else { job.list };
    let wanted = with_job(tree, job, key).ok_or(EditError::Unusual)?;
    let edited = add_to_text(text, job, key).ok_or(EditError::Unusual)?;
    confirmed(edited, &wanted)
}

/// The pairs of a job that the text does not have yet.
///
/// # Errors
/// When the text is not YAML.
pub fn missing(text: &str, job: &NewJob<'_>) -> Result<Vec<Pair>, EditError> {
    let tree = Node::parse(split_mark(text).1).map_err(EditError::Syntax)?;
    let entry = Entry::from(job);
    let is_missing = |pair: &&Pair| find(&tree, &entry, pair, false).is_none();
    Ok(job.pairs.iter().filter(is_missing).cloned().collect())
}

/// The text without one pair of a job, or without the job when the pair was its last.
///
/// # Errors
/// If there is no such job, or the text cannot be edited safely.
pub fn remove(text: &str, job: &NewJob<'_>) -> Result<String, EditError> {
    let [pair] = job.pairs else { return Err(EditError::NotFound) };
    remove_found(text, |tree| find(tree, &Entry::from(job), pair, true))
}

/// The text without one pair of the job at this place of a list, or without the job when the pair was its last.
///
/// # Errors
/// If there is no such pair there, or the text cannot be edited safely.
pub fn remove_at(text: &str, list: &str, index: usize, pair: &Pair) -> Result<String, EditError> {
    let key = [OWN, OLDER, STREAMS].into_iter().find(|key| *key == list).ok_or(EditError::NotFound)?;
    let place = |tree: &Node| {
        let Some(Node::List(jobs)) = tree.get(key) else { return None };
        Some(Found { key, index, place: place_of(jobs.get(index)?, pair)? })
    };
    remove_found(text, place)
}

fn remove_found(text: &str, find: impl FnOnce(&Node) -> Option<Found>) -> Result<String, EditError> {
    let (mark, text) = split_mark(text);
    let mut tree = Node::parse(text).map_err(EditError::Syntax)?;
    let found = find(&tree).ok_or(EditError::NotFound)?;
    let whole = without_pair(&mut tree, &found).ok_or(EditError::Unusual)?;
    let changes = if whole { remove_job(text, &found) } else { remove_pair(text, &found) };
    let edited = flow::apply(text, changes.ok_or(EditError::Unusual)?);
    confirmed(edited, &tree).map(|edited| format!("{mark}{edited}"))
}

fn confirmed(edited: String, wanted: &Node) -> Result<String, EditError> {
    match Node::parse(&edited) {
        Ok(tree) if tree == *wanted => Ok(edited),
        _ => Err(EditError::Unusual),
    }
}

/// A pair of a job in the tree.
struct Found {
    key: &'static str,
    index: usize,
    place: usize,
}

/// The first job that collects the same, and the index of the matching pair; with `any_kind`, whatever it collects.
fn find(tree: &Node, job: &Entry, pair: &Pair, any_kind: bool) -> Option<Found> {
    job.lists().iter().find_map(|key| {
        let Some(Node::List(jobs)) = tree.get(key) else { return None };
        jobs.iter().enumerate().find_map(|(index, node)| {
            let place = if job.is_like(node, key, any_kind) { place_of(node, pair) } else { None };
            Some(Found { key, index, place: place? })
        })
    })
}

/// The index of a pair in a job.
fn place_of(node: &Node, pair: &Pair) -> Option<usize> {
    let Some(Node::List(pairs)) = node.get("pairs") else { return None };
    let is_pair = |node: &Node| node.text().and_then(|text| text.parse().ok()).as_ref() == Some(pair);
    pairs.iter().position(is_pair)
}

fn with_job(mut tree: Node, job: &Entry, key: &str) -> Option<Node> {
    let item = job.node();
    if tree == Node::Null {
        tree = Node::Map(Vec::new());
    }
    match tree.get_mut(key) {
        Some(Node::List(jobs)) => jobs.push(item),
        Some(null @ Node::Null) => *null = Node::List(vec![item]),
        Some(_) => return None,
        None => {
            let Node::Map(pairs) = &mut tree else { return None };
            pairs.push((key.to_owned(), Node::List(vec![item])));
        }
    }
    Some(tree)
}

/// Removes the pair from the tree, or the job with its last pair; returns whether the job was removed.
fn without_pair(tree: &mut Node, found: &Found) -> Option<bool> {
    let Found { key, index, place } = *found;
    let Some(Node::List(jobs)) = tree.get_mut(key) else { return None };
    let Some(Node::List(pairs)) = jobs.get_mut(index)?.get_mut("pairs") else { return None };
    if pairs.len() > 1 {
        pairs.remove(place);
        return Some(false);
    }
    jobs.remove(index);
    Some(true)
}

fn add_to_text(text: &str, job: &Entry, key: &str) -> Option<String> {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let map = job.map();
    let changes = match block::jobs(text, key)? {
        Jobs::Missing => {
            let apart = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
            // Keep the text's final line break.
            let tail = if apart.is_empty() { line_end } else { "" };
            let item = Style::USUAL.render(job, line_end);
            vec![(text.len()..text.len(), format!("{apart}{key}:{item}{tail}"))]
        }
        Jobs::Empty { value } => {
            let line = text[value.end..].find('\n').map_or(text.len(), |at| value.end + at);
            let line = if text[..line].ends_with('\r') { line - 1 } else { line };
            vec![(value, String::new()), (line..line, Style::USUAL.render(job, line_end))]
        }
        Jobs::Flow(flow) => flow::append(text, &flow, &map, line_end),
        Jobs::Block { items, .. } => {
            let last = items.last()?;
            let item = Style::of(text, last).render(job, line_end);
            vec![(last.lines.end..last.lines.end, item)]
        }
    };
    Some(flow::apply(text, changes))
}

/// The style of a job.
struct Style {
    dash: usize,
    gap: usize,
    map: bool,
    /// Spaces before the `-` of a pair, if each pair has its own line.
    pairs_dash: Option<usize>,
}

impl Style {
    const USUAL: Style = Style { dash: 2, gap: 1, map: false, pairs_dash: None };

    /// The style of an existing item.
    fn of(text: &str, item: &Item) -> Style {
        let gap = if text[item.lines.start..item.body].trim_end().contains('-') {
            item.indent.saturating_sub(item.dash + 1)
        } else {
            1
        };
        let indent = item.dash + 1 + gap.max(1);
        let pairs_dash = match block::pairs(text, item) {
            Some(Pairs::Block { dash, .. }) => Some(indent + dash.saturating_sub(item.indent)),
            _ => None,
        };
        Style { dash: item.dash, gap: gap.max(1), map: text[item.body..].starts_with('{'), pairs_dash }
    }

    /// The lines of a job, each with the line break before it.
    fn render(&self, job: &Entry, line_end: &str) -> String {
        let (dash, gap) = (" ".repeat(self.dash), " ".repeat(self.gap));
        if self.map {
            return format!("{line_end}{dash}-{gap}{}", job.map());
        }
        let keys = " ".repeat(self.dash + 1 + self.gap);
        let mut text = format!("{line_end}{dash}-{gap}exchange: {}", scalar(&job.exchange));
        text += &match self.pairs_dash {
            Some(indent) => {
                let lines =
                    job.written_pairs().map(|pair| format!("{line_end}{}- {pair}", " ".repeat(indent)));
                format!("{line_end}{keys}pairs:{}", lines.collect::<String>())
            }
            None => format!("{line_end}{keys}pairs: [{}]", job.pairs_text()),
        };
        text.extend(job.others().map(|(key, value)| format!("{line_end}{keys}{key}: {value}")));
        text
    }
}

fn remove_job(text: &str, found: &Found) -> Option<Vec<Change>> {
    let index = found.index;
    match block::jobs(text, found.key)? {
        Jobs::Flow(flow) => flow::remove(text, &flow, index),
        Jobs::Block { colon, items } => {
            let mut changes = vec![(items.get(index)?.lines.clone(), String::new())];
            if items.len() == 1 {
                changes.push((colon..colon, " []".to_owned()));
            }
            Some(changes)
        }
        Jobs::Missing | Jobs::Empty { .. } => None,
    }
}

fn remove_pair(text: &str, found: &Found) -> Option<Vec<Change>> {
    let Found { key, index, place } = *found;
    let pairs = match block::jobs(text, key)? {
        Jobs::Flow(flow) => block::pairs_of_map(text, flow.parts.get(index)?.range.start)?,
        Jobs::Block { items, .. } => block::pairs(text, items.get(index)?)?,
        Jobs::Missing | Jobs::Empty { .. } => return None,
    };
    match pairs {
        Pairs::Flow(flow) => flow::remove(text, &flow, place),
        Pairs::Block { lines, .. } => Some(vec![(lines.get(place)?.clone(), String::new())]),
    }
}

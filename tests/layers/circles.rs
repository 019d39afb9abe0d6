//! Circles between files: which file names an item of which other, and the shortest way back.
//!
//! A path counts for the file that defines the item, so a `pub use` in a `mod.rs` that only hands a name on is
//! no use, and neither is `mod x;`. Where a path leads out of the crate it counts for nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Source, is_of_name, items};

/// The items of other files that each file names.
pub(super) type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// One step of a circle: a file, the file it uses, and the items it names there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) items: Vec<String>,
}

/// A file as the check sees it.
struct File<'a> {
    path: &'a str,
    module: Vec<String>,
    /// The text without its `use` and `mod` lines.
    body: String,
    uses: Vec<Use>,
    defined: BTreeSet<String>,
    words: BTreeSet<String>,
}

/// One name that a `use` brings into a file.
#[derive(Clone)]
struct Use {
    name: String,
    path: Vec<String>,
    handed_on: bool,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Item(usize, String),
    Module(Vec<String>),
    Elsewhere,
}

/// The files of a crate by their module.
struct Crate<'a> {
    files: Vec<File<'a>>,
    by_module: BTreeMap<Vec<String>, usize>,
}

/// Reads which file uses which.
pub(super) fn graph(sources: &[Source]) -> Graph {
    let files: Vec<File> = sources.iter().map(file).collect();
    let by_module = files.iter().enumerate().map(|(index, file)| (file.module.clone(), index)).collect();
    let all = Crate { files, by_module };
    let mut graph = Graph::new();
    for file in &all.files {
        for (index, item) in all.used_by(file) {
            let to = all.files[index].path;
            if to != file.path {
                let edges = graph.entry(file.path.to_owned()).or_default();
                edges.entry(to.to_owned()).or_default().insert(item);
            }
        }
    }
    graph
}

/// The shortest circle of each group of files that use one another.
pub(super) fn circles(graph: &Graph) -> Vec<Vec<Step>> {
    let mut found: Vec<Vec<Step>> = Vec::new();
    let mut seen = BTreeSet::new();
    for file in graph.keys() {
        if seen.contains(file) {
            continue;
        }
        let Some(mut shortest) = way(graph, file, file) else { continue };
        let group: BTreeSet<&String> =
            graph.keys().filter(|other| *other == file || connected(graph, file, other)).collect();
        for other in &group {
            if let Some(circle) = way(graph, other, other)
                && circle.len() < shortest.len()
            {
                shortest = circle;
            }
        }
        seen.extend(group.into_iter().cloned());
        found.push(shortest);
    }
    found
}

/// A circle for a person to read.
pub(super) fn described(circle: &[Step]) -> String {
    let steps = circle
        .iter()
        .map(|step| format!("  src/{} uses {} of src/{}", step.from, step.items.join(", "), step.to));
    format!("a circle of {} files:\n{}", circle.len(), steps.collect::<Vec<_>>().join("\n"))
}

fn connected(graph: &Graph, one: &str, other: &str) -> bool {
    way(graph, one, other).is_some() && way(graph, other, one).is_some()
}

/// The shortest way from one file to another, of at least one step.
fn way(graph: &Graph, from: &str, to: &str) -> Option<Vec<Step>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(next.as_str()) {
                before.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    let mut steps = Vec::new();
    let mut at = to;
    loop {
        let previous = before.get(at)?;
        let items = graph[*previous][at].iter().cloned().collect();
        steps.push(Step { from: (*previous).to_owned(), to: at.to_owned(), items });
        at = previous;
        if at == from {
            steps.reverse();
            return Some(steps);
        }
    }
}

impl Crate<'_> {
    /// The items of the crate that a file names, with the file that defines each.
    fn used_by(&self, file: &File) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for one in &file.uses {
            if !one.handed_on || file.words.contains(&one.name) {
                match self.resolve(&file.module, &one.path, &mut BTreeSet::new()) {
                    Target::Item(index, item) => found.push((index, item)),
                    Target::Module(_) | Target::Elsewhere => {}
                }
            }
        }
        for path in paths(&file.body) {
            if let Target::Item(index, item) = self.resolve(&file.module, &path, &mut BTreeSet::new()) {
                found.push((index, item));
            }
        }
        found
    }

    /// Follows a path from a module to the file that defines its first item.
    fn resolve(
        &self,
        module: &[String],
        path: &[String],
        visited: &mut BTreeSet<(Vec<String>, String)>,
    ) -> Target {
        let mut at = module.to_vec();
        for (step, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at.clear(),
                "super" => drop(at.pop()),
                "self" => {}
                name => {
                    let child = [&at[..], &[name.to_owned()]].concat();
                    let rest = &path[step + 1..];
                    if !self.by_module.contains_key(&child) || rest.is_empty() {
                        let item = self.item(&at, name, rest, visited);
                        if item != Target::Elsewhere || !self.by_module.contains_key(&child) {
                            return item;
                        }
                    }
                    at = child;
                }
            }
        }
        Target::Module(at)
    }

    /// An item of a module: its own, or one that a `use` of it brings.
    fn item(
        &self,
        module: &[String],
        name: &str,
        rest: &[String],
        visited: &mut BTreeSet<(Vec<String>, String)>,
    ) -> Target {
        let Some(index) = self.by_module.get(module).copied() else { return Target::Elsewhere };
        if !visited.insert((module.to_vec(), name.to_owned())) {
            return Target::Elsewhere;
        }
        let file = &self.files[index];
        if file.defined.contains(name) {
            return Target::Item(index, name.to_owned());
        }
        for one in file.uses.iter().filter(|one| one.name == name || one.name == "*") {
            let mut path = one.path.clone();
            if one.name == "*" {
                path.push(name.to_owned());
            }
            path.extend_from_slice(rest);
            match self.resolve(&file.module, &path, visited) {
                Target::Elsewhere => {}
                found => return found,
            }
        }
        // A macro may define it; a module of that name does not.
        let is_module = self.by_module.contains_key(&[module, &[name.to_owned()]].concat());
        if !is_module && file.words.contains(name) {
            return Target::Item(index, name.to_owned());
        }
        Target::Elsewhere
    }
}

fn file(source: &Source) -> File<'_> {
    let mut module: Vec<String> = source.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    let (uses, body) = split_uses(&source.text);
    let words = body.split(|c| !is_of_name(c)).map(str::to_owned).collect();
    File { path: &source.path, module, defined: defined(&body), body, uses, words }
}

/// Takes the `use` lines out of a text, and the `mod` lines with them.
fn split_uses(text: &str) -> (Vec<Use>, String) {
    let (mut uses, mut body) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((visibility, path)) = use_line(line) else {
            if line.contains("mod ") && line.ends_with(';') {
                continue;
            }
            body.push_str(line);
            body.push('\n');
            continue;
        };
        let mut statement = path.to_owned();
        while !statement.contains(';') {
            statement.push_str(lines.next().unwrap_or(";").trim());
        }
        let statement = statement.split(';').next().unwrap_or_default();
        unfold(statement, &[], !visibility.is_empty(), &mut uses);
    }
    (uses, body)
}

/// The visibility and the path of a line that begins a `use`.
fn use_line(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (visibility, path) = match line.strip_prefix("use ") {
        Some(path) => ("", path),
        None => line.split_once(" use ")?,
    };
    let is_visibility = visibility.is_empty() || (visibility.starts_with("pub") && !visibility.contains(' '));
    is_visibility.then_some((visibility, path))
}

/// Spreads `a::{b, c as d, self}` into the names it brings.
fn unfold(tree: &str, before: &[String], handed_on: bool, uses: &mut Vec<Use>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return;
    }
    if let Some(open) = tree.find('{') {
        let path = [before, &split(&tree[..open])].concat();
        for item in items(&tree[open + 1..]) {
            unfold(item, &path, handed_on, uses);
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut path = [before, &split(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let last = path.last().cloned().unwrap_or_default();
    if last == "*" {
        path.pop();
    }
    uses.push(Use { name: alias.unwrap_or(last), path, handed_on });
}

fn split(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The names of what a text defines outside of every block, and of its inline modules.
fn defined(body: &str) -> BTreeSet<String> {
    const WORDS: [&str; 9] =
        ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];
    let mut found = BTreeSet::new();
    for line in body.lines().filter(|line| !line.starts_with(' ')) {
        let words: Vec<&str> = line.split(|c: char| !is_of_name(c)).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            if WORDS.contains(&pair[0]) && !WORDS.contains(&pair[1]) {
                found.insert(pair[1].to_owned());
                break;
            }
        }
    }
    // An inline module belongs to its file.
    for line in body.lines().filter(|line| line.ends_with(" {")) {
        if let Some((_, name)) = line.trim_end_matches(" {").split_once("mod ") {
            found.insert(name.to_owned());
        }
    }
    found
}

/// Every path of two names or more in a text.
fn paths(body: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find(is_of_name) {
        rest = &rest[at..];
        let end = path_end(rest);
        let path = split(&rest[..end]);
        if path.len() > 1 && !path[0].starts_with(|c: char| c.is_ascii_digit()) {
            found.push(path);
        }
        rest = &rest[end..];
    }
    found
}

/// Where a path that begins a text ends.
fn path_end(text: &str) -> usize {
    let mut end = 0;
    loop {
        end += text[end..].find(|c| !is_of_name(c)).unwrap_or(text.len() - end);
        let goes_on = text[end..].strip_prefix("::").is_some_and(|rest| rest.starts_with(is_of_name));
        if !goes_on {
            return end;
        }
        end += 2;
    }
}

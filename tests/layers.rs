//! The rooms of the program and who may use whom: read from the sources themselves.
//!
//! The table here is the one of the architecture page. Tests may use what they like, so modules under
//! `#[cfg(test)]` are left out.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/planted.rs"]
mod planted;
#[path = "layers/sizes.rs"]
mod sizes;
#[path = "layers/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use beside itself. A room uses only rooms above its own row.
const ROOMS: [(&str, &[&str]); 22] = [
    ("model", &[]),
    ("api", &["model"]),
    ("clock", &["model"]),
    ("exchange", &["model"]),
    ("disk", &[]),
    ("telemetry", &["clock", "disk", "model"]),
    ("db", &["telemetry", "model", "disk"]),
    ("tracker", &["db", "telemetry", "model"]),
    ("net", &["telemetry", "exchange", "model"]),
    ("store", &["disk", "telemetry", "model"]),
    ("remote", &["store", "telemetry", "disk", "model"]),
    ("export", &["store", "disk", "model"]),
    ("import", &["store", "disk", "model"]),
    ("jobs", &["net", "store", "tracker", "db", "telemetry", "exchange", "model"]),
    ("config", &["exchange", "model", "telemetry", "disk"]),
    (
        "worker",
        &["jobs", "remote", "tracker", "store", "db", "telemetry", "exchange", "model", "disk", "clock"],
    ),
    (
        "engine",
        &[
            "worker",
            "api",
            "jobs",
            "remote",
            "export",
            "config",
            "net",
            "store",
            "tracker",
            "db",
            "telemetry",
            "exchange",
            "model",
            "disk",
            "clock",
        ],
    ),
    (
        "daemon",
        &[
            "engine",
            "api",
            "config",
            "jobs",
            "tracker",
            "db",
            "telemetry",
            "exchange",
            "model",
            "disk",
            "clock",
        ],
    ),
    ("http", &["daemon", "engine", "api", "telemetry", "model"]),
    ("service", &["http", "daemon", "engine", "config", "telemetry"]),
    ("sim", &["model"]),
    ("cli", EVERYTHING),
];

/// The command line ties all of it together.
const EVERYTHING: &[&str] = &[
    "model",
    "api",
    "clock",
    "exchange",
    "disk",
    "telemetry",
    "db",
    "tracker",
    "net",
    "store",
    "remote",
    "export",
    "import",
    "jobs",
    "config",
    "worker",
    "engine",
    "daemon",
    "http",
    "service",
    "sim",
];

/// Files and folders without a runtime, a clock, a file or a socket.
const PURE: [&str; 13] = [
    "model/",
    "api/",
    "exchange/",
    "jobs/plan.rs",
    "jobs/derive.rs",
    "engine/trigger.rs",
    "telemetry/rollup/",
    "tracker/state.rs",
    "tracker/status.rs",
    "tracker/task.rs",
    "tracker/verdict.rs",
    "tracker/refusal.rs",
    "tracker/merge.rs",
];

/// Words no pure file may contain.
const IMPURE: [&str; 6] = ["tokio", "reqwest", "hyper", "sqlx", "Instant", "SystemTime"];

#[test]
fn every_room_uses_only_the_rooms_its_row_allows() {
    let forbidden: Vec<String> = sources().iter().flat_map(forbidden_edges).collect();
    assert!(forbidden.is_empty(), "\n{}", forbidden.join("\n"));
}

#[test]
fn every_module_of_the_crate_is_a_room_of_the_table() {
    let root = code_of(&fs::read_to_string(source_folder().join("lib.rs")).unwrap()).text;
    let modules: BTreeSet<&str> =
        root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(modules, ROOMS.iter().map(|(room, _)| *room).collect());
}

#[test]
fn the_table_has_no_circle() {
    for (index, (room, uses)) in ROOMS.iter().enumerate() {
        let above: Vec<&str> = ROOMS[..index].iter().map(|(room, _)| *room).collect();
        for used in *uses {
            assert!(above.contains(used), "{room} uses {used}, which is not above it");
        }
    }
}

#[test]
fn no_two_files_use_one_another_directly_or_in_a_circle() {
    let found: Vec<String> = circles::circles(&circles::graph(&sources()))
        .iter()
        .map(|circle| circles::described(circle))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_file_and_no_function_is_too_long() {
    let faults = sizes::faults(&texts());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn comments_begin_with_their_subject_and_name_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = texts();
    texts.extend(["tests", "benches", "examples"].iter().flat_map(|folder| texts_in(&root.join(folder))));
    let signs = words::signs(&texts);
    assert!(
        signs.len() <= words::MOST,
        "{} lines, {} allowed:\n{}",
        signs.len(),
        words::MOST,
        signs.join("\n")
    );
}

#[test]
fn only_the_rooms_from_the_engine_up_see_the_configuration() {
    let readers = ROOMS.iter().filter(|(_, uses)| uses.contains(&"config")).map(|(room, _)| *room);
    assert_eq!(readers.collect::<Vec<_>>(), ["engine", "daemon", "service", "cli"]);
}

#[test]
fn the_program_itself_only_calls_the_command_line() {
    let text = fs::read_to_string(source_folder().join("main.rs")).unwrap();
    assert_eq!(firsts(&code_of(&text).text, "dccd"), BTreeSet::from(["cli".to_owned()]));
}

#[test]
fn rooms_are_named_from_the_root_of_the_crate() {
    // A path that climbs out of its room would go round the table.
    let climbing: Vec<String> = sources()
        .iter()
        .filter(|source| climbs_out(source))
        .map(|source| format!("src/{}: use `crate::` instead of `super::` here", source.path))
        .collect();
    assert!(climbing.is_empty(), "\n{}", climbing.join("\n"));
}

#[test]
fn pure_files_name_no_runtime_no_clock_no_file_and_no_socket() {
    let mut pure = 0;
    let mut impure = Vec::new();
    for source in sources() {
        if PURE.iter().any(|prefix| source.path.starts_with(prefix)) {
            pure += 1;
            impure.extend(
                impurities(&source.text).into_iter().map(|word| format!("src/{}: {word}", source.path)),
            );
        }
    }
    assert!(pure > PURE.len(), "only {pure} pure files were found: the list is out of date");
    assert!(impure.is_empty(), "\n{}", impure.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let lints = manifest.split("\n[lints.rust]\n").nth(1).unwrap();
    let lints = lints.split("\n[").next().unwrap();
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
}

#[test]
fn the_architecture_page_shows_the_same_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(page) = ["docs/ARCHITECTURE.md", "ARCHITECTURE.md"]
        .iter()
        .find_map(|path| fs::read_to_string(root.join(path)).ok())
    else {
        println!("there is no architecture page yet: its table was not compared");
        return;
    };
    for (room, uses) in ROOMS {
        let row = row_of(&page, room);
        let row = row.unwrap_or_else(|| panic!("the page has no row \"`{room}` | {}\"", shown(uses)));
        let expected: BTreeSet<String> = shown(uses).split(", ").map(str::to_owned).collect();
        assert_eq!(row, expected, "the row of `{room}` should be \"`{room}` | {}\"", shown(uses));
    }
}

#[test]
fn a_forbidden_edge_is_found_however_it_is_written() {
    let found =
        |text: &str| forbidden_edges(&Source { path: "model/kind.rs".into(), text: code_of(text).text });

    assert_eq!(found("use crate::store::Writer;").len(), 1);
    assert_eq!(found("use crate::{\n    model::Kind,\n    net::{Client, Clock},\n    store,\n};").len(), 2);
    assert_eq!(found("fn f() -> crate::db::Database { todo() }").len(), 1);
    assert_eq!(found("use crate::model::{Kind, Span};\n// crate::store is below\n"), [""; 0]);
    assert_eq!(found("#[cfg(test)]\nmod tests {\n    use crate::store::Writer;\n}\n"), [""; 0]);
    assert_eq!(impurities("use std::{fmt, fs};"), ["std::fs"]);
    assert_eq!(impurities("let at = Instant::now(); // Instants"), ["Instant"]);
    assert_eq!(impurities("/// Instants\nuse std::fmt;"), [""; 0]);
}

/// One source file: its path under `src/`, and its code without comments and tests.
struct Source {
    path: String,
    text: String,
}

/// Code without comments and tests, and the modules that exist for tests only.
struct Code {
    text: String,
    test_modules: Vec<String>,
}

/// Every source file, tests included.
fn texts() -> Vec<sizes::Text> {
    texts_in(&source_folder())
}

fn texts_in(root: &Path) -> Vec<sizes::Text> {
    let mut files = Vec::new();
    collect(root, &mut files);
    let text = |file: &PathBuf| fs::read_to_string(file).unwrap();
    files.iter().map(|file| sizes::Text { path: relative(file, root), text: text(file) }).collect()
}

/// Every source file of the library that is not for tests only.
fn sources() -> Vec<Source> {
    let root = source_folder();
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut sources = Vec::new();
    let mut for_tests = Vec::new();
    for file in files {
        let code = code_of(&fs::read_to_string(&file).unwrap());
        let folder = file.parent().unwrap();
        let modules = code.test_modules.iter();
        for_tests.extend(modules.map(|name| relative(&folder.join(name), &root)));
        sources.push(Source { path: relative(&file, &root), text: code.text });
    }
    sources.retain(|source| {
        let is_of = |module: &String| {
            source.path.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        !for_tests.iter().any(is_of) && !source.path.ends_with("_tests.rs")
    });
    assert!(sources.len() > ROOMS.len(), "only {} source files were found", sources.len());
    sources
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn relative(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Attributes of items that are no part of the program: those of tests, and those of the fuzz targets too.
const FOR_TESTS: [&str; 2] = ["#[cfg(test)]", "#[cfg(any(test, fuzzing))]"];

/// Drops comments, and every item under one of [`FOR_TESTS`]: rustfmt ends such an item where its own
/// indentation comes back.
fn code_of(text: &str) -> Code {
    let mut code = Code { text: String::new(), test_modules: Vec::new() };
    let mut lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    while let Some(line) = lines.next() {
        if !FOR_TESTS.contains(&line.trim()) {
            code.text.push_str(line);
            code.text.push('\n');
            continue;
        }
        let indentation = &line[..line.len() - line.trim_start().len()];
        let item = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
        let item_name = |item: &str| Some(item.rsplit_once("mod ")?.1.strip_suffix(';')?.to_owned());
        if let Some(name) = item_name(item.trim()) {
            code.test_modules.push(name);
        } else if !item.trim_end().ends_with([';', '}']) {
            let _ = lines.by_ref().find(|line| line.strip_prefix(indentation) == Some("}"));
        }
    }
    code
}

fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

fn forbidden_edges(source: &Source) -> Vec<String> {
    let room = room_of(&source.path);
    let allowed: &[&str] = match ROOMS.iter().find(|(own, _)| *own == room) {
        Some((_, uses)) => uses,
        None if room == "main" => &["cli"],
        None if room == "lib" => &[],
        None => return vec![format!("src/{}: `{room}` is in no row of the table", source.path)],
    };
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    firsts(&source.text, "crate")
        .iter()
        .filter(|used| rooms.contains(used.as_str()) && *used != room && !allowed.contains(&used.as_str()))
        .map(|used| format!("src/{}: `{room}` may not use `{used}`", source.path))
        .collect()
}

fn impurities(text: &str) -> Vec<String> {
    let text = code_of(text).text;
    let words: BTreeSet<&str> = text.split(|c: char| !is_of_name(c)).collect();
    let named = IMPURE.iter().filter(|word| words.contains(*word)).map(|word| (*word).to_owned());
    let std = firsts(&text, "std");
    let modules = ["fs", "net", "thread", "process"].iter().filter(|module| std.contains(**module));
    named.chain(modules.map(|module| format!("std::{module}"))).collect()
}

/// The first names after `root::`, also of every path in a group `root::{…}`.
fn firsts(text: &str, root: &str) -> BTreeSet<String> {
    let marker = format!("{root}::");
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(&marker) {
        if text[..at].chars().next_back().is_some_and(is_of_name) {
            continue;
        }
        let rest = text[at + marker.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => found.extend(items(group).iter().map(|item| name_at(item))),
            None => {
                found.insert(name_at(rest));
            }
        }
    }
    found
}

/// The paths of a group that has just been opened.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut items) = (1, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            items.push(group[from..at].trim());
            from = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    items
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|c| is_of_name(*c)).collect()
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a path climbs out of its room: two steps up, or one from the room's own root.
fn climbs_out(source: &Source) -> bool {
    let is_root_of_room = !source.path.contains('/')
        || source.path.matches('/').count() == 1 && source.path.ends_with("/mod.rs");
    source.text.contains("super::super::") || (is_root_of_room && source.text.contains("super::"))
}

/// How the page writes a row: empty where a room uses no other.
fn shown(uses: &[&str]) -> String {
    if uses == EVERYTHING { "everything".to_owned() } else { uses.join(", ") }
}

/// The second cell of a room's row, as a set of words.
fn row_of(page: &str, room: &str) -> Option<BTreeSet<String>> {
    let cells = page.lines().map(|line| line.trim().trim_matches('|').split('|').map(str::trim));
    let row = cells.into_iter().find_map(|mut cells| {
        cells.next().filter(|cell| *cell == format!("`{room}`"))?;
        cells.next()
    })?;
    Some(row.split(',').map(|word| word.trim().trim_matches('`').to_owned()).collect())
}

//! How long files and functions are.

/// The most lines of a source file.
const FILE_LINES: usize = 400;

/// The most lines of a function, its head and its braces included.
const FUNCTION_LINES: usize = 60;

/// Files and functions that may be longer, and why.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("telemetry/metrics/families.rs: new", FAMILIES),
    ("telemetry/metrics/remotes.rs: new", FAMILIES),
    ("telemetry/metrics/tracker.rs: new", FAMILIES),
    ("cli/mod.rs: run", "a flat match: one line a command"),
];

/// Families of metrics in a flat table.
const FAMILIES: &str = "a flat table: a name, a help text and labels each";

/// One file with its whole text, tests included.
pub(super) struct Text {
    pub(super) path: String,
    pub(super) text: String,
}

/// Everything that is too long, and exceptions that nothing needs any more.
pub(super) fn faults(texts: &[Text]) -> Vec<String> {
    let found: Vec<(String, usize)> = texts.iter().flat_map(too_long).collect();
    let is_excepted = |name: &str| EXCEPTIONS.iter().any(|(own, _)| *own == name);
    let long = found.iter().filter(|(name, _)| !is_excepted(name));
    let long = long.map(|(name, lines)| format!("src/{name}: {lines} lines"));
    let unused = EXCEPTIONS.iter().filter(|(name, _)| !found.iter().any(|(own, _)| own == name));
    long.chain(unused.map(|(name, _)| format!("{name} needs no exception any more"))).collect()
}

/// The file and its functions, as far as they are too long.
pub(super) fn too_long(file: &Text) -> Vec<(String, usize)> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    if lines.len() > FILE_LINES {
        found.push((file.path.clone(), lines.len()));
    }
    for (begin, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        // rustfmt ends a function where its own indentation comes back.
        let is_end = |line: &&str| {
            let rest = line.strip_prefix(indentation).unwrap_or_default();
            rest == "}" || (rest.starts_with(')') && rest.ends_with(';'))
        };
        let length = if line.ends_with(['}', ';']) {
            1
        } else {
            lines[begin..].iter().position(is_end).map_or(1, |end| end + 1)
        };
        if length > FUNCTION_LINES {
            found.push((format!("{}: {name}", file.path), length));
        }
    }
    found
}

/// The name of a function whose head begins on this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let is_head = before.split_whitespace().all(|word| {
        matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub") || word.ends_with(')')
    });
    let name = after.split(['(', '<']).next()?;
    (is_head && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

#[test]
fn a_long_file_and_a_long_function_are_found() {
    let text = |lines: usize| Text {
        path: "a.rs".to_owned(),
        text: format!("impl A {{\n    pub(super) async fn f(\n{}    ) {{\n    }}\n}}\n", "\n".repeat(lines)),
    };

    assert_eq!(too_long(&text(57)), []);
    assert_eq!(too_long(&text(58)), [("a.rs: f".to_owned(), 61)]);
    assert_eq!(too_long(&text(395)), [("a.rs: f".to_owned(), 398)]);
    assert_eq!(too_long(&text(396)), [("a.rs".to_owned(), 401), ("a.rs: f".to_owned(), 399)]);
}

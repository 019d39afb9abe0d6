//! Figures that cannot rot: which counts of the hot loops fail and what is said then, and what the page of measurements
//! shows. Counting itself is `benches/count`, measuring `benches/run.sh`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "helpers of tests may unwrap as tests do")]

mod needs;

use std::fs;
use std::path::Path;
use std::process::Command;

/// The columns of a line of `benches/counted.txt` that hold counts.
const INSTRUCTIONS: usize = 1;
const ALLOCATIONS: usize = 2;
const COPIED: usize = 4;

#[test]
fn counts_as_committed_pass() {
    let Some(checked) = Checked::of(committed()) else { return };
    assert!(checked.is_passed, "{}", checked.words);
    assert!(checked.words.contains("cost what benches/counted.txt says"), "{}", checked.words);
}

#[test]
fn more_than_three_in_a_hundred_off_fails_to_either_side_and_less_does_not() {
    for (factor, passes) in [(1.029, true), (0.971, true), (1.031, false), (0.969, false)] {
        for column in [INSTRUCTIONS, ALLOCATIONS, COPIED] {
            let Some(checked) = Checked::of(changed("decode", column, factor)) else { return };
            assert_eq!(checked.is_passed, passes, "column {column} times {factor}: {}", checked.words);
        }
    }
}

#[test]
fn a_failure_names_the_loop_both_numbers_and_the_command_that_writes_them_anew() {
    let Some(checked) = Checked::of(changed("decode", ALLOCATIONS, 2.0)) else { return };
    let was: f64 = count("decode", ALLOCATIONS);
    for word in [
        "decode: ",
        &format!("{:.3} allocations", 2.0 * was),
        &format!("{was:.3} were committed"),
        "(+100.0 %)",
        "UPDATE_COUNTS=1 benches/count",
    ] {
        assert!(checked.words.contains(word), "{word}: {}", checked.words);
    }
}

#[test]
fn a_loop_that_only_one_side_has_fails() {
    let without: String = committed()
        .lines()
        .filter(|line| !line.starts_with("walk "))
        .map(|line| format!("{line}\n"))
        .collect();
    for measured in [without, committed().replace("\nwalk ", "\nwalk2 ")] {
        let Some(checked) = Checked::of(measured) else { return };
        assert!(!checked.is_passed && checked.words.contains("walk"), "{}", checked.words);
    }
}

#[test]
fn counts_of_other_tools_are_skipped_and_listed() {
    let Some(checked) = Checked::of(committed().replace("rustc 1.", "rustc 9.")) else { return };
    assert!(checked.is_passed, "{}", checked.words);
    assert!(checked.words.contains("skipped: the committed counts are of other tools"), "{}", checked.words);
    assert!(checked.skipped.contains("rustc 9."), "{}", checked.skipped);
}

#[test]
fn the_page_shows_what_was_measured_on_these_sources_beside_its_goal() {
    let printed = "a table\nfigure backfill_mib 60 MiB\nfigure backfill_row_cost 1.5 times\n";
    let Some(page) = page("", printed) else { return };
    for line in [
        "| its memory and the cost of a row | peak | at most 75 MiB | 60 MiB | yes |",
        "|  | a row at 1 M beside one at 100 000 | at most 1.2 times | 1.5 times | **no**, 25 % off |",
        "* its memory and the cost of a row, a row at 1 M beside one at 100 000: why is not known.",
        "| backfill | backfill_mib | 60 MiB |",
        "a table",
    ] {
        assert!(page.lines().any(|own| own == line), "{line}: {page}");
    }
    assert!(page.contains("`benches/run.sh backfill`. Within 62 s."), "{page}");
    assert!(page.contains("| not measured (`backfill`) |"), "its share of the bound was not printed");
    assert!(page.contains("| not run (`live`) |"));
}

#[test]
fn the_page_does_not_show_what_was_measured_on_other_sources() {
    let Some(page) = page("of before ", "figure backfill_mib 60 MiB\n") else { return };
    assert!(page.contains("No part was run on this commit yet."));
    assert!(page.contains("| at most 75 MiB | not run (`backfill`) |"));
    assert!(!page.contains("60 MiB"), "{page}");
}

/// The page where only the part `backfill` printed something, on the present sources with a word before their name;
/// `None` without Python.
fn page(before: &str, printed: &str) -> Option<String> {
    if !needs::programs(&["python3", "git"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let python = |script: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(root().join("benches")).arg(folder.path());
        let ended = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    };
    let key = python("import sys; sys.path.insert(0, sys.argv[1]); import report; print(report.key())");
    let head = format!("{before}{}; Within 62 s\n", key.trim_end());
    fs::write(folder.path().join("backfill.txt"), head + printed).unwrap();
    Some(python(
        "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import report; \
         report.PRINTED = pathlib.Path(sys.argv[2]); print(report.page())",
    ))
}

/// The outcome of a check.
struct Checked {
    is_passed: bool,
    words: String,
    /// Lines left for the list of what was skipped.
    skipped: String,
}

impl Checked {
    /// Checks a file of counts as if they had just been counted; `None` without Python.
    fn of(measured: String) -> Option<Self> {
        if !needs::programs(&["python3"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("measured.txt");
        fs::write(&file, measured).unwrap();
        let mut command = Command::new(root().join("benches/count"));
        command
            .arg("--measured")
            .arg(&file)
            .env("CARGO_TARGET_DIR", folder.path())
            .env_remove("UPDATE_COUNTS");
        let ended = command.output().unwrap();
        let words = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        let skipped = fs::read_to_string(folder.path().join("skipped.txt")).unwrap_or_default();
        Some(Checked { is_passed: ended.status.success(), words, skipped })
    }
}

fn committed() -> String {
    fs::read_to_string(root().join("benches/counted.txt")).unwrap()
}

/// The committed counts with one of a loop multiplied.
fn changed(name: &str, column: usize, factor: f64) -> String {
    let with = |line: &str| {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if words[0] == name {
            words[column] = format!("{:.3}", words[column].parse::<f64>().unwrap() * factor);
        }
        words.join(" ") + "\n"
    };
    committed().lines().map(with).collect()
}

fn count(name: &str, column: usize) -> f64 {
    let text = committed();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    line.split(' ').nth(column).unwrap().parse().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

//! External programs that tests need: found, or visibly missing; one module for every test crate.
//!
//! A test that cannot try what it is for leaves a line in `target/skipped.txt`, which `make test` counts and lists at
//! its end. In `.ci/run` (`DCCD_REQUIRE_TOOLS=1`) what `.ci/setup` installs must be there: a test that lacks it fails.

#![allow(dead_code, reason = "each test crate needs its own part of it")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a helper of a test fails its test")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set where everything that `.ci/setup` installs must be there.
const REQUIRED: &str = "DCCD_REQUIRE_TOOLS";

/// Whether every program is there.
pub(crate) fn programs(names: &[&str]) -> bool {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        lacks(&missing.join(", "));
    }
    missing.is_empty()
}

/// The Python with the libraries of `tests/requirements.txt`: `DCCD_PYTHON`, or the one of `make setup`.
pub(crate) fn python() -> Option<PathBuf> {
    let given = std::env::var_os("DCCD_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| root().join("target/venv/bin/python"));
    if !python.exists() {
        lacks("target/venv");
        return None;
    }
    Some(python)
}

/// The modules that npm installed for the tests.
pub(crate) fn node_modules() -> Option<PathBuf> {
    let modules = root().join("target/npm/node_modules");
    if !modules.is_dir() {
        lacks("target/npm");
        return None;
    }
    Some(modules)
}

/// The recorded answers of exchanges: `DCCD_FIXTURES`, or the folder beside the repository.
pub(crate) fn recordings() -> Option<PathBuf> {
    let given = std::env::var_os("DCCD_FIXTURES").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root().join("../shared/fixtures"));
    if !folder.is_dir() {
        lacks("the recordings (DCCD_FIXTURES)");
        return None;
    }
    Some(folder)
}

/// A test lacks something that `.ci/setup` installs, or that belongs beside the repository: it fails where that must be
/// there, and is listed elsewhere.
///
/// # Panics
/// Where everything must be there.
pub(crate) fn lacks(what: &str) {
    assert!(
        std::env::var_os(REQUIRED).is_none_or(|value| value != "1"),
        "{what} is missing and {REQUIRED} is set; `make setup` installs what the tests use"
    );
    skip(&format!("{what} is missing"));
}

/// A test is not permitted what it needs of the system, such as a mount: nothing that could be installed.
pub(crate) fn forbids(what: &str) {
    skip(what);
}

/// Whether the long forms run: `make siege`.
pub(crate) fn is_siege() -> bool {
    std::env::var("DCCD_SIEGE").is_ok_and(|value| value == "1")
}

/// Whether a test that waits for minutes is left to `make siege`.
pub(crate) fn is_left_to_siege() -> bool {
    if !is_siege() {
        skip("it waits for minutes; `make siege` runs it");
    }
    !is_siege()
}

/// Whether a program is in the search path, or where Debian puts those of root.
fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.into_iter().any(|folder| folder.join(name).is_file())
}

/// Leaves a line for `.ci/skipped`, written at once so that those of several processes stay whole.
fn skip(why: &str) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("skipped.txt");
    let thread = std::thread::current();
    let line =
        format!("{why}\t{}\t{}\n", env!("CARGO_CRATE_NAME"), thread.name().unwrap_or("a thread of it"));
    println!("skipped: {why}");
    let mut file = OpenOptions::new().create(true).append(true).open(place).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// Whether Python has a module.
pub(crate) fn python_has(python: &str, module: &str) -> bool {
    let import = format!("import {module}");
    let ended = Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status();
    let has = ended.is_ok_and(|status| status.success());
    if !has {
        lacks(&format!("the module {module} of {python}"));
    }
    has
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

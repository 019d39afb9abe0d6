//! The siege: faults of every kind at once ([`mixed`]), and the catalogue of faults, every one of them by name, with the
//! tests that bring it about, or with the reason why none does.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

mod catalogue;
#[path = "../durability/dice.rs"]
#[allow(dead_code, reason = "shared with the tests of durability")]
mod dice;
mod mixed;
#[path = "../needs/mod.rs"]
mod needs;
#[path = "../tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests of the tracker")]
mod postgres;
#[path = "../runs/program.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod program;
#[path = "../runs/reported.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod reported;
#[path = "../live/rig.rs"]
#[allow(dead_code, reason = "shared with the tests of live series")]
mod rig;
#[path = "../tracker/shim.rs"]
mod shim;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod test_daemon;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use catalogue::{FAULTS, Proof};

#[test]
fn every_fault_has_a_number_of_its_own_in_order_and_a_name() {
    let numbers: Vec<usize> = FAULTS.iter().map(|fault| fault.number).collect();
    assert_eq!(numbers, (1..=FAULTS.len()).collect::<Vec<_>>());
    let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
}

#[test]
fn every_test_that_a_fault_names_is_in_the_tree() {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut missing = Vec::new();
    for fault in FAULTS {
        let Proof::Tests(tests) = fault.proof else { continue };
        assert!(!tests.is_empty(), "{}: {} names no test", fault.number, fault.name);
        for (path, test) in tests {
            let text = texts.entry(path).or_insert_with(|| read(path));
            if !is_test(text, test) {
                missing.push(format!("{}: {}: {path}: {test}", fault.number, fault.name));
            }
        }
    }
    assert!(missing.is_empty(), "{} are not there:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn a_fault_without_a_test_says_why_in_a_sentence() {
    for fault in FAULTS {
        if let Proof::None(why) = fault.proof {
            assert!(why.split(' ').count() >= 6, "{}: {why}", fault.number);
        }
    }
    let without = FAULTS.iter().filter(|fault| matches!(fault.proof, Proof::None(_))).count();
    println!("{} faults, {without} of them without a test", FAULTS.len());
}

#[test]
fn a_name_that_is_no_test_is_not_taken_for_one() {
    let text = "#[test]\nfn a_thing_holds() {}\n\nfn helper() {}\n\non_both_stores!(\n    a_case_holds,\n);\nasync fn a_case_holds(world: World) {}\n";
    assert!(is_test(text, "a_thing_holds") && is_test(text, "a_case_holds"));
    assert!(!is_test(text, "helper") && !is_test(text, "a_thing"));
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

/// Whether a text has a test of this name: a function behind an attribute or in a property, or a case that a macro makes
/// tests of.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    let is_head = |line: &&str| heads.iter().any(|head| line.starts_with(head.as_str()));
    let is_marked = |place: usize| {
        lines[..place]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#["))
            .any(|line| line.contains("test"))
    };
    let is_case = lines.contains(&format!("{name},").as_str());
    lines.iter().enumerate().any(|(place, line)| is_head(line) && (is_marked(place) || is_case))
}

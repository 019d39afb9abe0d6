//! The help of the program: every command in one group, every example one that the command line takes.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};
use dccd::cli::Cli;

#[test]
fn every_command_stands_in_one_group_and_fits_a_line() {
    let program = Cli::command().term_width(80);
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let shown: BTreeSet<String> = shown.map(|command| command.get_name().to_owned()).collect();

    let help = program.clone().render_help().to_string();

    let groups = help.split_once("\nCollect:\n").unwrap().1.split("\nOptions:\n").next().unwrap();
    let named = groups.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut named: Vec<String> = named.map(str::to_owned).collect();
    named.sort();
    assert_eq!(named, shown.into_iter().collect::<Vec<_>>(), "each once");
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let line = format!("  {:<11}  {about}", command.get_name());
        assert!(groups.lines().any(|own| own == line), "the help has no line `{line}`");
    }
    let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn every_help_ends_with_examples_that_the_command_line_takes() {
    let mut program = Cli::command();
    program.build();

    let counted = check(&program);

    assert!(counted > 40, "only {counted} examples");
}

/// Checks the examples of a command and of those below it; gives their number.
fn check(command: &Command) -> usize {
    let name = command.get_bin_name().unwrap_or("dccd");
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    assert!((1..=3).contains(&lines.len()), "{name} has {} examples", lines.len());
    for line in &lines {
        assert!(line.starts_with(name), "{line} is no example of {name}");
        let words = line.split(' ').map(|word| word.trim_matches('\''));
        if let Err(refused) = Cli::command().try_get_matches_from(words) {
            panic!("{line}: {refused}");
        }
    }
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    lines.len() + below.map(check).sum::<usize>()
}

//! Help: the commands grouped by what people do, and examples below the help of each.

use std::fmt::Write as _;

use clap::Subcommand;
use clap::builder::Styles;

/// The commands of `dccd --help`, in its order.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Collect", &["start", "stream", "collect", "backfill", "status", "healthcheck"]),
    ("Data", &["inventory", "gaps", "verify", "repair", "export", "import"]),
    ("Jobs", &["jobs", "logs"]),
    ("Remotes", &["sync", "restore", "purge"]),
    ("Setup", &["init", "add", "remove", "validate", "exchanges", "pairs", "completions"]),
    ("Alerts and metrics", &["alerts", "metrics"]),
    ("Simulation", &["demo", "sim"]),
];

/// The layout of `dccd --help`: clap lists commands in one list only.
pub(super) fn template<Commands: Subcommand>() -> String {
    let commands = Commands::augment_subcommands(clap::Command::new("dccd"));
    let (head, name) = (*Styles::styled().get_header(), *Styles::styled().get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, names) in GROUPS {
        let _ = write!(text, "\n{head}{group}:{head:#}\n");
        for own in names.iter().filter_map(|name| commands.find_subcommand(name)) {
            let about = own.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name}{:<11}{name:#}  {about}", own.get_name());
        }
    }
    let _ = write!(text, "\n{head}Options:{head:#}\n{{options}}{{after-help}}");
    text
}

/// Examples of a command, one a line.
pub(super) fn examples(lines: &[&str]) -> String {
    let head = *Styles::styled().get_header();
    lines.iter().fold(format!("{head}Examples:{head:#}"), |text, line| text + "\n  " + line)
}

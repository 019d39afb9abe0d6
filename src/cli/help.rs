//! Help: the commands grouped by what people do, and examples below the help of each.

use std::fmt::Write as _;

use clap::builder::Styles;

/// A group of commands: its head, and each command with its line.
type Group = (&'static str, &'static [(&'static str, &'static str)]);

/// The commands of `dccd --help`, in its order. The lines are repeated here, since collecting them from every command would
/// cost each start of the program a fifth of a millisecond.
const GROUPS: [Group; 7] = [
    (
        "Collect",
        &[
            ("start", "Run every job on its schedule and serve /metrics, until stopped"),
            ("stream", "Listen to the streams alone and serve /metrics, until stopped"),
            ("collect", "Run every job once: what closed since its last run, and any gap"),
            ("backfill", "Fetch the history of jobs, or of any series; only what is missing"),
            ("status", "Show last run, last success, rows and errors of each pair"),
            ("top", "Watch the running daemon in the terminal"),
            ("tap", "Print rows of live series as the running daemon accepts them"),
            ("healthcheck", "Print whether the daemon collects, as one line of JSON"),
        ],
    ),
    (
        "Data",
        &[
            ("inventory", "Show the range, rows, size and gaps of every series"),
            ("gaps", "Show every window that is not covered, and why"),
            ("book", "Print an order book as of an instant, rebuilt from the files"),
            ("read", "Print rows of one or many series in the order of time"),
            ("verify", "Check every file, hash and window"),
            ("repair", "Check every file, set damaged ones aside and fill every hole"),
            ("export", "Write series as CSV or Excel workbooks"),
            ("import", "Import the data of a Python dccd 2.x or 3.x"),
        ],
    ),
    (
        "Jobs",
        &[
            ("jobs", "Run, pause and resume jobs; inspect and control their tasks"),
            ("logs", "Show the newest lines of the log"),
        ],
    ),
    (
        "Remotes",
        &[
            ("sync", "Copy what is missing to the remotes and verify it there"),
            ("restore", "Copy what is missing here back from the remotes, verified"),
            ("purge", "Delete files that a remote holds too, oldest first, to make room"),
        ],
    ),
    (
        "Setup",
        &[
            ("init", "Write a commented first configuration"),
            ("add", "Add a candle job to the configuration, keeping its comments"),
            ("remove", "Remove a pair from the configuration; its data stays"),
            ("validate", "Check the configuration and print what it holds"),
            ("exchanges", "Show what each exchange offers: kinds, markets, spans, limits"),
            ("pairs", "Show the pairs that an exchange lists"),
            ("completions", "Print the tab completion script of a shell"),
        ],
    ),
    (
        "Alerts and metrics",
        &[
            ("alerts", "Write alert rules, send a test alert, or explain an alert"),
            ("metrics", "Show every metric: its name, type, unit, labels and meaning"),
            ("history", "Show the history of metrics, all workers together"),
        ],
    ),
    (
        "Simulation",
        &[
            ("demo", "Try everything offline against a simulated exchange"),
            ("sim", "Run simulated exchanges on this machine"),
        ],
    ),
];

/// The layout of `dccd --help`: clap lists commands in one list only.
pub(super) fn template() -> String {
    let (head, name) = (*Styles::styled().get_header(), *Styles::styled().get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, commands) in GROUPS {
        let _ = write!(text, "\n{head}{group}:{head:#}\n");
        for (own, about) in commands {
            let _ = writeln!(text, "  {name}{own:<11}{name:#}  {about}");
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

//! `dccd metrics`: every metric there is, for people, for programs and for docs/.

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::telemetry::{Family, Metrics, Textfile};

/// Show every metric: its name, type, unit, labels and meaning.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List the metrics, which is what this does anyway.
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of the documentation.
    #[arg(long)]
    markdown: bool,
}

/// A family and where it is found.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    family: Family,
    /// `/metrics`, or `textfile` for those of `collect --textfile`.
    found: &'static str,
}

/// Prints what is registered.
pub(crate) fn run(args: &Args, out: &mut Output) -> Exit {
    let lines = lines();
    if args.json {
        return out.json(&lines);
    }
    for line in if args.markdown { markdown(&lines) } else { table(&lines) } {
        out.line(line);
    }
    Exit::Done
}

fn lines() -> Vec<Line> {
    let scraped = Metrics::new().families().into_iter().map(|family| Line { family, found: "/metrics" });
    let written = Textfile::families().into_iter().map(|family| Line { family, found: "textfile" });
    scraped.chain(written).collect()
}

fn table(lines: &[Line]) -> Vec<String> {
    let mut rows = Vec::with_capacity(2 * lines.len());
    for Line { family, .. } in lines {
        let labels = if family.labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", family.labels.join(", "))
        };
        rows.push(format!("{}{labels}  {}", family.name, family.kind));
        rows.push(format!("    {}", family.help));
    }
    rows
}

fn markdown(lines: &[Line]) -> Vec<String> {
    let row = |Line { family, .. }: &Line| {
        let labels = if family.labels.is_empty() { "-".to_owned() } else { family.labels.join(", ") };
        format!(
            "| `{}` | {} | {} | {labels} | {} |",
            family.name,
            family.kind,
            family.unit.unwrap_or("-"),
            family.help
        )
    };
    let mut rows = vec![
        "| metric | type | unit | labels | what it says |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    rows.extend(lines.iter().map(row));
    rows
}

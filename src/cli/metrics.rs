//! `dccd metrics`: every metric there is, for people, for programs and for docs/.

use crate::api::MetricLine;
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::telemetry::{Family, Metrics, Textfile};

/// Show every metric: its name, type, unit, labels and meaning.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd metrics", "dccd metrics --json"]))]
pub struct Args {
    /// List the metrics (the default).
    #[arg(long)]
    list: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of the documentation.
    #[arg(long)]
    markdown: bool,
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

fn lines() -> Vec<MetricLine> {
    let scraped = Metrics::new().families().into_iter().map(|family| line(family, "/metrics"));
    let written = Textfile::families().into_iter().map(|family| line(family, "textfile"));
    scraped.chain(written).collect()
}

fn line(family: Family, found: &'static str) -> MetricLine {
    let Family { name, kind, unit, labels, help } = family;
    MetricLine { name, r#type: kind, unit, labels, help, found }
}

fn table(lines: &[MetricLine]) -> Vec<String> {
    let mut rows = Vec::with_capacity(2 * lines.len());
    for family in lines {
        let labels = if family.labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", family.labels.join(", "))
        };
        rows.push(format!("{}{labels}  {}", family.name, family.r#type));
        rows.push(format!("    {}", family.help));
    }
    rows
}

fn markdown(lines: &[MetricLine]) -> Vec<String> {
    let row = |family: &MetricLine| {
        let labels = if family.labels.is_empty() { "-".to_owned() } else { family.labels.join(", ") };
        format!(
            "| `{}` | {} | {} | {labels} | {} |",
            family.name,
            family.r#type,
            family.unit.unwrap_or("-"),
            family.help
        )
    };
    let mut rows =
        vec!["| metric | type | unit | labels | meaning |".to_owned(), "|---|---|---|---|---|".to_owned()];
    rows.extend(lines.iter().map(row));
    rows
}

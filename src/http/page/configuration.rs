//! The configuration: what is wrong with the file, its jobs and streams with what adds and removes them, and every
//! setting in force.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{acting, button};
use super::form::Form;
use super::frame::Frame;
use super::html::{Html, chip, escaped};
use super::table::{Align, Table};
use crate::api::{Configuration, ConfiguredJob};
use crate::http::auth::Visitor;
use crate::model::Kind;

/// A job as it was typed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(in crate::http) struct TypedJob {
    /// The exchange.
    #[serde(default)]
    pub(in crate::http) exchange: String,
    /// Pairs with spaces or commas between.
    #[serde(default)]
    pub(in crate::http) pairs: String,
    /// The kind of history.
    pub(in crate::http) kind: Option<String>,
    /// The length of candles, in seconds or as a label.
    pub(in crate::http) span: Option<String>,
    /// A channel of a stream; `on` if it is wanted.
    pub(in crate::http) trades: Option<String>,
    /// A channel of a stream; `on` if it is wanted.
    pub(in crate::http) book: Option<String>,
    /// A channel of a stream; `on` if it is wanted.
    pub(in crate::http) ohlc: Option<String>,
}

impl TypedJob {
    /// The fields that have something in them.
    pub(in crate::http) fn fields(&self) -> Vec<(&'static str, String)> {
        let fields = [
            ("exchange", Some(&self.exchange)),
            ("pairs", Some(&self.pairs)),
            ("kind", self.kind.as_ref()),
            ("span", self.span.as_ref()),
            ("trades", self.trades.as_ref()),
            ("book", self.book.as_ref()),
            ("ohlc", self.ohlc.as_ref()),
        ];
        fields.into_iter().filter_map(|(name, text)| Some((name, text?.clone()))).collect()
    }
}

/// The field that a problem of the file is about, by the path that it begins with.
pub(in crate::http) fn field_of(problem: &str) -> Option<&'static str> {
    // The key, as the file has it, and the field.
    let keys = [
        ("exchange", "exchange"),
        ("pairs", "pairs"),
        ("data_type", "kind"),
        ("spans", "span"),
        ("span", "span"),
        ("channels", "channels"),
    ];
    let path = problem.split_whitespace().find(|word| word.contains("_jobs["))?;
    let key = path.split_once("].")?.1;
    let key = key.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    keys.iter().find(|(own, _)| *own == key).map(|(_, field)| *field)
}

/// The page; `exchanges` are those that can be collected.
pub(in crate::http) fn configuration(frame: &Frame, shown: &Configuration, exchanges: &[&str]) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Configuration</h1>");
        html.line("<div id=\"file\" data-live>");
        file(html, shown);
        html.line("</div>");
        if matches!(frame.visitor, Visitor::Admitted | Visitor::SignedIn) {
            html.line("<div class=\"actions\">");
            button(html, "/configuration/reload", "Reload the file", "");
            html.line("</div>");
        }
        html.line("<h2>Jobs and streams</h2>\n<div id=\"jobs\" data-live>");
        jobs(html, shown, frame);
        html.line("</div>\n<h2>Add</h2>");
        acting(html, frame, |html| {
            html.line("<div class=\"two\">");
            add_history(html, frame, exchanges);
            add_stream(html, frame, exchanges);
            html.line("</div>");
        });
        html.line("<h2>Settings in force</h2>\n<div id=\"settings\" data-live>");
        settings(html, shown);
        html.line("</div>");
    })
}

fn file(html: &mut Html, shown: &Configuration) {
    let state = match (&shown.file_hash, shown.valid) {
        (_, false) => chip("bad", "the file has problems"),
        (Some(hash), true) if *hash == shown.hash => chip("good", "in force"),
        (_, true) => chip("warn", "changed and not reloaded"),
    };
    html.add(format_args!(
        "<p class=\"lead\"><code>{}</code> {state}</p>\n<p class=\"quiet\">In force: <code>{}</code>.</p>\n",
        escaped(&shown.path),
        escaped(&shown.hash)
    ));
    if !shown.problems.is_empty() {
        // Line breaks in here are shown.
        html.add(format_args!("<ul class=\"refusal\" id=\"problems\">"));
        for (problem, line) in shown.problems.iter().zip(&shown.lines) {
            let line = line.map_or_else(String::new, |line| format!("Line {line}: "));
            html.add(format_args!("<li>{line}{}</li>", escaped(problem)));
        }
        html.line("</ul>");
    }
    for (title, all) in [("Notes", &shown.notes), ("After the next start", &shown.waits_for_restart)] {
        if !all.is_empty() {
            html.add(format_args!("<h3>{title}</h3>\n<ul>\n"));
            all.iter().for_each(|own| html.add(format_args!("<li>{}</li>\n", escaped(own))));
            html.line("</ul>");
        }
    }
}

fn jobs(html: &mut Html, shown: &Configuration, frame: &Frame) {
    if shown.jobs.is_empty() {
        return html.line("<p class=\"quiet\">The file has none.</p>");
    }
    let columns =
        [("Exchange", Align::Text), ("Data", Align::Text), ("List", Align::Text), ("Pairs", Align::Text)];
    let table = Table { caption: "Jobs and streams of the file, in its order", columns: &columns };
    table.open(html);
    let may_remove = matches!(frame.visitor, Visitor::Admitted | Visitor::SignedIn);
    let hash = shown.file_hash.as_deref().filter(|_| may_remove);
    for job in &shown.jobs {
        let pairs: String = job.pairs.iter().map(|pair| pair_of(job, pair, hash)).collect();
        let cells = [
            escaped(&job.exchange),
            escaped(&job.data),
            format!("<code>{}[{}]</code>", job.list, job.index),
            format!("<ul class=\"pairs\">{pairs}</ul>"),
        ];
        table.row(html, "", &cells);
    }
    table.close(html);
}

/// A pair, and what removes it.
fn pair_of(job: &ConfiguredJob, pair: &str, hash: Option<&str>) -> String {
    let shown = escaped(pair);
    let Some(hash) = hash else { return format!("<li>{shown}</li>") };
    let name = escaped(&format!("{} {pair} {}", job.exchange, job.data));
    format!(
        "<li>{shown} <form method=\"post\" action=\"/configuration/remove\"><input type=\"hidden\" name=\"list\" \
         value=\"{}\"><input type=\"hidden\" name=\"index\" value=\"{}\"><input type=\"hidden\" name=\"pair\" \
         value=\"{shown}\"><input type=\"hidden\" name=\"file_hash\" value=\"{}\"><button class=\"small\" \
         aria-label=\"Remove {name}\">Remove</button></form></li>",
        job.list,
        job.index,
        escaped(hash)
    )
}

fn exchange_field(html: &mut Html, form: &mut Form<'_>, exchanges: &[&str]) {
    let options: Vec<(&str, &str)> = exchanges.iter().map(|name| (*name, *name)).collect();
    form.select(html, "exchange", "Exchange", &options, options.first().map(|(name, _)| *name));
}

fn add_history(html: &mut Html, frame: &Frame, exchanges: &[&str]) {
    let mut form = Form::new(frame, "/configuration/histo_jobs");
    html.line("<form class=\"panel\" method=\"post\" action=\"/configuration/histo_jobs\" id=\"add-job\"><h3>A job: history, kept up to date</h3><div class=\"filters\">");
    exchange_field(html, &mut form, exchanges);
    form.input(html, "pairs", "Pairs", None, "required placeholder=\"BTC/USDT ETH/USDT\"");
    let kinds: Vec<(&str, &str)> = Kind::ALL.iter().map(|kind| (kind.name(), kind.name())).collect();
    form.select(html, "kind", "Data", &kinds, Some(Kind::ALL[0].name()));
    form.input(html, "span", "Candle length", None, "placeholder=\"1h\" size=\"8\"");
    html.line("<button class=\"main\">Add the job</button></div>");
    form.other_faults(html);
    html.line("</form>");
}

fn add_stream(html: &mut Html, frame: &Frame, exchanges: &[&str]) {
    let mut form = Form::new(frame, "/configuration/stream_jobs");
    html.line("<form class=\"panel\" method=\"post\" action=\"/configuration/stream_jobs\" id=\"add-stream\"><h3>A stream: what the exchange sends live</h3><div class=\"filters\">");
    exchange_field(html, &mut form, exchanges);
    form.input(html, "pairs", "Pairs", None, "required placeholder=\"BTC/USDT\"");
    html.line("<fieldset><legend>Channels</legend>");
    for (name, word) in [("trades", "Trades"), ("book", "Order book"), ("ohlc", "Candles")] {
        let checked = if form.typed(name).is_some() { " checked" } else { "" };
        html.add(format_args!(
            "<label class=\"check\"><input type=\"checkbox\" name=\"{name}\" value=\"on\"{checked}> {word}</label>\n"
        ));
    }
    form.faults_of(html, "channels");
    html.line("</fieldset>");
    form.input(html, "span", "Candle lengths", None, "placeholder=\"1m\" size=\"8\"");
    html.line("<button class=\"main\">Add the stream</button></div>");
    form.other_faults(html);
    html.line("</form>");
}

fn settings(html: &mut Html, shown: &Configuration) {
    let columns = [("Setting", Align::Text), ("Value", Align::Text), ("From", Align::Text)];
    let table = Table { caption: "Secrets are shown as ***", columns: &columns };
    table.open(html);
    for setting in &shown.settings {
        let value = if setting.value.is_empty() { "\u{2013}".to_owned() } else { escaped(&setting.value) };
        let from = if setting.is_default { "<span class=\"quiet\">default</span>" } else { "file" };
        table.row(html, "", &[format!("<code>{}</code>", escaped(&setting.key)), value, from.to_owned()]);
    }
    table.close(html);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_the_file_is_about_the_field_that_its_path_names() {
        for (problem, field) in [
            ("histo_jobs[3].pairs[0]: `x` is no pair", Some("pairs")),
            ("config.yml: BTC/USDT is already at histo_jobs[0].pairs[0]", Some("pairs")),
            ("stream_jobs[0].channels: name at least one", Some("channels")),
            ("stream_jobs[0].spans[1]: 61 is not offered", Some("span")),
            ("histo_jobs[1].data_type: `x` is unknown", Some("kind")),
            ("histo_jobs[1] is like another", None),
            ("the file was changed meanwhile", None),
        ] {
            assert_eq!(field_of(problem), field, "{problem}");
        }
    }
}

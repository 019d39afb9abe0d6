//! Progress bars on a terminal: one for each running series, and one for each remote that is synced.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::output::Output;
use crate::engine::{CopyUpdate, Update};
use crate::model::{Series, bytes, thousands};

/// The bars; none if standard error is not a terminal.
pub(crate) struct Bars(Option<(MultiProgress, HashMap<String, ProgressBar>)>, Total);

/// Runs that ended, and their rows.
#[derive(Clone, Copy, Default)]
struct Total {
    series: u64,
    rows: u64,
}

impl Bars {
    /// The bars of the process's terminal.
    pub(crate) fn of_terminal() -> Self {
        Bars(
            std::io::stderr().is_terminal().then(|| (MultiProgress::new(), HashMap::new())),
            Total::default(),
        )
    }

    /// Prints the total of several series on the terminal.
    pub(crate) fn total(self, took: Duration, out: &mut Output) {
        let Total { series, rows } = self.1;
        if self.0.is_some() && series > 1 {
            let rows = thousands(rows);
            out.remark(format!("{} series, {rows} rows in {:.0} s", thousands(series), took.as_secs_f64()));
        }
    }

    /// Updates the bar of a run, or removes it at the end.
    pub(crate) fn show(&mut self, update: &Update) {
        let Some((bars, open)) = &mut self.0 else { return };
        match update {
            Update::Progress { series, done, planned, rows } => {
                let bar = open.entry(series.clone()).or_insert_with(|| bars.add(bar(series)));
                bar.set_length(*planned as u64);
                bar.set_position(*done as u64);
                let rate = *rows as f64 / bar.elapsed().as_secs_f64().max(0.1);
                bar.set_message(format!("rows={} ({}/s)", thousands(*rows), thousands(rate as u64)));
            }
            Update::Ended(report) => {
                self.1 = Total { series: self.1.series + 1, rows: self.1.rows + report.rows };
                open.remove(&report.series).iter().for_each(ProgressBar::finish_and_clear);
            }
            Update::Copied(CopyUpdate::Pending { remote, files, bytes: size }) => {
                let bar = open.entry(remote.clone()).or_insert_with(|| bars.add(line(remote)));
                bar.set_message(format!("{} file(s), {} pending", thousands(*files), bytes(*size)));
            }
            Update::Copied(CopyUpdate::Synced(synced)) => {
                open.remove(&synced.remote).iter().for_each(ProgressBar::finish_and_clear);
            }
            Update::Copied(_) | Update::Held { .. } | Update::NotBegun { .. } => {}
        }
    }
}

impl Drop for Bars {
    /// Leaves the terminal clean after a stop.
    fn drop(&mut self) {
        self.0.iter().flat_map(|(_, open)| open.values()).for_each(ProgressBar::finish_and_clear);
    }
}

fn bar(series: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3}% {pos}/{len} {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let prefix = series.parse::<Series>().map_or_else(|_| series.to_owned(), |series| label(&series));
    ProgressBar::new(0).with_style(style).with_prefix(prefix)
}

fn line(remote: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {spinner} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style).with_prefix(remote.to_owned())
}

/// `[Binance  BTC/USDT 1h]`.
pub(crate) fn label(series: &Series) -> String {
    let mut name = series.exchange().to_owned();
    name[..1].make_ascii_uppercase();
    let span = series.span().map_or_else(|| series.kind().to_string(), |span| span.to_string());
    format!("[{name:<8} {} {span}]", series.pair())
}

//! Rows that were set aside, neighbours with one fault as one line.

use std::path::Path;
use std::time::Duration;

use crate::api::GapLine;
use crate::model::{Micros, Series, Span};
use crate::store::SetAsideRow;

/// How far apart neighbours of a kind without spans may lie.
const NEAR: Duration = Duration::from_secs(3_600);
const LONGEST_MONTH: Duration = Duration::from_secs(31 * 86_400);

/// Neighbouring rows with one fault.
struct Run {
    first: SetAsideRow,
    last_at: Option<Micros>,
    rows: u64,
}

/// The lines of a series' rows, in the order of their instants; rows without one come last.
pub(super) fn lines(series: &Series, mut rows: Vec<SetAsideRow>, file: &Path) -> Vec<GapLine> {
    rows.sort_by_key(|row| (row.at.is_none(), row.at));
    let near = match series.span() {
        Some(Span::Fixed(secs)) => Duration::from_secs(secs.into()),
        Some(Span::Month) => LONGEST_MONTH,
        None => NEAR,
    };
    let mut runs: Vec<Run> = Vec::new();
    for row in rows {
        // Rows of another fault may lie between.
        let own = runs.iter_mut().rev().find(|run| run.first.fault == row.fault);
        match own.filter(|run| are_near(run.last_at, row.at, near)) {
            Some(run) => {
                run.rows += 1;
                run.last_at = row.at;
            }
            None => runs.push(Run { last_at: row.at, rows: 1, first: row }),
        }
    }
    runs.into_iter().map(|run| line(series, run, file)).collect()
}

fn are_near(last: Option<Micros>, at: Option<Micros>, near: Duration) -> bool {
    match (last, at) {
        (Some(last), Some(at)) => at.since(last) <= near,
        (None, None) => true,
        _ => false,
    }
}

fn line(series: &Series, run: Run, file: &Path) -> GapLine {
    let Run { first, last_at, rows } = run;
    let SetAsideRow { at, fault, detail, text, .. } = first;
    let last_at = last_at.filter(|last| Some(*last) != at);
    GapLine {
        series: series.to_string(),
        state: "set aside",
        reason: detail,
        at: at.map(|at| at.to_string()),
        last_at: last_at.map(|at| at.to_string()),
        fault: Some(fault),
        rows: Some(rows),
        text: Some(text),
        file: Some(file.to_owned()),
        ..GapLine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_with_one_fault_are_one_line_and_others_are_not() {
        let series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
        let rows = vec![
            row("value", None),
            row("off_grid", Some(600)),
            row("value", Some(60)),
            row("value", Some(120)),
            row("off_grid", Some(90)),
            row("value", Some(181)),
            row("value", None),
        ];

        let lines = lines(&series, rows, Path::new("x.jsonl"));

        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                let fault = line.fault.as_deref().unwrap();
                (
                    fault,
                    line.at.as_deref().map(|at| &at[14..19]),
                    line.last_at.as_deref().map(|at| &at[14..19]),
                    line.rows,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("value", Some("01:00"), Some("02:00"), Some(2)),
                ("off_grid", Some("01:30"), None, Some(1)),
                ("value", Some("03:01"), None, Some(1)),
                ("off_grid", Some("10:00"), None, Some(1)),
                ("value", None, None, Some(2)),
            ]
        );
    }

    fn row(fault: &str, at_secs: Option<i64>) -> SetAsideRow {
        let at = at_secs.map(Micros::from_secs);
        let [fault, detail, text] = [fault, "odd", "[]"].map(str::to_owned);
        SetAsideRow { seen_at: Micros(0), at, fault, detail, text }
    }
}

//! The results of all trials, as lines and a table.

use std::fmt::Write as _;

use crate::judge::Verdict;
use crate::trial::Tried;

/// How many trials ended in which way.
#[derive(Clone, Copy, Default)]
struct Tally {
    cases: usize,
    truth: usize,
    failed: usize,
    gap: usize,
    unshowable: usize,
    silent: usize,
    wrong: usize,
    unhealed: usize,
    broken: usize,
}

impl Tally {
    fn add(&mut self, verdict: &Verdict) {
        self.cases += 1;
        let count = match verdict {
            Verdict::True => &mut self.truth,
            Verdict::Failed => &mut self.failed,
            Verdict::Gap => &mut self.gap,
            Verdict::Unshowable => &mut self.unshowable,
            Verdict::Silent(_) => &mut self.silent,
            Verdict::Wrong(_) => &mut self.wrong,
            Verdict::Unhealed(_) => &mut self.unhealed,
            Verdict::Broken(_) => &mut self.broken,
        };
        *count += 1;
    }

    fn line(&self, name: &str) -> String {
        let Tally { cases, truth, failed, gap, unshowable, silent, wrong, unhealed, broken } = self;
        format!(
            "{name:52} {cases:6} {truth:6} {failed:6} {gap:6} {silent:6} {wrong:6} {unhealed:8} {broken:6} {unshowable:10}"
        )
    }
}

/// The trials that lost something, one line each; with their requests where those are wanted.
pub(crate) fn failing(tried: &[Tried<'_>], with_requests: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for one in tried {
        let (word, text) = match &one.verdict {
            Verdict::Silent(text) => ("SILENT", text),
            Verdict::Wrong(text) => ("WRONG", text),
            Verdict::Unhealed(text) => ("UNHEALED", text),
            Verdict::Broken(text) => ("BROKEN", text),
            _ => continue,
        };
        let mut line = format!("{word} {}: {text}; {} requests", one.trial.name(), one.asked.len());
        if !one.said.is_empty() {
            let _ = write!(line, "; the first run: {}", one.said);
        }
        if with_requests {
            one.asked.iter().for_each(|path| line = format!("{line}\n    {path}"));
        }
        lines.push(line);
    }
    lines
}

/// A line for each case, and one for all.
pub(crate) fn table(tried: &[Tried<'_>]) -> String {
    let mut out = format!(
        "{:52} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>6} {:>10}\n",
        "case", "trials", "true", "failed", "gap", "SILENT", "WRONG", "UNHEALED", "BROKEN", "unshowable"
    );
    let mut total = Tally::default();
    for part in tried.chunk_by(|a, b| std::ptr::eq(a.trial.case, b.trial.case)) {
        let mut tally = Tally::default();
        part.iter().for_each(|one| tally.add(&one.verdict));
        part.iter().for_each(|one| total.add(&one.verdict));
        out += &tally.line(&part[0].trial.case.name());
        out.push('\n');
    }
    out + &total.line("all")
}

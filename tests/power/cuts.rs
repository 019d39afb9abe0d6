//! The power cut at any moment, over and over on one disk: what was durable is there, what was lost is a gap.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use dccd::model::{Batch, Micros, Series, Windows};
use dccd::store::{Finding, FindingKind, Layout, Ledger, period_files, verify_series};

use crate::ingest::{Reports, SERIES, open, start};
use crate::market::{self, Draws, HORIZON};
use crate::mounts::Image;
use crate::needs;

#[test]
fn a_power_cut_loses_no_durable_row_and_what_it_lost_is_a_gap() {
    if !needs::programs(&["cc", "mkfs.ext4", "e2fsck", "mount"]) {
        return;
    }
    let mut image = match Image::new("128M") {
        Ok(image) => image,
        Err(why) => return needs::forbids(&format!("power cuts need root and a loop device: {why}")),
    };
    let cuts = if needs::is_siege() { 30 } else { 5 };
    let mut draws = Draws::seeded();
    let mut figures = Figures::default();
    for cut in 0..cuts {
        let reports = ingest_until_cut(&mut image, &mut draws);
        figures.count(&reports);
        let (store, replay) = open(&image.path(), draws.next() >> 11).unwrap();
        assert!(replay.failures.is_empty(), "cut {cut}: {:?}", replay.failures);
        assert_harmless(replay.findings.iter().map(|(_, finding)| finding));
        for (index, name) in SERIES.iter().enumerate() {
            // A file whose publish was cut short is taken over when its series is opened.
            let (writer, findings) = store.writer(&name.parse().unwrap()).unwrap();
            assert_harmless(findings.iter());
            drop(writer);
            assert_true(&image.path(), index, name, &reports, &mut figures);
        }
        store.close().unwrap();
    }
    println!("{cuts} power cuts: {figures:?}");
    assert!(figures.lost_frames > 0, "no cut lost anything: the cuts are none");
    assert!(figures.durable_frames > 0 && figures.gaps_with_reason > 0, "{figures:?}");
}

/// The totals over all cuts.
#[derive(Debug, Default)]
struct Figures {
    sent_frames: usize,
    accepted_frames: usize,
    durable_frames: usize,
    durable_rows: usize,
    stored_rows: usize,
    /// Accepted frames that are not there.
    lost_frames: usize,
    /// Syncs that seemed to succeed amid the cut.
    doubted: usize,
    gaps: usize,
    gaps_with_reason: usize,
}

impl Figures {
    fn count(&mut self, reports: &Reports) {
        self.sent_frames += reports.sent.len();
        self.accepted_frames += reports.accepted;
        self.durable_frames += reports.durable;
        self.doubted += reports.doubted;
    }
}

/// Runs a child, cuts the power at a random moment and gives it back; what the child had said by then.
fn ingest_until_cut(image: &mut Image, draws: &mut Draws) -> Reports {
    let mut child = start(&image.path(), draws.next());
    let (mut out, mut said) = (child.stdout.take().unwrap(), Vec::new());
    std::thread::scope(|threads| {
        threads.spawn(|| out.read_to_end(&mut said).unwrap());
        std::thread::sleep(Duration::from_millis(draws.between(100, 1_800)));
        image.cut().unwrap();
        child.kill().unwrap();
    });
    let ended = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said).into_owned();
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"), "{ended:?} {text}");
    image.restore();
    Reports::read(&text)
}

/// A cut tears the journal at most: no published file and no ledger is ever found damaged or missing.
fn assert_harmless<'a>(findings: impl Iterator<Item = &'a Finding>) {
    for finding in findings {
        let is_harm = matches!(finding.kind, FindingKind::Quarantined | FindingKind::Missing);
        assert!(!is_harm, "{finding:?}");
    }
}

/// Everything durable is covered, everything covered is stored, once and as it was sent, nothing else is, and
/// whatever of the accepted is not there is a gap.
fn assert_true(path: &Path, index: usize, name: &str, reports: &Reports, figures: &mut Figures) {
    let (layout, series) = (Layout::new(path), name.parse::<Series>().unwrap());
    let ledger = Ledger::read(&layout.ledger(&series), &series).unwrap().unwrap_or_default();
    let durable = reports.durable(index);
    let lost_for_good = missing(&durable, &ledger.covered);
    assert!(lost_for_good.is_empty(), "{name}: durable and not covered: {lost_for_good:?}");

    let stored = stored(&layout, &series, &ledger);
    let mut expected = Batch::of(series.kind());
    ledger.covered.iter().for_each(|window| expected.take_all(&market::rows(&series, window)));
    assert!(stored == expected, "{name}: {}", differences(&stored, &expected, &ledger));
    if layout.folder(&series).exists() {
        assert_eq!(verify_series(&layout, &series).unwrap(), [], "{name}");
    }

    let lost = missing(&reports.accepted(index), &ledger.covered);
    let gaps = ledger.gaps(HORIZON);
    if ledger.wanted_since.is_some() {
        assert!(missing(&lost, &gaps).is_empty(), "{name}: {lost:?} is lost and no gap");
    } else {
        assert!(ledger.covered.is_empty() && durable.is_empty(), "{name}: nothing of it survived");
    }
    figures.durable_rows += durable.iter().map(|window| market::rows(&series, window).len()).sum::<usize>();
    figures.stored_rows = if index == 0 { stored.len() } else { figures.stored_rows + stored.len() };
    figures.lost_frames += reports.sent[..reports.accepted]
        .iter()
        .filter(|sent| sent.0 == index && !ledger.covered.cover(sent.1))
        .count();
    figures.gaps += usize::from(!lost.is_empty());
    let has_reason = lost.iter().next().is_some_and(|window| ledger.reason(window).is_some());
    figures.gaps_with_reason += usize::from(has_reason);
}

/// The part of `windows` that is not in `held`.
fn missing(windows: &Windows, held: &Windows) -> Windows {
    let mut missing = windows.clone();
    missing.remove_all(held);
    missing
}

fn differences(stored: &Batch, expected: &Batch, ledger: &Ledger) -> String {
    let mut outside = stored.ts().iter().filter(|ts| !ledger.covered.holds(Micros(**ts)));
    let (first, number) = (outside.next(), outside.count() + 1);
    let (rows, covered) = (stored.len(), expected.len());
    match first {
        Some(first) => format!("{number} of {rows} rows are not covered, the first at {}", Micros(*first)),
        None => format!("{rows} rows stored, {covered} are covered"),
    }
}

fn stored(layout: &Layout, series: &Series, ledger: &Ledger) -> Batch {
    let mut rows = Batch::of(series.kind());
    for period in ledger.periods() {
        for file in period_files(layout, series, period).unwrap() {
            rows.take_all(&file.rows().unwrap());
        }
    }
    rows
}

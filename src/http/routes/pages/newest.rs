//! The newest rows of a series, read as the API reads them.

use std::time::Duration;

use crate::api::SeriesLine;
use crate::daemon::Control;
use crate::engine::{book, read};
use crate::http::page::{NewestRows, Shown, segment};
use crate::model::{Kind, Micros, Series, Zone};
use crate::telemetry::events::Chain;

/// Rows of the table.
const ROWS: usize = 8;
/// Candles of the chart.
const CANDLES: u32 = 300;
/// The most rows that are read to find the newest of them.
const MOST_READ: usize = 4_000;
/// How often a shorter range is tried where so many rows lie close together.
const TRIES: u32 = 6;
/// Levels a side of a book.
const LEVELS: &str = "200";

/// The newest of a series.
pub(super) async fn newest(control: &Control, line: &SeriesLine) -> Shown {
    let Ok(series) = line.series.parse::<Series>() else { return Shown::Nothing };
    if series.kind() == Kind::OrderBook {
        let asked =
            book::Asked { series: Some(line.series.clone()), at: None, levels: Some(LEVELS.to_owned()) };
        let book = control.book(asked).await;
        return Shown::Book(book.map_err(|error| Chain(&error).to_string()));
    }
    let Some((from, until)) = ends(line) else { return Shown::Nothing };
    Shown::Rows(rows(control, &series, line, (from, until)).await)
}

/// The instants of the oldest and the newest row.
fn ends(line: &SeriesLine) -> Option<(Micros, Micros)> {
    let held = line.held.as_ref()?;
    let at = |text: &Option<String>| Micros::parse(text.as_deref()?, &Zone::UTC).ok();
    Some((at(&held.from)?, at(&held.to)?))
}

async fn rows(
    control: &Control,
    series: &Series,
    line: &SeriesLine,
    (oldest, newest): (Micros, Micros),
) -> Result<NewestRows, String> {
    let count = line.held.as_ref().and_then(|held| held.rows).unwrap_or(1).max(1);
    let mut reach = match series.span() {
        Some(span) => Duration::from_secs(u64::from(span.secs()) * u64::from(CANDLES)),
        // As far back as some hundred rows reach on average.
        None => newest.since(oldest).mul_f64((300.0 / count as f64).min(1.0)),
    };
    for attempt in 0..TRIES {
        let from = Micros(newest.0 - reach.as_micros() as i64);
        let text = csv(control, series, from).await?;
        let mut lines = text.lines();
        let names: Vec<String> = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        let lines: Vec<&str> = lines.collect();
        if lines.len() >= MOST_READ && attempt + 1 < TRIES {
            reach /= 8;
            continue;
        }
        let kept = &lines[lines.len().saturating_sub(ROWS)..];
        let rows = kept.iter().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        let from =
            format!("/api/v1/read?series={}&from={}", segment(&line.series), segment(&from.to_string()));
        return Ok(NewestRows { kind: series.kind(), columns: names, rows, from });
    }
    Err("too many rows lie close together; read them by `/api/v1/read`".to_owned())
}

/// Rows from an instant on.
async fn csv(control: &Control, series: &Series, from: Micros) -> Result<String, String> {
    let asked = read::Asked {
        series: vec![series.to_string()],
        from: Some(from.to_string()),
        limit: Some(MOST_READ.to_string()),
        format: Some("csv".to_owned()),
        ..read::Asked::default()
    };
    let (plan, rows) = control.read(asked).await.map_err(|error| Chain(&error).to_string())?;
    let writing = tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        plan.write(rows, &mut text).map(|_| text).map_err(|error| Chain(&error).to_string())
    });
    let text = writing.await.map_err(|error| error.to_string())??;
    String::from_utf8(text).map_err(|error| error.to_string())
}

//! The answer to a question about the history, in the shape that HTTP sends and the command line prints.

use super::ask::{AskError, Asked};
use crate::api::{HistoryAnswer, HistoryMetric, HistoryPoint};
use crate::db::{Database, KeptMetric};
use crate::engine::wrong::wrong;
use crate::model::{Micros, Zone};
use crate::telemetry::rollup::{Kind, Point};

/// Answers a question from the state store, so that all processes give the same answer.
pub(crate) async fn answer(
    db: &Database,
    asked: &Asked,
    zone: Option<&Zone>,
    now: Micros,
) -> Result<HistoryAnswer, AskError> {
    let query = asked.query(zone, now)?;
    let workers = db.history_workers().await?;
    if let Some(worker) = &query.worker
        && !workers.contains(worker)
    {
        let known = if workers.is_empty() {
            "none has".to_owned()
        } else {
            format!("these have: {}", workers.join(", "))
        };
        let why = format!("no worker `{worker}` has written history; {known}");
        return Err(wrong("worker", why).into());
    }
    let page = db.read_history(&query).await?;
    let last = page.metrics.last().map(|metric| metric.key.to_string());
    Ok(HistoryAnswer {
        prefix: query.prefix,
        worker: query.worker,
        workers,
        resolution: query.resolution.name(),
        seconds: query.resolution.secs(),
        from: query.range.start.to_string(),
        until: query.range.end.to_string(),
        metrics: page.metrics.into_iter().map(metric).collect(),
        next: last.filter(|_| page.has_more),
    })
}

fn metric(metric: KeptMetric) -> HistoryMetric {
    let KeptMetric { key, kind, unit, points } = metric;
    let mut all = points.values().cloned();
    let first = all.next();
    let whole = first.map(|first| {
        all.fold(first, |mut sum, point| {
            sum.merge(&point);
            sum
        })
    });
    HistoryMetric {
        key: key.to_string(),
        kind: kind.name(),
        unit,
        summary: whole.map(|whole| shape(kind, None, &whole)),
        points: points.iter().map(|(at, point)| shape(kind, Some(*at), point)).collect(),
    }
}

/// Only what means something for a metric of that kind.
fn shape(kind: Kind, at: Option<Micros>, point: &Point) -> HistoryPoint {
    let is_spread = kind != Kind::Counter;
    let is_histogram = kind == Kind::Histogram;
    HistoryPoint {
        at: at.map(|at| at.to_string()),
        value: point.value(kind),
        count: is_histogram.then_some(point.count),
        sum: is_histogram.then_some(point.sum),
        min: is_spread.then_some(point.min),
        max: is_spread.then_some(point.max),
        mean: is_spread.then(|| point.mean()),
        p50: point.quantile(0.5),
        p95: point.quantile(0.95),
        p99: point.quantile(0.99),
        sampled_at: (kind == Kind::Gauge).then(|| point.sampled_at.to_string()),
    }
}

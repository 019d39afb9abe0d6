//! The observations of one bucket of one metric, and how two buckets are merged.

use std::cmp::Ordering;
use std::fmt;

use super::Sketch;
use crate::model::Micros;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A sum of increments.
    Counter,
    /// A level, of which the newest sample counts.
    Gauge,
    /// Values whose distribution counts.
    Histogram,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Counter, Kind::Gauge, Kind::Histogram];

    /// `counter`, `gauge` or `histogram`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The observations of one bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The number of observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
    /// The newest of them.
    pub last: f64,
    /// When the newest was made.
    pub sampled_at: Micros,
    /// Their distribution, of a histogram.
    pub sketch: Option<Sketch>,
}

impl Point {
    /// A single observation.
    #[must_use]
    pub fn of(kind: Kind, value: f64, at: Micros) -> Self {
        let sketch = (kind == Kind::Histogram).then(|| Sketch::of(value));
        Point { count: 1, sum: value, min: value, max: value, last: value, sampled_at: at, sketch }
    }

    /// Adds the observations of another bucket. Of two samples of one instant the greater is the last, so that the order
    /// of merging does not matter.
    pub fn merge(&mut self, other: &Point) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        let newer = other.sampled_at.cmp(&self.sampled_at).then(other.last.total_cmp(&self.last));
        if newer == Ordering::Greater {
            (self.last, self.sampled_at) = (other.last, other.sampled_at);
        }
        match (&mut self.sketch, &other.sketch) {
            (Some(own), Some(other)) => own.merge(other),
            (own @ None, Some(other)) => *own = Some(other.clone()),
            (_, None) => {}
        }
    }

    /// Adds a later observation of the same process, in whose order the last one counts.
    pub(super) fn observe(&mut self, value: f64, at: Micros) {
        self.count = self.count.saturating_add(1);
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if at >= self.sampled_at {
            (self.last, self.sampled_at) = (value, at);
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.observe(value);
        }
    }

    /// The mean of the observations.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The value that counts for a metric of that kind: the sum, the last or the mean.
    #[must_use]
    pub fn value(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Counter => self.sum,
            Kind::Gauge => self.last,
            Kind::Histogram => self.mean(),
        }
    }

    /// The value below which a share of the observations lies, within 1 %; `None` without a distribution.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let value = self.sketch.as_ref()?.quantile(share)?;
        Some(value.clamp(self.min, self.max))
    }
}

//! Where things lie under the data path, and the periods files are cut into.

use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};

use crate::model::{Kind, Micros, Pair, Series, Span, Window};
use crate::store::StoreError;

/// The folders and files of one data path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under a data path.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Layout { root: root.into() }
    }

    /// The data path itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Our own folder in it.
    #[must_use]
    pub fn own(&self) -> PathBuf {
        self.root.join(".dccd")
    }

    /// The folder of the journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.own().join("journal")
    }

    /// Where damaged files are set aside.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.own().join("quarantine")
    }

    /// Where files of a series wait that an earlier owner of it wrote, until their rows are merged.
    #[must_use]
    pub fn earlier(&self, series: &Series) -> PathBuf {
        self.own().join("earlier").join(Layout::key(series).replace('/', "__"))
    }

    /// The folder of a series.
    #[must_use]
    pub fn folder(&self, series: &Series) -> PathBuf {
        let mut folder = self.root.join(series.exchange());
        folder.push(series.kind().name());
        folder.push(series.pair().slug());
        if let Some(span) = series.span() {
            folder.push(span.label());
        }
        folder
    }

    /// The ledger of a series.
    #[must_use]
    pub fn ledger(&self, series: &Series) -> PathBuf {
        self.folder(series).join("_series.json")
    }

    /// Where a series lies below the data path, parted by `/`.
    #[must_use]
    pub fn key(series: &Series) -> String {
        Layout::new("").folder(series).to_string_lossy().into_owned()
    }

    /// The series whose folder has a [key](Layout::key).
    #[must_use]
    pub fn series_at(key: &str) -> Option<Series> {
        let mut parts = key.split('/');
        let (exchange, kind, slug) = (parts.next()?, parts.next()?.parse::<Kind>().ok()?, parts.next()?);
        let span = parts.next().map(str::parse::<Span>).transpose().ok()?;
        let series = Series::new(exchange, Pair::from_slug(slug).ok()?, kind, span).ok()?;
        (Layout::key(&series) == key).then_some(series)
    }

    /// Every series that has a folder, in the order of their names, whether dccd wrote it or not. Folders that cannot be
    /// listed are left out; [`Layout::listed`] says so.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        self.found().0
    }

    /// The same.
    ///
    /// # Errors
    /// The first folder that is there and cannot be listed.
    pub fn listed(&self) -> Result<Vec<Series>, StoreError> {
        match self.found() {
            (found, None) => Ok(found),
            (_, Some((path, source))) => Err(StoreError::Io { action: "listing", path, source }),
        }
    }

    fn found(&self) -> (Vec<Series>, Option<(PathBuf, io::Error)>) {
        let (mut found, mut refused) = (Vec::new(), None);
        let mut folders = |folder: &Path| {
            folders(folder).unwrap_or_else(|error| {
                refused.get_or_insert((folder.to_owned(), error));
                Vec::new()
            })
        };
        for (exchange, exchange_folder) in folders(&self.root) {
            for kind in Kind::ALL {
                for (slug, pair_folder) in folders(&exchange_folder.join(kind.name())) {
                    let Ok(pair) = Pair::from_slug(&slug) else { continue };
                    let spans: Vec<Option<Span>> = if kind.has_span() {
                        folders(&pair_folder)
                            .into_iter()
                            .filter_map(|(label, _)| label.parse().ok().map(Some))
                            .collect()
                    } else {
                        vec![None]
                    };
                    let of = |span| Series::new(&exchange, pair.clone(), kind, span).ok();
                    found.extend(spans.into_iter().filter_map(of));
                }
            }
        }
        found.sort();
        (found, refused)
    }
}

/// The folders in a folder, but for hidden ones; none if it is not there.
fn folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let named = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| !name.starts_with('.'));
    Ok(named.collect())
}

/// A period: the stretch of time one file holds, by `ts`, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// Its name, which is the file's: `2024` or `2024-01-31`.
    pub name: String,
    /// Its bounds.
    pub window: Window,
}

impl Period {
    /// The period of a kind that holds an instant: a day for trades and books, a year for all others.
    #[must_use]
    pub fn of(kind: Kind, at: Micros) -> Self {
        let day = at.utc().date();
        if is_daily(kind) {
            Period::between(day.to_string(), day, day.tomorrow().unwrap_or(Date::MAX))
        } else {
            Period::year(day.year())
        }
    }

    /// The period of a kind that a file is named after.
    #[must_use]
    pub fn named(kind: Kind, name: &str) -> Option<Self> {
        let period = if is_daily(kind) {
            let day: Date = name.parse().ok()?;
            Period::of(kind, Micros::of_utc(day.to_datetime(jiff::civil::Time::midnight())))
        } else {
            Period::year(name.parse().ok().filter(|year| (1..9_999).contains(year))?)
        };
        (period.name == name).then_some(period)
    }

    /// The name of the period's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.parquet", self.name)
    }

    fn year(year: i16) -> Self {
        let next = if year >= 9_998 { Date::MAX } else { date(year + 1, 1, 1) };
        Period::between(format!("{year:04}"), date(year.clamp(1, 9_998), 1, 1), next)
    }

    fn between(name: String, from: Date, until: Date) -> Self {
        let midnight = |day: Date| Micros::of_utc(day.to_datetime(jiff::civil::Time::midnight()));
        Period { name, window: Window { from: midnight(from), until: midnight(until) } }
    }
}

fn is_daily(kind: Kind) -> bool {
    matches!(kind, Kind::Trades | Kind::OrderBook)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;

    #[test]
    fn a_series_lies_where_the_design_says() {
        let layout = Layout::new("/data");
        let folder = |text: &str| layout.folder(&text.parse().unwrap()).display().to_string();
        assert_eq!(folder("binance/BTC-USDT/ohlc/1h"), "/data/binance/ohlc/BTC-USDT/1h");
        assert_eq!(folder("binance/BTC-USDT_PERP/funding"), "/data/binance/funding/BTC-USDT_PERP");
        assert_eq!(folder("binance/BTC-USDT/trades"), "/data/binance/trades/BTC-USDT");
    }

    #[test]
    fn only_the_folder_of_a_series_is_read_as_one() {
        for text in ["binance/BTC-USDT/ohlc/1h", "okx/BTC-USDT_PERP/trades"] {
            let series: Series = text.parse().unwrap();
            assert_eq!(Layout::series_at(&Layout::key(&series)), Some(series));
        }
        for key in
            ["", "../ohlc/BTC-USDT/1h", "binance/ohlc/BTC-USDT", "binance/trades/../x", "a/ohlc/A-B/1h/x"]
        {
            assert_eq!(Layout::series_at(key), None, "{key}");
        }
    }

    #[test]
    fn candles_lie_in_years_and_trades_in_days_of_utc() {
        let at = Micros::parse("2023-12-31 23:59:59", &Zone::UTC).unwrap();
        assert_eq!(Period::of(Kind::Ohlc, at).name, "2023");
        assert_eq!(
            Period::of(Kind::Trades, Micros::from_secs(1_700_000_000)).file_name(),
            "2023-11-14.parquet"
        );
        assert_eq!(Period::of(Kind::Ohlc, at).window.until, Micros::parse("2024-01-01", &Zone::UTC).unwrap());
    }

    #[test]
    fn only_the_name_of_a_period_is_read_as_one() {
        assert_eq!(
            Period::named(Kind::Ohlc, "2024"),
            Some(Period::of(Kind::Ohlc, Micros::from_secs(1_710_000_000)))
        );
        assert!(Period::named(Kind::Trades, "2024-02-29").is_some());
        for (kind, name) in [
            (Kind::Ohlc, "24"),
            (Kind::Ohlc, "2024-01-01"),
            (Kind::Trades, "2024"),
            (Kind::Trades, "2023-02-29"),
        ] {
            assert_eq!(Period::named(kind, name), None, "{name}");
        }
    }
}

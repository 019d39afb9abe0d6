//! The commented configuration that `init`, or `add` without a file, creates.

use crate::config::edit::NewJob;
use crate::config::edit::scalar;

const BEFORE: &str = "\
# dccd configuration; check it after an edit with `dccd validate`.

settings:
  data_path: ./data/crypto      # the folder of the Parquet files; ~ is your home folder
  timezone: UTC                 # local, UTC or a name like Europe/Paris: how dates are read and shown

# Metrics, health and the monitor page, for this machine only; [] switches them off.
http:
  listen: [\"127.0.0.1:9430\"]

# History, fetched and then kept up to date.
#   span       candle length in seconds: 60, 3600, 86400, ...
#   data_type  ohlc (default), trades, orderbook, funding or open_interest
#   start      a date such as 2024-01-31, `origin` for all there is, or `last` (default)
#   every      seconds between two runs; by default a job runs when a candle closes
#   cron       or a line such as \"5 * * * *\" in the timezone above
histo_jobs:
";

const AFTER: &str = "
# A job that keeps failing makes an alert after this many runs in a row.
alerts:
  max_consecutive_errors: 3
";

/// A first configuration with one job.
#[must_use]
pub fn first(job: &NewJob<'_>) -> String {
    let NewJob { exchange, span_secs, .. } = job;
    let pairs = job.pairs_text();
    let exchange = scalar(exchange);
    let item = format!("  - exchange: {exchange}\n    pairs: [{pairs}]\n    span: {span_secs}\n");
    format!("{BEFORE}{item}{AFTER}")
}

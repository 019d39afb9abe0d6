//! `dccd jobs pause` and `resume`.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use crate::api::{JobsAsked, JobsChanged};
use crate::cli::Exit;
use crate::cli::client::{ClientError, Daemon};
use crate::cli::jobs::streams::{live, without_prefix};
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::Refusal;
use crate::engine::Job;
use crate::model::{Series, select};
use crate::store::Layout;

/// Pauses or resumes jobs and live series, and prints their names.
pub(crate) async fn run(selectors: Vec<String>, is_paused: bool, config: Config, out: &mut Output) -> Exit {
    let selectors: Vec<String> = selectors.iter().map(|own| without_prefix(own).to_owned()).collect();
    let own = Layout::new(&config.data_path).own();
    let changed = match Daemon::find(&own).await {
        Ok(Some(daemon)) => {
            by_daemon(&daemon, selectors, is_paused).await.map_err(|error| out.failed(&error))
        }
        Ok(None) => here(&selectors, is_paused, &config, out).await,
        Err(error) => Err(out.failed(&error)),
    };
    match changed {
        Ok(series) => {
            let what = if is_paused { "paused" } else { "resumed" };
            series.iter().for_each(|series| out.line(format!("{series} {what}")));
            Exit::Done
        }
        Err(exit) => exit,
    }
}

async fn by_daemon(
    daemon: &Daemon,
    series: Vec<String>,
    is_paused: bool,
) -> Result<Vec<String>, ClientError> {
    let path = if is_paused { "/api/v1/jobs/pause" } else { "/api/v1/jobs/resume" };
    let changed: JobsChanged = daemon.ask(path, &JobsAsked { series }).await?;
    Ok(changed.series)
}

async fn here(
    selectors: &[String],
    is_paused: bool,
    config: &Config,
    out: &mut Output,
) -> Result<Vec<String>, Exit> {
    let jobs = Job::all(config).into_iter().map(|job| (**job.series()).clone());
    let known: BTreeSet<Series> = jobs.chain(live(config)).collect();
    let meant = select(selectors, &known).map_err(Refusal::NoSuchJob);
    let series: Vec<Series> =
        meant.map_err(|why| out.fail(Exit::Failed, why))?.into_iter().cloned().collect();
    let command = if is_paused { "jobs pause" } else { "jobs resume" };
    let one_shot = OneShot::open(config, command, std::iter::empty(), out, &CancellationToken::new()).await?;
    let kept = one_shot.engine().keep_paused(&series, is_paused).await;
    one_shot.close(out).await?;
    kept.map_err(|error| out.failed(&error))?;
    Ok(series.iter().map(ToString::to_string).collect())
}

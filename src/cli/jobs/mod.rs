//! `dccd jobs`: acting on configured jobs, one file a command.

mod pause;

use clap::Subcommand;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::collect::run_jobs;
use crate::cli::output::Output;
use crate::config::Config;

/// Act on configured jobs.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run jobs now and wait for them, also paused ones. A job that runs already is waited for and not run again.
    Run(Meant),
    /// Let jobs not run by themselves until they are resumed, over restarts too. A run under way ends normally.
    Pause(Meant),
    /// Let paused jobs run again; what they missed is one run, at once.
    Resume(Meant),
}

/// Which jobs are meant.
#[derive(Debug, clap::Args)]
struct Meant {
    /// Series, or how they begin: binance/BTC-USDT/ohlc/1h, binance/BTC-USDT or binance.
    #[arg(required = true, value_name = "SERIES")]
    series: Vec<String>,
}

/// Does what is asked, through the daemon where one runs.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    match args.action {
        Action::Run(meant) => run_jobs(&config, "jobs run", meant.series, out, stop, |_| {}).await,
        Action::Pause(meant) => pause::run(meant.series, true, config, out).await,
        Action::Resume(meant) => pause::run(meant.series, false, config, out).await,
    }
}

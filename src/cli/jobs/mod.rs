//! `dccd jobs`: configured jobs, and the tasks of the tracker; one file a command.

mod cancel;
mod ignore;
mod ls;
mod pause;
mod prune;
mod retry;
mod sentence;
mod show;
mod streams;
mod table;
mod unlock;
mod view;
mod why;

use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::collect::run_jobs;
use crate::cli::complete;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config::Config;

/// Run, pause and resume jobs; inspect and control their tasks.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs run binance/BTC/USDT", "dccd jobs why binance/BTC-USDT/ohlc/1h"]))]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run jobs now, paused ones too, and wait for them.
    ///
    /// A job that is running is waited for and not run again.
    #[command(after_help = examples(&["dccd jobs run binance/BTC/USDT", "dccd jobs run 'kraken/*'"]))]
    Run(Selection),
    /// Stop scheduling jobs, and listening to live series, until resumed (survives restarts).
    ///
    /// A run in progress ends normally; what was received live is published.
    #[command(after_help = examples(&["dccd jobs pause kraken"]))]
    Pause(Selection),
    /// Schedule paused jobs again, and listen to live series; what they missed is fetched now.
    #[command(after_help = examples(&["dccd jobs resume kraken"]))]
    Resume(Selection),
    #[command(flatten)]
    Tasks(Tasks),
}

/// Actions on the tracker alone, with or without a daemon.
#[derive(Debug, Subcommand)]
enum Tasks {
    Ls(ls::Args),
    Show(show::Args),
    Why(why::Args),
    Retry(retry::Args),
    Ignore(ignore::Args),
    Cancel(cancel::Args),
    Unlock(unlock::Args),
    Prune(prune::Args),
}

/// The selected jobs.
#[derive(Debug, clap::Args)]
struct Selection {
    /// Series by name, prefix or glob: binance/BTC-USDT/ohlc/1h, binance/BTC/USDT, binance or '*/BTC-*'.
    #[arg(required = true, value_name = "SERIES", add = ArgValueCompleter::new(complete::jobs))]
    series: Vec<String>,
}

/// Acts on jobs through the daemon if one runs, on tasks in the store.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    match args.action {
        Action::Run(selection) => run_jobs(&config, "jobs run", selection.series, out, stop, |_| {}).await,
        Action::Pause(selection) => pause::run(selection.series, true, config, out).await,
        Action::Resume(selection) => pause::run(selection.series, false, config, out).await,
        Action::Tasks(tasks) => tasks.run(&config, out).await,
    }
}

impl Tasks {
    async fn run(self, config: &Config, out: &mut Output) -> Exit {
        let mut view = match view::TrackerView::open(config, out).await {
            Ok(view) => view,
            Err(exit) => return exit,
        };
        let exit = match self {
            Tasks::Ls(args) => ls::run(&args, &mut view).await,
            Tasks::Show(args) => show::run(&args, &mut view).await,
            Tasks::Why(args) => why::run(&args, &mut view).await,
            Tasks::Retry(args) => retry::run(&args, &mut view).await,
            Tasks::Ignore(args) => ignore::run(&args, &mut view).await,
            Tasks::Cancel(args) => cancel::run(&args, &mut view).await,
            Tasks::Unlock(args) => unlock::run(&args, &mut view).await,
            Tasks::Prune(args) => prune::run(&args, &mut view).await,
        };
        view.close().await;
        exit
    }
}

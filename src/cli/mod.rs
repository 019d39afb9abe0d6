//! The command line: one file a command, and what they share.
//!
//! **A failure of standard output sets the exit code at the end**, in one place (`cli/output.rs`): work is finished
//! first. A closed pipe ends silently with 141, as SIGPIPE does; any other failure is 74.

pub mod add;
pub mod alerts;
pub mod backfill;
pub mod book;
mod client;
pub mod collect;
pub mod complete;
pub mod completions;
pub mod demo;
mod elsewhere;
pub mod exchanges;
mod exit;
pub mod export;
pub mod gaps;
mod hand_over;
pub mod healthcheck;
mod help;
pub mod history;
pub mod import;
pub mod init;
pub mod inventory;
pub mod jobs;
mod length;
mod listing;
mod live_offers;
pub mod logs;
pub mod metrics;
mod naming;
mod one_shot;
mod online;
mod output;
pub mod pairs;
mod progress;
pub mod purge;
pub mod read;
mod refusal;
pub mod remove;
pub mod repair;
pub mod restore;
mod runtime;
pub mod sim;
mod sparkline;
pub mod start;
mod state;
pub mod status;
pub mod sync;
mod table;
pub mod tap;
pub mod top;
mod usage;
pub mod validate;
pub mod verify;
mod wildcard;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

use output::Output;
use runtime::{loaded, on_runtime, until_stopped, with_config, with_config_or_defaults};

/// Collect market data: history as Parquet, complete, true and accounted for.
#[derive(Debug, Parser)]
#[command(name = "dccd", version, about, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(help_template = help::template(), after_help = help::examples(&["dccd init", "dccd backfill --dry-run", "dccd start"]))]
pub struct Cli {
    /// Configuration file [default: ./config.yml, then $XDG_CONFIG_HOME/dccd/config.yml].
    #[arg(short, long, global = true, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Install tab completion for the shell in $SHELL, or for the one named, and exit.
    #[arg(long, value_name = "SHELL", num_args = 0..=1, default_missing_value = "")]
    install_completion: Option<String>,
    /// Print the completion script of the shell in $SHELL, or of the one named.
    #[arg(long, hide = true, value_name = "SHELL", num_args = 0..=1, default_missing_value = "")]
    show_completion: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Args),
    Backfill(backfill::Args),
    Collect(collect::Args),
    Start(start::Args),
    Stream(start::StreamArgs),
    Healthcheck(healthcheck::Args),
    Status(status::Args),
    Top(top::Args),
    Tap(tap::Args),
    Init(init::Args),
    Add(add::Args),
    Remove(remove::Args),
    Inventory(inventory::Args),
    Gaps(gaps::Args),
    Book(book::Args),
    Read(read::Args),
    Verify(verify::Args),
    Repair(repair::Args),
    Sync(sync::Args),
    Restore(restore::Args),
    Purge(purge::Args),
    Export(export::Args),
    Import(import::Args),
    Jobs(jobs::Args),
    Logs(logs::Args),
    Exchanges(exchanges::Args),
    Pairs(pairs::Args),
    Metrics(metrics::Args),
    History(history::Args),
    Alerts(alerts::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Ui(elsewhere::Ui),
    Demo(demo::Args),
    Sim(sim::Args),
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(<Cli as clap::CommandFactory>::command).complete();
    outlive_file_size_limit();
    crate::store::report_only_uncaught_panics();
    let mut out = Output::of_process();
    let exit = match Cli::try_parse() {
        Ok(cli) => cli.run(&mut out),
        Err(error) => usage::print(&error, &mut out),
    };
    out.finish(exit).into()
}

/// Ignores SIGXFSZ: a write past the limit on file size (`ulimit -f`) then fails as on a full disk, instead of
/// ending the process.
fn outlive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let _entered = runtime.enter();
    // If this fails, such a limit ends the process.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
}

impl Cli {
    fn run(self, out: &mut Output) -> Exit {
        let path = self.config.as_deref();
        if let Some(shell) = &self.install_completion {
            return completions::install(shell, out);
        }
        if let Some(shell) = &self.show_completion {
            return completions::show(shell, out);
        }
        match self.command {
            None => out.fail(Exit::Usage, "no command given; see `dccd --help`"),
            Some(Command::Validate(args)) if args.online => on_runtime(out, |out, stop| async move {
                let (mut own, mut err) = (Vec::new(), Vec::new());
                let ended = validate::run_online(&args, path, &mut own, &mut err, &stop).await;
                out.plain(|out, errors| {
                    out.write_all(&own)?;
                    errors.write_all(&err)?;
                    ended
                })
            }),
            Some(Command::Validate(args)) => out.plain(|out, err| validate::run(&args, path, out, err)),
            Some(Command::Init(args)) => out.plain(|out, err| init::run(&args, path, out, err)),
            Some(Command::Add(args)) if args.has_patterns() => {
                with_config_or_defaults(path, out, |config, out| {
                    on_runtime(out, |out, stop| add::run_listed(args, path, config, out, stop))
                })
            }
            Some(Command::Add(args)) => out.plain(|out, err| add::run(&args, path, out, err)),
            Some(Command::Remove(args)) => out.plain(|out, err| remove::run(&args, path, out, err)),
            Some(Command::Alerts(args)) => alerts::run(args, path, out),
            Some(Command::Exchanges(args)) => exchanges::run(&args, out),
            Some(Command::Pairs(args)) => with_config_or_defaults(path, out, |config, out| {
                on_runtime(out, |out, stop| pairs::run(args, config, out, stop))
            }),
            Some(Command::Metrics(args)) => metrics::run(&args, out),
            Some(Command::History(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, _| history::run(args, config, out))
            }),
            Some(Command::Completions(args)) => completions::run(&args, out),
            Some(Command::Ui(args)) => args.refuse(out),
            Some(Command::Healthcheck(args)) => healthcheck::run(&args, path, out),
            Some(Command::Status(args)) if args.wide => with_config(path, out, |config, out| {
                on_runtime(out, |out, _| status::run_wide(args, config, out))
            }),
            Some(Command::Status(args)) => {
                with_config(path, out, |config, out| status::run(&args, config, out))
            }
            Some(Command::Top(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| top::run(args, config, out, stop))
            }),
            Some(Command::Tap(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| tap::run(args, config, out, stop))
            }),
            Some(Command::Inventory(args)) => {
                with_config(path, out, |config, out| inventory::run(&args, config, out))
            }
            Some(Command::Gaps(args)) => with_config(path, out, |config, out| gaps::run(&args, config, out)),
            Some(Command::Book(args)) => {
                with_config(path, out, |config, out| on_runtime(out, |out, _| book::run(args, config, out)))
            }
            Some(Command::Read(args)) => with_config(path, out, |config, out| read::run(args, config, out)),
            Some(Command::Verify(args)) => {
                with_config(path, out, |config, out| verify::run(&args, config, out))
            }
            Some(Command::Export(args)) => {
                with_config(path, out, |config, out| export::run(&args, config, out))
            }
            Some(Command::Import(args)) => {
                with_config(path, out, |config, out| import::run(&args, config, out))
            }
            Some(Command::Logs(args)) if args.follow => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| logs::follow(args, config, out, stop))
            }),
            Some(Command::Logs(args)) => with_config(path, out, |config, out| logs::run(&args, config, out)),
            Some(Command::Backfill(args)) if args.names_series() => {
                with_config_or_defaults(path, out, |config, out| {
                    on_runtime(out, |out, stop| backfill::run(args, config, out, stop))
                })
            }
            Some(Command::Backfill(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| backfill::run(args, config, out, stop))
            }),
            Some(Command::Collect(args)) => match loaded(path, out) {
                Ok(config) => on_runtime(out, |out, stop| collect::run(args, config, out, stop)),
                Err(exit) => collect::refused(&args, exit, out),
            },
            Some(Command::Repair(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| repair::run(args, config, out, stop))
            }),
            Some(Command::Jobs(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| jobs::run(args, config, out, stop))
            }),
            Some(Command::Sync(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| sync::run(args, config, out, stop))
            }),
            Some(Command::Restore(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| restore::run(args, config, out, stop))
            }),
            Some(Command::Purge(args)) => with_config(path, out, |config, out| {
                on_runtime(out, |out, stop| purge::run(args, config, out, stop))
            }),
            Some(Command::Start(args)) if args.names_an_address() => args.refuse(out),
            Some(Command::Start(args)) => with_config(path, out, |config, out| {
                until_stopped(out, |out, stop| start::run(args, config, out, stop))
            }),
            Some(Command::Stream(args)) => with_config(path, out, |config, out| {
                until_stopped(out, |out, stop| start::run_streams(args, config, out, stop))
            }),
            Some(Command::Demo(args)) => until_stopped(out, |out, stop| demo::run(args, out, stop)),
            Some(Command::Sim(args)) => until_stopped(out, |out, stop| async move {
                match sim::run(args, out, stop).await {
                    Ok(()) => Exit::Done,
                    Err(error) => out.fail(Exit::of_bind(&error), error),
                }
            }),
        }
    }
}

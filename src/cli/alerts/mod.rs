//! `dccd alerts`: writes what Prometheus and Alertmanager need, tries the way an alert takes, and explains one.

mod drill;
mod drill_hops;
mod init;
mod receiver;
mod runbooks;

use std::path::Path;

use clap::Subcommand;

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::runtime::{on_runtime, with_config};

/// Write alert rules, send a test alert, or explain an alert.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd alerts init", "dccd alerts test"]))]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Test(drill::Args),
    Runbook(runbooks::Args),
}

/// Runs one of the commands.
pub(crate) fn run(args: Args, path: Option<&Path>, out: &mut Output) -> Exit {
    match args.command {
        Command::Init(args) => with_config(path, out, |config, out| init::run(&args, &config, out)),
        Command::Test(args) => with_config(path, out, |config, out| {
            on_runtime(out, |out, stop| drill::run(args, config, out, stop))
        }),
        Command::Runbook(args) => runbooks::run(&args, out),
    }
}

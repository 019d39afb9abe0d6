//! `dccd alerts`: writes what Prometheus and Alertmanager need, and explains an alert.

mod init;
mod receiver;
mod runbooks;

use std::path::Path;

use clap::Subcommand;

use crate::cli::output::Output;
use crate::cli::{Exit, with_config};

/// Write alert rules and Alertmanager configuration, or explain an alert.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Runbook(runbooks::Args),
}

/// Runs one of the commands.
pub(crate) fn run(args: Args, path: Option<&Path>, out: &mut Output) -> Exit {
    match args.command {
        Command::Init(args) => with_config(path, out, |config, out| init::run(&args, &config, out)),
        Command::Runbook(args) => runbooks::run(&args, out),
    }
}

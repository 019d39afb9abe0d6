//! `dccd jobs`: the tasks of the tracker, seen and decided upon, beside a daemon or without one.

mod ask;
mod cancel;
mod ignore;
mod ls;
mod prune;
mod retry;
mod show;
mod table;
mod unlock;
mod why;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;

/// Look at the tasks of the tracker and decide about them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Ls(ls::Args),
    Show(show::Args),
    Why(why::Args),
    Retry(retry::Args),
    Ignore(ignore::Args),
    Cancel(cancel::Args),
    Unlock(unlock::Args),
    Prune(prune::Args),
}

/// Runs one of the commands.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output) -> Exit {
    let asked = ask::Asked::open(&config, out).await;
    let mut asked = match asked {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let exit = match args.command {
        Command::Ls(args) => ls::run(&args, &mut asked).await,
        Command::Show(args) => show::run(&args, &mut asked).await,
        Command::Why(args) => why::run(&args, &mut asked).await,
        Command::Retry(args) => retry::run(&args, &mut asked).await,
        Command::Ignore(args) => ignore::run(&args, &mut asked).await,
        Command::Cancel(args) => cancel::run(&args, &mut asked).await,
        Command::Unlock(args) => unlock::run(&args, &mut asked).await,
        Command::Prune(args) => prune::run(&args, &mut asked).await,
    };
    asked.close().await;
    exit
}

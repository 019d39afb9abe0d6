//! `dccd init`: writes a first configuration.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::help::examples;
use crate::cli::refusal::Refusal;
use crate::config::edit::NewJob;
use crate::config::{self, Surroundings};
use crate::model::Pair;

/// Write a commented first configuration.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = examples(&["dccd init", "dccd init ~/dccd/config.yml"]))]
pub struct Args {
    /// Where to write it [default: the file named with --config, else ./config.yml].
    pub path: Option<PathBuf>,
}

/// Writes a first configuration; the exit code is 1 when there is a file already, 74 when it cannot be
/// written.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let named = args.path.as_deref().or(config).unwrap_or(Path::new("config.yml"));
    let path = Surroundings::of_process().expand(named);
    let text = first_text();
    match config::create(&path, text.as_bytes()) {
        Ok(()) => {
            writeln!(out, "Config written to {}.", path.display())?;
            Ok(0)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            writeln!(err, "Error: {} exists already; edit it, or name another path", path.display())?;
            Ok(1)
        }
        Err(error) => Refusal::unwritten(&path, &error).print(err),
    }
}

fn first_text() -> String {
    let pair: Pair = "BTC/USDT".parse().expect("the text of a pair");
    config::first(&NewJob { exchange: "binance", pairs: &[pair], span_secs: 3_600 })
}

//! `dccd remove`: one pair less in the configuration, edited in place.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::{add, refused};
use crate::config::edit::{self, EditError, NewJob};
use crate::config::{self, Surroundings};

/// Remove a pair from the configuration; its data stays.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The pair to remove, named as for `add`.
    #[command(flatten)]
    pub job: add::Args,
}

/// Removes the pair; the exit code is 1 when nothing was written.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let around = Surroundings::of_process();
    let found = around.locate(config).and_then(|path| config::read(&path).map(|text| (path, text)));
    let (path, old) = match found {
        Ok(found) => found,
        Err(error) => return refused(&error, err),
    };
    let add::Args { exchange, pair, span } = &args.job;
    let text = match edit::remove(&old, &NewJob { exchange, pair, span_secs: *span }) {
        Ok(text) => text,
        Err(EditError::NotFound) => {
            writeln!(err, "No matching job found: exchange={exchange} pair={pair} span={span}s")?;
            return Ok(1);
        }
        Err(error) => {
            writeln!(err, "Error: {}: {error}", path.display())?;
            return Ok(1);
        }
    };
    if let Err(error) = config::check(&text, &path, &around) {
        for line in error.lines() {
            writeln!(err, "Validation error after remove: {line}")?;
        }
        return Ok(1);
    }
    if let Err(error) = config::replace(&path, text.as_bytes()) {
        writeln!(err, "Error: {}: {error}", path.display())?;
        return Ok(1);
    }
    writeln!(out, "Removed {pair} from {exchange}/{span}s.")?;
    writeln!(out, "Config written to {}.", path.display())?;
    Ok(0)
}

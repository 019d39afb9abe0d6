//! `dccd validate`: checks the configuration and prints what it holds; `--online` also checks what it names.

use std::io::{self, Write};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::api::{OnlineCheck, OnlineState, Validation};
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::online;
use crate::cli::output::plain_json;
use crate::cli::refusal::refused;
use crate::config::{self, Config, ConfigError};
use crate::service;

/// Check the configuration and print what it holds.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = examples(&["dccd validate", "dccd validate --online"]))]
pub struct Args {
    /// Ask the exchanges, the store and the remotes too.
    #[arg(long)]
    pub online: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Checks the configuration; the exit code is 1 when something is wrong with it, 78 when the store is.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    report(args, &load(config), &[], out, err)
}

/// The same, and asks everything the configuration names; the exit code is 1 when anything failed.
///
/// # Errors
/// When an output cannot be written.
pub(crate) async fn run_online(
    args: &Args,
    config: Option<&Path>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
    stop: &CancellationToken,
) -> io::Result<u8> {
    let loaded = load(config);
    let checks = match &loaded {
        Ok(config) => online::ask(config, stop).await,
        Err(_) => Vec::new(),
    };
    report(args, &loaded, &checks, out, err)
}

/// Why a configuration is refused.
struct Refused {
    problems: Vec<String>,
    /// The same with the file and the line of each.
    located: Vec<String>,
    /// The line of each, where it is known.
    lines: Vec<Option<usize>>,
    is_of_store: bool,
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Self {
        let (problems, located) = (error.lines(), error.located_lines());
        let mut lines: Vec<_> = error.problems().iter().map(|problem| problem.line).collect();
        lines.resize(problems.len(), None);
        let is_of_store =
            error.problems().iter().any(|problem| matches!(&*problem.at, "store" | "store_file"));
        Refused { problems, located, lines, is_of_store }
    }
}

/// The configuration, if what guards its listeners can be used too.
fn load(path: Option<&Path>) -> Result<Config, Refused> {
    let config = config::load(path)?;
    service::auth(&config).map_err(|line| Refused {
        problems: vec![line.clone()],
        located: vec![line],
        lines: vec![None],
        is_of_store: false,
    })?;
    Ok(config)
}

fn report(
    args: &Args,
    loaded: &Result<Config, Refused>,
    checks: &[OnlineCheck],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let failed = checks.iter().any(|check| check.state == OnlineState::Failed);
    if args.json {
        let verdict = verdict(loaded, checks);
        writeln!(out, "{}", plain_json(&serde_json::to_string_pretty(&verdict)?))?;
        return Ok(loaded.as_ref().err().map_or(u8::from(failed), code));
    }
    match loaded {
        Ok(config) => summary(config, out)?,
        Err(why) => {
            refused(&why.located.iter().map(|line| format!("Error: {line}")).collect::<Vec<_>>(), err)?;
            return Ok(code(why));
        }
    }
    for OnlineCheck { about, state, said } in checks {
        writeln!(out, "{} {about}: {said}", mark(*state))?;
    }
    Ok(u8::from(failed))
}

fn mark(state: OnlineState) -> &'static str {
    match state {
        OnlineState::Ok => "✓",
        OnlineState::Failed => "✗",
    }
}

/// How the command ends where the configuration is refused. A store whose address cannot be read is refused here as it
/// is by every other command.
fn code(why: &Refused) -> u8 {
    if why.is_of_store { Exit::Config.code() } else { Exit::Failed.code() }
}

fn summary(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Config: {}", config.path.display())?;
    for (label, value) in [
        ("data_path", config.data_path.display().to_string()),
        ("timezone", config.zone_name.clone()),
        ("remotes", config.storage.remotes.len().to_string()),
        ("histo_jobs", config.histo_jobs.len().to_string()),
        ("stream_jobs", config.stream_jobs.len().to_string()),
    ] {
        writeln!(out, "  {label:<19}: {value}")?;
    }
    writeln!(out, "Config is valid.")?;
    config.notes.iter().try_for_each(|note| writeln!(out, "Note: {note}"))
}

fn verdict<'a>(loaded: &'a Result<Config, Refused>, checks: &'a [OnlineCheck]) -> Validation<'a> {
    let config = loaded.as_ref().ok();
    Validation {
        valid: config.is_some(),
        config: config.map(|config| config.path.display().to_string()),
        data_path: config.map(|config| config.data_path.display().to_string()),
        problems: loaded.as_ref().err().map_or(&[], |why| &why.problems),
        lines: loaded.as_ref().err().map_or(&[], |why| &why.lines),
        notes: config.map_or(&[], |config| &config.notes),
        checks,
    }
}

//! `dccd completions SHELL` and `--install-completion`: tab completion that asks the program itself, so
//! that exchanges and configured pairs complete.

use std::path::{Path, PathBuf};

use clap_complete::env::Shells;

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::disk::atomic;

/// Print the tab completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd completions bash"]))]
pub struct Args {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

/// Prints the script.
pub(crate) fn run(args: &Args, out: &mut Output) -> Exit {
    match script(&args.shell) {
        Ok(script) => {
            out.text(&script);
            Exit::Done
        }
        Err(error) => out.fail(Exit::Failed, error),
    }
}

/// Prints the script of the shell named, or of the one in use.
pub(crate) fn show(shell: &str, out: &mut Output) -> Exit {
    run(&Args { shell: named(shell) }, out)
}

/// The shell named, or the one in use.
fn named(shell: &str) -> String {
    let named = if shell.is_empty() { std::env::var("SHELL").unwrap_or_default() } else { shell.to_owned() };
    Path::new(&named).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn script(shell: &str) -> Result<String, String> {
    let shells = Shells::builtins();
    let completer = shells.completer(shell).ok_or_else(|| format!("there is no completion for `{shell}`"))?;
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "dccd", "dccd", "dccd", &mut script)
        .map_err(|error| error.to_string())?;
    String::from_utf8(script).map_err(|error| error.to_string())
}

/// Writes the script where the shell looks for it.
pub(crate) fn install(shell: &str, out: &mut Output) -> Exit {
    let shell = named(shell);
    let Some(path) = std::env::home_dir().and_then(|home| place(&home, &shell)) else {
        return out.fail(
            Exit::Failed,
            format!(
                "completion cannot be installed for `{shell}`; use --install-completion bash, zsh or fish"
            ),
        );
    };
    let written = script(&shell).and_then(|script| {
        let folder = path.parent().unwrap_or(Path::new("."));
        atomic::create_folder(folder)
            .and_then(|()| atomic::replace(&path, script.as_bytes()))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    });
    match written {
        Ok(()) => {
            out.line(format!("{shell} completion installed in {}. Completion will take effect once you restart the terminal.", path.display()));
            Exit::Done
        }
        Err(error) => out.fail(Exit::Storage, error),
    }
}

fn place(home: &Path, shell: &str) -> Option<PathBuf> {
    let inside = match shell {
        "bash" => ".local/share/bash-completion/completions/dccd",
        "zsh" => ".local/share/zsh/site-functions/_dccd",
        "fish" => ".config/fish/completions/dccd.fish",
        _ => return None,
    };
    Some(home.join(inside))
}

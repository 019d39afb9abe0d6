//! The `dccd` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    dccd::cli::main()
}

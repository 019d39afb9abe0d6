//! The `dccd` program.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Freed memory goes back to the system within a second or two, however many threads took it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    dccd::cli::main()
}

//! Tasks and runs as resources. The command line prints these lines with `--json`, and HTTP answers with them.

mod act;
mod lines;
mod list;
mod runs;
mod stream_progress;

pub(crate) use act::{TaskAction, act};
pub(crate) use lines::{detail, is_paused, outcome, task_line};
pub(crate) use list::{TasksError, list, task_of};
pub(crate) use runs::{list_runs, run_of};
pub(crate) use stream_progress::StreamProgress;

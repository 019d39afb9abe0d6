//! Live sessions, reached from the registry alone: what was really sent, what is broken on the way, and what is asked for.

mod damaged;
mod fuzz;
mod lines;
mod listener;
mod messages;
mod oracle;
mod recorded;
mod same_row;
mod written;

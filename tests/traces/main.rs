//! Traces from end to end: the program on one side, a collector that understands OTLP on the other.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once.

mod collector;
mod home;
mod loss;
mod secrets;
mod shared;
mod tree;

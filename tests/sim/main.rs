//! The simulated exchange over its socket: what it answers, and how it misbehaves when told to.

mod faults;
mod http;
mod klines;
mod limits;
mod trades;

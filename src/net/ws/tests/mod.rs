//! Connections against a server on loopback that does what a test wants.

mod broken;
mod dialling;
mod flow;
mod scale;
mod takeover;
mod world;

//! Copies on remotes: what is sent there, what comes back, and what may be dropped here.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write a broken file on purpose.

mod answers;
mod bucket;
mod home;
mod meanwhile;
#[path = "../needs/mod.rs"]
mod needs;
mod older;
mod order;
mod purged;
mod rclone;
mod s3;
mod several;

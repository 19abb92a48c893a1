//! Secrets of odd shapes are found in nothing that mrsk prints, writes, or starts, but where they are to arrive.
//!
//! Core dumps are in `tests/streams.rs`, what the scripts do with secrets in `tests/host_protocol/secrets.rs`, images and containers
//! in `tests/lab_secrets.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

mod delivery;
mod errors;
mod files;
mod project;
mod sentinel;

//! Applying a plan: [`driver::run`] is the entry, [`state`] decides what to do next and does no IO.

mod audit;
pub mod clock;
pub mod driver;
pub mod links;
pub mod local_step;
pub mod preflight;
pub mod resolve;
pub mod state;

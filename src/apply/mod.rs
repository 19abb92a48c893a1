//! Applying a plan. What to do next is decided in [`state`], which does no IO.

pub mod state;

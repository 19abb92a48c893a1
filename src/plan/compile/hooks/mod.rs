//! Hooks: steps of this machine before and after what a plan does.

pub mod around;
pub mod group;
mod step;

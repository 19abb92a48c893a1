//! Hooks: programs of the repository before and after what a plan does.

pub mod around;
pub mod first;
pub mod group;
mod step;

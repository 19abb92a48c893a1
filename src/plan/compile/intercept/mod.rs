//! Answers requests with 503 in place of a role, by a file of its own beside the role's routing file.

pub mod drain;
pub mod file;
pub mod maintenance;
pub mod reason;
pub mod standing;
pub mod step;

#[cfg(test)]
#[path = "intercept_tests.rs"]
mod tests;

//! Pure builders: what is wanted of docker, as argument vectors. Nothing here runs anything.

pub mod builder;
pub mod container;
pub mod image;
pub mod names;
pub mod network;

#[cfg(test)]
mod tests;

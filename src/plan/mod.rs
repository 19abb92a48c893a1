//! The plan: what exactly will run, on which host, and why.
//!
//! The types here are the wire format 1.0 itself: flat, literal, and strict when read. [`Plan`] is
//! the document, [`Step`] a node of its graph. Making a plan from a configuration is [`compile`]'s
//! task, what a step changes is [`effect`]'s.

pub mod compile;
mod consistency;
pub mod doubt;
pub mod effect;
pub mod hook;
pub mod host;
pub mod kinds;
pub mod leak;
pub mod lock_host;
pub mod mentions;
pub mod model;
mod newer;
mod operation;
mod pre_connect;
pub mod predicate;
pub mod pushed;
pub mod resume;
pub mod shape;
pub mod still;
pub mod trust;
pub mod wire;

pub use host::*;
pub use kinds::StepKind;
pub use model::*;
pub use operation::*;
pub use pre_connect::step as pre_connect_step;
pub use predicate::Predicate;

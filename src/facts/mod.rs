//! What is known about the hosts: the question that is asked, and the answer that was given.
//!
//! A [`Query`] becomes a shell script by [`probe_script`]; what a host prints when it runs it
//! becomes [`model::HostFacts`] by [`parse`]. [`refusals`] and [`same_machine`] name what is not
//! supported. [`document`] reads and writes the JSON document that `mrsk inspect` prints, and
//! [`source`] knows what to ask git. All of it is pure: others run the script and git.

mod answer;
pub mod document;
mod engine;
pub mod kamal_proxy;
pub mod model;
mod parse;
mod query;
mod refusal;
pub mod routed;
pub mod source;

pub use parse::{ParseError, parse};
pub use query::{Compared, Extent, Query, SecretQuestion, familiar, probe_script};
pub use refusal::{refusals, same_machine};

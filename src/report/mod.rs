//! Shows people, and programs, how applying a plan goes and how it ended.
//!
//! Each observer of a run writes to a writer that is handed in; what cannot be written is dropped. There are three: [`Lines`] for
//! a log, [`Live`] for a terminal, [`Json`] for programs.

mod earlier;
mod failure;
mod json;
mod lines;
mod live;
mod locked;
mod other_step;
mod outcome;
mod output;
mod page;
mod predicate;
mod reporter;
mod serving;
mod standing;
mod table;
mod tally;
mod tint;
mod view;
mod words;

pub use json::{Json, schema as stream_schema};
pub use lines::Lines;
pub use live::Live;
pub use locked::behind_others;
pub use reporter::Reporter;
pub use view::{Planner, Resume, Verbosity, View};

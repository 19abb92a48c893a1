//! What the audit logs of hosts say, by run.

mod line;
mod moment;
mod render;
mod runs;

pub use moment::Moment;
pub use render::{to_json, to_text};
pub use runs::{Run, runs};

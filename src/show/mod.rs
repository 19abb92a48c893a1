//! A plan for people to read: on the terminal, in a pull request, as a drawing; and what differs between two of them.
//!
//! A plan may come from anyone, so every text of it is escaped for where it goes: control
//! characters and characters that reorder or hide text never reach a terminal, and no text of a
//! plan becomes markup in Markdown, Mermaid or DOT. Nothing here prints: the functions write into
//! what they are given, or return text.

mod commands;
mod difference;
mod escape;
mod graph;
mod groups;
mod markdown;
mod reason;
mod table;

pub use commands::commands;
pub use difference::{Difference, difference, difference_schema, render as render_difference};
pub use graph::{dot, mermaid};
pub use markdown::markdown;
pub use reason::prose;
pub use table::{Look, table, undo};

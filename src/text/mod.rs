//! Text for people: what comes from elsewhere made harmless, commands that can be pasted, counts, lists, times and short ids.
//!
//! Every message, table and progress line takes these from here. Nothing here prints. Scripts that run on a host are quoted by
//! `transport/quote.rs`, never by [`quote`].

mod action;
mod escape;
mod list;
mod moment;
mod number;
mod quote;
mod short;

pub use action::{action_line, command};
pub use escape::{EscapingJson, escape, escape_json, one_line};
pub use list::{list, list_up_to};
pub use moment::utc;
pub use number::{count, duration};
pub use quote::{command_line, quote};
pub use short::{short_id, shorten};

/// Whether text is styled with ANSI escape sequences. Whether it should be (a terminal, `NO_COLOR`) is for the caller to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Styling {
    /// Text alone.
    #[default]
    Plain,
    /// ANSI escape sequences.
    Ansi,
}

//! Kamal 2's `proxy`: what it says, as labels and arguments of Traefik.

mod arguments;
mod labels;
mod settings;

pub(super) use arguments::complete;
pub(super) use labels::{Target, labels};
pub(super) use settings::{Buffering, Settings, Tls};

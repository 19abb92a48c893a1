//! The link to the hosts, and to this machine: the only layer that starts processes.
//!
//! A [`Host`] is asked by typed requests ([`request`]), each of which becomes one `sh` script ([`script`]) on a channel of its
//! own, and answers with lines ([`answer`]). The link knows argument vectors, files and conditions; it knows no plan, and of docker only
//! what a [`crate::action::Poll`] needs. It never judges an outcome by the channel: an answer has an end, or nothing is
//! known, and then the claims and receipts that the script left on the host tell (`docs/architecture.md`).
//!
//! Processes of this machine are run by [`local`], those that may ask the user by [`foreground`], both so that they end with this one
//! ([`dependent`]); connections are made by [`ssh`].

pub mod answer;
mod batch;
mod bounds;
mod channel;
pub mod dependent;
pub mod docker_config;
pub mod foreground;
mod host;
pub mod known_hosts;
mod listen;
mod living;
pub mod local;
mod lock_answer;
mod master;
pub mod pieces;
mod process;
pub mod quote;
pub mod request;
pub mod script;
pub mod ssh;
mod ssh_config;
mod ssh_error;
mod target;
mod temporary;

pub use bounds::Excess;
pub use host::{Host, LinkError};
pub use local::LocalShell;
pub use master::Session;
pub use ssh::{Connections, Options};
pub use ssh_error::ConnectError;
pub use target::{Identity, KnownHosts, Target};

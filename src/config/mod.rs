//! The configuration: from `deploy.yml` and `.env` to a [`model::Config`], with every problem reported at once.
//!
//! A template becomes text ([`crate::erb`]), text becomes a tree of nodes with positions (`yaml`,
//! `node`), a destination's tree is merged over it (`destination`), and the tree becomes values: `keys`
//! reads each key, `values` each kind of value. Defaults and merging are done there, once: the model
//! has no open questions.

mod blame;
mod decoder;
mod destination;
pub mod dotenv;
mod file;
mod health_conflicts;
mod kamal_2;
mod keys;
mod later_keys;
pub mod model;
mod name_resolution;
mod node;
mod parse;
mod port_conflicts;
mod proxy;
mod read_sharers;
pub mod render;
mod schema;
mod secret_lines;
pub mod secrets;
pub mod secrets_files;
mod sharers;
mod startup;
mod unread;
mod values;
mod yaml;

pub use decoder::Places;
pub use destination::{Destination, check as check_destination, known as destinations};
pub use file::load;
pub use kamal_2::TRANSLATION;
pub use keys::{COMMANDS, DEFAULT_TRAEFIK_IMAGE, PASSWORD_SECRET, is_cache_option, schema};
pub use parse::{Loaded, parse, parse_template};
pub use read_sharers::read_sharers;
pub use secret_lines::{hide_secret_lines, looks_secret};
pub use sharers::Sharers;
pub use startup::changes_start;
pub use unread::{FileKeys, UnreadKey, file_keys};
pub use values::host::{HostSpec, is_user};
pub use values::port::PortMapping;
pub use values::variable::{CONTAINER_NAME, is_read_at_start, is_secret_name};

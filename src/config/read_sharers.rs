//! Reads which accessories the other destinations have, from their files beside the configuration.

use std::path::Path;

use super::destination;
use super::file::{load, shown_path};
use super::model::Config;
use super::sharers::Sharers;
use crate::erb::World;

/// Returns what the destinations other than that of `config` have beside `path`. Each is a template, evaluated in what `world` returns
/// for it. A configuration that cannot be used without a destination has no part in it.
pub fn read_sharers<W: World>(
    config: &Config,
    path: &Path,
    mut world: impl FnMut(Option<&str>) -> W,
) -> Sharers {
    let mut sharers = Sharers::default();
    let own = config.destination.as_deref();
    let others = destination::known(path);
    let others = others.iter().map(|name| Some(name.as_str())).chain([None]);
    for other in others.filter(|other| *other != own) {
        match (load(path, other, &mut world(other)), other) {
            (Ok(loaded), _) if loaded.config.service == config.service => {
                for accessory in &loaded.config.accessories {
                    for host in &accessory.hosts {
                        sharers.add(&accessory.name, host, other);
                    }
                }
            }
            (Err(_), Some(name)) => {
                let file = destination::file(path, name);
                sharers.add_unreadable(shown_path(&file));
            }
            (Ok(_) | Err(_), _) => {}
        }
    }
    sharers
}

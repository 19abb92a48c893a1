//! Where a container of a role stands on a host, and how it is created there.

use crate::config::model::{Config, Role};
use crate::docker::assets::Store;
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{self, LABEL_ASSETS};
use crate::facts::model::{ContainerFacts, HostFacts};
use crate::name::HostName;
use crate::record::Scope;

/// Where a container of a role stands. Two of them never share a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    /// The role.
    pub role: &'a Role,
    /// One of its hosts.
    pub host: &'a HostName,
    /// Which of the role's containers on that host it is, from 0.
    pub index: u32,
}

/// Returns the command that creates a container of a role from the image of a version, with its assets.
pub(super) fn create(
    config: &Config,
    slot: Slot,
    name: &str,
    version: &str,
    facts: &HostFacts,
) -> Create {
    let Slot { role, host, index } = slot;
    let reference = image::reference(config, version);
    let place = (role, host, index);
    let create = container::create(config, place, name, version, &reference, &facts.home);
    let create = create.recorded_in(&facts.state_dir);
    match &role.assets {
        None => create,
        Some(assets) => {
            // All containers of the role that the plan starts on the host have the same.
            let name = names::alias(config, role, host, version, facts.serial.number);
            store(config, facts).mount(create, assets, &name)
        }
    }
}

/// Returns whether a container that exists has what it was created with.
pub(super) fn has_assets(facts: &HostFacts, container: &ContainerFacts) -> bool {
    let name = container.labels.get(LABEL_ASSETS);
    name.is_none_or(|name| facts.assets.contains_key(name))
}

/// Returns where the assets of the service's versions are on a host.
pub(super) fn store(config: &Config, facts: &HostFacts) -> Store {
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    Store::below(&format!("{}/{}", facts.state_dir, scope.directory()))
}

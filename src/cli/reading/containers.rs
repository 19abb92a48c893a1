//! Sections with docker's list of containers.

use super::section::{Form, Section};
use super::selection;
use crate::cli::failure::Failure;
use crate::cli::options::HostOptions;
use crate::config::model::Config;
use crate::docker::listing::{self, Containers};

/// Returns the sections of the app's containers: one for each role on each host.
pub fn app_containers(
    config: &Config,
    options: &HostOptions,
    which: Containers,
) -> Result<Vec<Section>, Failure> {
    let destination = config.destination.clone();
    let placements = selection::roles(options, config)?;
    let sections = placements.into_iter().map(|(host, role)| {
        let command = listing::of_role(config, role, which);
        let form = Form::Containers(destination.clone());
        Section::of_role(config, host, role, command).with(form)
    });
    Ok(sections.collect())
}

/// Returns the sections of Traefik's containers.
pub fn traefik_containers(config: &Config, options: &HostOptions) -> Result<Vec<Section>, Failure> {
    let hosts = selection::traefik_hosts(options, config)?;
    let sections = hosts.into_iter().map(|host| {
        let command = listing::of_traefik(Containers::All);
        Section::new("Traefik", host, command).with(Form::Containers(None))
    });
    Ok(sections.collect())
}

/// Returns the sections of the containers of the accessory of this name, or of all.
pub fn accessory_containers(
    config: &Config,
    name: &str,
    options: &HostOptions,
) -> Result<Vec<Section>, Failure> {
    let accessories = selection::accessories(name, options, config)?;
    let sections = accessories.into_iter().map(|(host, accessory)| {
        let command = listing::of_accessory(config, accessory, Containers::All);
        let title = format!("Accessory {}", accessory.name);
        Section::new(title, host, command).with(Form::Containers(None))
    });
    Ok(sections.collect())
}

//! Whose the container of an accessory is: its name has no destination, and `SERVICE-ACCESSORY` may be that of two services.

use crate::config::model::{Accessory, Config};
use crate::diagnostic::Diagnostic;
use crate::docker::names::{self, LABEL_DESTINATION, LABEL_SERVICE};
use crate::facts::model::ContainerFacts;
use crate::plan::compile::{Draft, HostView};

/// Returns whose a container is, if it says that it is not of this service and destination: `service NAME`, or as [`destination`] does.
pub fn other(config: &Config, container: &ContainerFacts) -> Option<String> {
    if let Some(service) = other_service(config, container) {
        return Some(format!("service {service}"));
    }
    let belongs = container.labels.get(LABEL_DESTINATION)?.as_str();
    let is_own = belongs == config.destination.as_deref().unwrap_or_default();
    (!is_own).then(|| destination(Some(belongs)))
}

/// Returns the service of a container, if it says that it is another's.
pub fn other_service<'a>(config: &Config, container: &'a ContainerFacts) -> Option<&'a String> {
    let service = container.labels.get(LABEL_SERVICE)?;
    (*service != config.service).then_some(service)
}

/// Returns `destination NAME`, or what is said of the service if it has none.
pub fn destination(name: Option<&str>) -> String {
    match name {
        None | Some("") => "the service without a destination".to_owned(),
        Some(name) => format!("destination {name}"),
    }
}

/// Refuses to touch the container of an accessory if it is somebody else's. Returns whether it is.
pub fn refuse(draft: &mut Draft, host: &HostView, accessory: &Accessory) -> bool {
    let name = names::accessory(draft.config, accessory);
    let existing = host.facts.containers.get(&name);
    let Some(owner) = existing.and_then(|found| other(draft.config, found)) else {
        return false;
    };
    let problem = format!("host {}: container {name} is of {owner}", host.name());
    let help = match owner.strip_prefix("destination ") {
        Some(destination) => {
            format!("use `-d {destination}`, or give the accessory another name or host")
        }
        None if owner.starts_with("service ") => "rename the accessory".to_owned(),
        None => "omit `-d`, or give the accessory another name or host".to_owned(),
    };
    draft.refuse(Diagnostic::error(problem).help(help));
    true
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;

//! Whose the container of an accessory is: its name has no destination, and `SERVICE-ACCESSORY` may be that of two services.

use crate::config::model::{Accessory, Config};
use crate::diagnostic::Diagnostic;
use crate::docker::names::{self, LABEL_DESTINATION, LABEL_SERVICE};
use crate::facts::model::ContainerFacts;
use crate::plan::compile::{Draft, HostView};
use crate::text::list;

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

/// Returns who may use an accessory on `host` besides this destination, as the files of the others tell; nothing if its container says
/// that it is of this one.
pub fn sharers(draft: &Draft, host: &HostView, accessory: &Accessory) -> Option<String> {
    let name = names::accessory(draft.config, accessory);
    let existing = host.facts.containers.get(&name);
    if existing.is_some_and(|found| found.labels.contains_key(LABEL_DESTINATION)) {
        return None;
    }
    let sharers = &draft.config.sharers;
    let known = sharers.of(&accessory.name, host.name());
    let known = Vec::from_iter(known.map(|name| destination(Some(name))));
    let unreadable = Vec::from_iter(sharers.unreadable());
    match (known.as_slice(), unreadable.as_slice()) {
        ([], []) => None,
        ([], files) => Some(format!(
            "{} cannot be read, and may have it on this host, too",
            list(files)
        )),
        ([one], _) => Some(format!("{one} has it on this host, too")),
        (several, _) => Some(format!("{} have it on this host, too", list(several))),
    }
}

/// Refuses to remove what an accessory has on `host` if another destination may use it. Returns whether it is so.
pub fn refuse_shared(draft: &mut Draft, host: &HostView, accessory: &Accessory) -> bool {
    let Some(why) = sharers(draft, host, accessory) else {
        return false;
    };
    let problem = format!(
        "host {}: accessory {} says of no destination that it is its own: {why}",
        host.name(),
        accessory.name
    );
    draft.refuse(Diagnostic::error(problem).help(claim(draft, accessory)));
    true
}

/// Returns how an accessory becomes one of this destination alone.
pub fn claim(draft: &Draft, accessory: &Accessory) -> String {
    let destination = draft.config.destination.as_deref();
    let destination = destination.map_or_else(String::new, |name| format!(" -d {name}"));
    let name = &accessory.name;
    format!(
        "if only this destination uses it, run `mrsk accessory reboot {name}{destination}` first, which labels it"
    )
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;

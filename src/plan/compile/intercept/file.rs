//! The files that answer requests in place of roles.

use crate::config::model::{Config, Role};
use crate::facts::model::{FileFacts, HostFacts};
use crate::plan::compile::{Draft, HostView};
use crate::traefik::{Intercept, Intercepted, Purpose};

/// A file that answers requests on a host.
#[derive(Clone)]
pub struct Found<'a> {
    /// Whose requests it answers.
    pub whose: Intercepted,
    /// Its path.
    pub path: &'a str,
    /// What is known of it.
    pub file: &'a FileFacts,
    /// What it answers; `None` if that cannot be read.
    pub intercept: Option<Intercept>,
}

/// Returns the files that answer requests on `host` in place of roles of this service and destination.
pub fn found<'a>(draft: &Draft<'a>, host: &HostView<'a>) -> Vec<Found<'a>> {
    found_in(draft.config, host.facts)
}

/// As [`found`], of a configuration and the facts of a host.
pub fn found_in<'a>(config: &Config, facts: &'a HostFacts) -> Vec<Found<'a>> {
    let directory = &facts.routing_directory;
    let files = facts.files.iter();
    let found = files.filter_map(|(path, file)| {
        let name = path.strip_prefix(directory.as_str())?.strip_prefix('/')?;
        let whose = Intercepted::of_file(name)?;
        let is_ours = whose.service == config.service && whose.destination == config.destination;
        is_ours.then(|| Found {
            whose,
            path,
            file,
            intercept: Intercept::read(&file.text),
        })
    });
    found.collect()
}

/// Returns what `found` has of a role for a purpose.
pub fn of_role<'f, 'a>(
    found: &'f [Found<'a>],
    role: &str,
    purpose: Purpose,
) -> Option<&'f Found<'a>> {
    let mut found = found.iter();
    found.find(|one| one.whose.role == role && one.whose.purpose == purpose)
}

pub fn whose(draft: &Draft, role: &Role, purpose: Purpose) -> Intercepted {
    Intercepted {
        service: draft.config.service.clone(),
        destination: draft.config.destination.clone(),
        role: role.name.to_string(),
        purpose,
    }
}

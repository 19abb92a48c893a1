//! The facts of the hosts that are read from.

use std::collections::BTreeMap;

use super::Reading;
use crate::cli::inspection;
use crate::config::model::Role;
use crate::diagnostic::Diagnostic;
use crate::facts::model::HostFacts;
use crate::name::HostName;
use crate::plan::compile::{self, Serving};
use crate::text;

impl Reading {
    /// Inspects `hosts` at once. Those that do not answer, or whose engine does not, are noted and left out.
    pub async fn facts(&mut self, hosts: Vec<&HostName>) -> BTreeMap<HostName, HostFacts> {
        let hosts = hosts.into_iter().cloned().collect();
        let answers = inspection::ask(self.project.config(), &self.links, hosts).await;
        let mut facts = BTreeMap::new();
        for (host, answer) in answers {
            match answer {
                Ok(found) if found.docker.answers => drop(facts.insert(host, found)),
                Ok(_) => self.problems.push(
                    Diagnostic::error(format!("{host}: the docker engine does not answer"))
                        .help("install it with `mrsk setup`, or start it on the host"),
                ),
                Err(failure) => self.note(&host, &failure),
            }
        }
        facts
    }

    /// Notes that the container of an accessory is another service's, if it says so. Returns whether it does.
    pub fn is_foreign(&mut self, host: &HostName, container: &str, facts: &HostFacts) -> bool {
        let config = self.project.config();
        let found = facts.containers.get(container);
        let Some(owner) = found.and_then(|found| compile::other_service(config, found)) else {
            return false;
        };
        let message = format!(
            "{host}: container {container} is of service {}",
            text::one_line(owner)
        );
        self.problems
            .push(Diagnostic::error(message).help("rename the accessory"));
        true
    }

    /// Returns the container that serves `role` on `host`; else the newest that does not run. Without any, that is noted.
    pub fn serving<'f>(
        &mut self,
        host: &HostName,
        role: &Role,
        facts: &'f BTreeMap<HostName, HostFacts>,
    ) -> Option<Serving<'f>> {
        self.serving_all(host, role, facts).into_iter().next()
    }

    /// Returns that container, and those that do the same beside it.
    pub fn serving_all<'f>(
        &mut self,
        host: &HostName,
        role: &Role,
        facts: &'f BTreeMap<HostName, HostFacts>,
    ) -> Vec<Serving<'f>> {
        let Some(facts) = facts.get(host) else {
            return Vec::new();
        };
        let containers = compile::containers(self.project.config(), role, facts);
        let mut containers = containers.into_iter();
        let Some(first) = containers.next() else {
            let message = format!("{host}: role {} has no container", role.name);
            let problem = Diagnostic::error(message).help("start one with `mrsk deploy`");
            self.problems.push(problem);
            return Vec::new();
        };
        let beside = containers.filter(|other| role.replicas > 1 && first.has_beside(other));
        let mut all: Vec<Serving> = beside.collect();
        all.push(first);
        all.sort_by_key(|one| one.index);
        all
    }
}

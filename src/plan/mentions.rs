//! What a plan's predicates name beside what is known by the service's name: hosts have to be asked for it.

use std::collections::BTreeSet;

use super::model::{Check, Plan};
use super::predicate::Predicate;
use crate::json;
use crate::name::StepId;

/// What steps that are for no role rely on or are checked by: accessories and Traefik are not known by the name of the service.
#[derive(Debug, Default)]
pub struct Mentions {
    /// Names of containers.
    pub containers: BTreeSet<String>,
    /// References of images.
    pub images: BTreeSet<String>,
    /// Absolute paths of files and directories.
    pub paths: BTreeSet<String>,
}

impl Mentions {
    /// Returns what `plan` mentions.
    pub fn of(plan: &Plan) -> Self {
        let steps = plan.steps.iter().filter(|step| step.role.is_none());
        let ids: BTreeSet<&StepId> = steps.clone().map(|step| &step.id).collect();
        let checks = steps.filter_map(|step| match &step.check {
            Some(Check::Facts(predicates)) => Some(predicates),
            _ => None,
        });
        let mut named = Self::default();
        for predicate in checks.flatten() {
            named.add(predicate);
        }
        let reliances = plan.hosts.values().flat_map(|host| &host.relies_on);
        for reliance in
            reliances.filter(|reliance| reliance.steps.iter().any(|step| ids.contains(step)))
        {
            named.add(&reliance.predicate());
        }
        named
    }

    fn add(&mut self, predicate: &Predicate) {
        let mut tokens = json::tokens(&predicate.fact).into_iter();
        let (area, name) = (tokens.next().unwrap_or_default(), tokens.next());
        let value = predicate.value.as_ref().and_then(serde_json::Value::as_str);
        let Some(name) = name.or_else(|| value.map(str::to_owned)) else {
            return;
        };
        match area.as_str() {
            "containers" => self.containers.insert(name),
            "images" => self.images.insert(name),
            "directories" | "files" => self.paths.insert(name),
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_area_has_what_a_predicate_of_it_names() {
        let mut mentions = Mentions::default();
        for predicate in [
            Predicate::eq(&["containers", "app-db", "state"], "exited"),
            Predicate::absent(&["images", "redis:7"]),
            Predicate::contains(&["images"], "db:1"),
            Predicate::contains(&["directories"], "/root/app-db/data"),
            Predicate::absent(&["directories", "/root/app-db"]),
            Predicate::eq(&["files", "/root/app-db/etc/my.cnf", "sha256"], "ab"),
            Predicate::eq(&["docker", "answers"], true),
        ] {
            mentions.add(&predicate);
        }
        let list = |names: &BTreeSet<String>| Vec::from_iter(names.iter().cloned()).join(" ");
        assert_eq!(list(&mentions.containers), "app-db");
        assert_eq!(list(&mentions.images), "db:1 redis:7");
        assert_eq!(
            list(&mentions.paths),
            "/root/app-db /root/app-db/data /root/app-db/etc/my.cnf"
        );
    }
}

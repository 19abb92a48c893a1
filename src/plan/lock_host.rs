//! The host that holds the deploy lock of a plan, if it is not the one that the compiler chose.

use super::model::Plan;
use super::wire::{self, ReadError};
use crate::name::HostName;

/// Returns `plan` with its deploy lock on `host`, which is one of its hosts. The one that was to hold it is no longer part of the plan
/// if nothing else happens there.
///
/// # Errors
/// The plan cannot be written.
pub fn moved(mut plan: Plan, host: &HostName) -> Result<Plan, ReadError> {
    let former = std::mem::replace(&mut plan.lock_host, host.clone());
    let entry = plan.hosts.get(&former);
    let has_roles = entry.is_some_and(|entry| !entry.roles.is_empty());
    let has_steps = plan
        .steps
        .iter()
        .any(|step| step.host.as_ref() == Some(&former));
    let is_named = plan
        .unchanged
        .iter()
        .any(|item| item.host.as_ref() == Some(&former));
    if former != *host && !has_roles && !has_steps && !is_named {
        plan.hosts.remove(&former);
    }
    wire::seal(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan() -> Plan {
        let host = |roles: &[&str]| {
            json!({
                "ssh": {"user": "root"}, "roles": roles, "serial": 0, "host_keys": [],
                "relies_on": [],
            })
        };
        let plan = json!({
            "format_version": "1.0", "digest": "", "service": "s", "version": "1",
            "operation": {"name": "deploy", "version": "1", "skip_push": true},
            "image": {"reference": "s:1"}, "config": {"path": "c", "sha256": ""},
            "secrets": [], "lock_host": "app1", "contents": {}, "steps": [], "unchanged": [],
            "warnings": [], "hosts": {"app1": host(&[]), "app2": host(&["web"]), "app3": host(&["web"])},
        });
        serde_json::from_value(plan).unwrap()
    }

    #[test]
    fn a_host_that_only_held_the_lock_is_left_out() {
        let moved_to = |plan: Plan, host: &str| {
            let plan = moved(plan, &HostName::from(host)).unwrap();
            let hosts: Vec<String> = plan.hosts.keys().map(ToString::to_string).collect();
            (plan.lock_host.to_string(), hosts.join(" "), plan.digest)
        };
        let (lock_host, hosts, digest) = moved_to(plan(), "app2");
        assert_eq!((&*lock_host, &*hosts), ("app2", "app2 app3"));
        let mut with_roles = plan();
        with_roles.lock_host = "app3".into();
        let (lock_host, hosts, other) = moved_to(with_roles, "app2");
        assert_eq!((&*lock_host, &*hosts), ("app2", "app1 app2 app3"));
        assert_ne!(digest, other);
    }
}

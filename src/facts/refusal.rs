//! Hosts that mrsk does not support.

use std::collections::BTreeMap;

use super::model::{Facts, HostFacts, Privilege};
use crate::name::HostName;

/// Returns why mrsk does not support this host, each reason with what to do. Empty: it does.
pub fn refusals(facts: &HostFacts) -> Vec<String> {
    let mut reasons = Vec::new();
    let docker = &facts.docker;
    let obstacle = obstacle_to_install(facts);
    if !docker.unsupported.is_empty() {
        reasons.push(format!("unsupported Docker: {}", docker.unsupported));
    } else if !docker.installed {
        reasons.extend(
            obstacle.map(|text| format!("Docker is missing and cannot be installed: {text}")),
        );
    } else if !docker.answers {
        reasons.extend(silent(facts));
    }
    let obstacle = obstacle.filter(|_| !facts.curl.installed);
    reasons.extend(obstacle.map(|text| format!("curl is missing and cannot be installed: {text}")));
    reasons
}

/// Returns why the host cannot be planned for although Docker is installed: it does not say what runs there.
fn silent(facts: &HostFacts) -> Option<String> {
    let user = &facts.user;
    if facts.docker.denied {
        return Some(format!(
            "user {user} has no access to Docker, so mrsk cannot see what runs there: add the user to the \
             group docker (`sudo usermod -aG docker {user}` on the host), or deploy as root (`ssh: {{user: \
             root}}`)"
        ));
    }
    (facts.privilege == Privilege::None).then(|| {
        format!("Docker is not running, and user {user} cannot start it (neither root nor sudo -n)")
    })
}

fn obstacle_to_install(facts: &HostFacts) -> Option<&'static str> {
    if facts.privilege == Privilege::None {
        Some("the user is not root, and sudo -n does not work")
    } else if facts.package_manager.is_empty() {
        Some("the host has no apt-get, the only package manager that mrsk supports")
    } else {
        None
    }
}

/// Returns the pairs of hosts that are one machine: of each such group, the first with each of the
/// others. A host that did not say which machine it is pairs with none.
pub fn same_machine(facts: &Facts) -> Vec<(HostName, HostName)> {
    let mut first = BTreeMap::new();
    let mut pairs = Vec::new();
    for (name, host) in &facts.hosts {
        if host.machine_id.is_empty() {
            continue;
        }
        let first = *first
            .entry((&host.machine_id, &host.boot_id))
            .or_insert(name);
        if first != name {
            pairs.push((first.clone(), name.clone()));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::model::{CurlFacts, DockerFacts};

    fn ready() -> HostFacts {
        HostFacts {
            user: "app".into(),
            machine_id: "m".into(),
            boot_id: "b".into(),
            curl: CurlFacts { installed: true },
            docker: DockerFacts {
                installed: true,
                answers: true,
                ..DockerFacts::default()
            },
            ..HostFacts::default()
        }
    }

    fn with(change: impl FnOnce(&mut HostFacts)) -> HostFacts {
        let mut facts = ready();
        change(&mut facts);
        facts
    }

    #[test]
    fn what_cannot_be_supported_is_refused_with_the_reason() {
        let bare = |privilege, package_manager: &str| HostFacts {
            privilege,
            package_manager: package_manager.into(),
            ..HostFacts::default()
        };
        let table: [(HostFacts, &[&str]); 10] = [
            (ready(), &[]),
            (bare(Privilege::Root, "apt-get"), &[]),
            (bare(Privilege::Sudo, "apt-get"), &[]),
            (
                bare(Privilege::None, "apt-get"),
                &[
                    "Docker is missing and cannot be installed: the user is not root",
                    "curl is missing and cannot be installed: the user is not root",
                ],
            ),
            (
                bare(Privilege::Root, ""),
                &["Docker is missing", "curl is missing"],
            ),
            (
                with(|facts| facts.docker.unsupported = "the engine is rootless".into()),
                &["unsupported Docker: the engine is rootless"],
            ),
            (
                with(|facts| {
                    facts.docker.answers = false;
                    facts.docker.denied = true;
                }),
                &["user app has no access to Docker, so mrsk cannot see what runs there: add"],
            ),
            (
                with(|facts| {
                    facts.docker.answers = false;
                    facts.docker.denied = true;
                    facts.privilege = Privilege::Sudo;
                }),
                &["user app has no access to Docker, so mrsk cannot see what runs there: add"],
            ),
            (
                with(|facts| facts.docker.answers = false),
                &["Docker is not running, and user app cannot start it"],
            ),
            (
                with(|facts| {
                    facts.docker.answers = false;
                    facts.privilege = Privilege::Sudo;
                }),
                &[],
            ),
        ];
        for (facts, expected) in table {
            let reasons = refusals(&facts);
            assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
            for (reason, start) in reasons.iter().zip(expected) {
                assert!(reason.starts_with(start), "{reason}");
            }
        }
    }

    #[test]
    fn one_machine_under_two_names_is_found_and_clones_are_not() {
        let hosts = [
            ("a", ready()),
            ("b", ready()),
            ("clone", with(|facts| facts.boot_id = "other".into())),
            ("other", with(|facts| facts.machine_id = "n".into())),
            ("silent", HostFacts::default()),
            ("silent2", HostFacts::default()),
        ];
        let facts = Facts {
            hosts: hosts
                .map(|(name, host)| (HostName::from(name), host))
                .into(),
            ..Facts::default()
        };
        assert_eq!(
            same_machine(&facts),
            [(HostName::from("a"), HostName::from("b"))]
        );
    }
}

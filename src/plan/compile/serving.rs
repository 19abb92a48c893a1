//! Which containers a role has on a host, and which of them serves.

use super::placement::{alias_of, belongs, index_of, routing_path, version_of};
use crate::config::model::{Config, Role};
use crate::facts::model::{ContainerFacts, HostFacts};

/// A container of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is known of it.
    pub container: &'a ContainerFacts,
    /// The version that it runs.
    pub version: String,
    /// Which of the role's containers on the host it is, from 0.
    pub index: u32,
    /// What it does for its role.
    pub standing: Standing,
}

/// What a container does for its role, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It runs, and the role's routing file names it.
    Routed,
    /// It runs.
    Running,
    /// It does not run.
    Stopped,
}

impl Serving<'_> {
    /// Returns whether `other` does the same beside it: it has the same version, and another number.
    pub fn has_beside(&self, other: &Serving<'_>) -> bool {
        let is_equal = (&self.version, self.standing) == (&other.version, other.standing);
        is_equal && self.index != other.index
    }
}

/// Returns the containers of `role`, the one that serves first: that which is routed to, else the newest that runs. Those that do not
/// run are last, the newest of them first.
pub fn containers<'a>(config: &Config, role: &Role, facts: &'a HostFacts) -> Vec<Serving<'a>> {
    let routed = facts.files.get(&routing_path(config, role, facts));
    let standing = |container: &ContainerFacts| {
        let is_routed = routed.is_some_and(|file| {
            alias_of(container).is_some_and(|alias| file.aliases.contains(alias))
        });
        match (container.state.is_up(), is_routed) {
            (true, true) => Standing::Routed,
            (true, false) => Standing::Running,
            (false, _) => Standing::Stopped,
        }
    };
    let own = facts.containers.iter();
    let own = own.filter(|(_, container)| belongs(config, role, container));
    let mut containers: Vec<Serving> = own
        .map(|(name, container)| Serving {
            name,
            container,
            version: version_of(container),
            index: index_of(container),
            standing: standing(container),
        })
        .collect();
    containers.sort_by_key(|one| {
        let newest = std::cmp::Reverse(one.container.created_at);
        (one.standing, newest, one.name)
    });
    containers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::model::{ContainerState, FileFacts, NetworkFacts};

    #[test]
    fn the_routed_container_serves_else_the_newest_that_runs() {
        let text = "service: app\nimage: team/app\nservers: [a]\nregistry: {server: r.example}\n";
        let config = crate::config::parse("deploy.yml", text, None)
            .unwrap()
            .config;
        let role = &config.roles[0];
        let alias = |last: u8| format!("m-000000000000000{last}");
        let container = |version: &str, state, created_at: u64| {
            let network = NetworkFacts {
                aliases: [alias(created_at as u8)].into(),
            };
            let labels = [
                ("service", config.service.as_str()),
                ("role", role.name.as_str()),
                ("mrsk.version", version),
            ];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            ContainerFacts {
                state,
                created_at,
                labels: labels.into(),
                networks: [("mrsk".to_owned(), network)].into(),
                ..ContainerFacts::default()
            }
        };
        let mut facts = HostFacts::default();
        let mut add = |version: &str, state, created_at| {
            let name = format!("shop-web-{version}");
            facts
                .containers
                .insert(name, container(version, state, created_at));
        };
        add("old", ContainerState::Running, 1);
        add("new", ContainerState::Running, 2);
        add("gone", ContainerState::Exited, 3);
        let versions = |facts: &HostFacts| {
            let containers = containers(&config, role, facts);
            Vec::from_iter(
                containers
                    .iter()
                    .map(|one| format!("{} {:?}", one.version, one.standing)),
            )
        };
        assert_eq!(
            versions(&facts),
            ["new Running", "old Running", "gone Stopped"]
        );
        let file = FileFacts {
            aliases: [alias(1)].into(),
            ..FileFacts::default()
        };
        facts
            .files
            .insert(routing_path(&config, role, &facts), file);
        assert_eq!(
            versions(&facts),
            ["old Routed", "new Running", "gone Stopped"]
        );
    }
}

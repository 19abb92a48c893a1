//! What the hosts of the plans by hand show before them.

use mrsk::facts::model::{
    ContainerFacts, ContainerState, DockerFacts, FileFacts, HostFacts, TraefikFacts,
};

use super::plans::ROUTE_FILE;

/// Returns the facts of a host that runs version 1, or of a bare one.
pub fn before(bare: bool) -> HostFacts {
    let mut facts = HostFacts {
        os: "debian".into(),
        ..HostFacts::default()
    };
    if bare {
        return facts;
    }
    facts.docker = DockerFacts {
        installed: true,
        answers: true,
        ..DockerFacts::default()
    };
    for name in ["app-web-0", "app-web-1", "app-job-1"] {
        let running = ContainerFacts {
            state: ContainerState::Running,
            in_flight: 5,
            ..ContainerFacts::default()
        };
        facts.containers.insert(name.into(), running);
    }
    if let Some(old) = facts.containers.get_mut("app-web-0") {
        old.state = ContainerState::Exited;
    }
    let file = FileFacts {
        sha256: "old".into(),
        aliases: ["m-1".to_owned()].into(),
        ..FileFacts::default()
    };
    facts.files.insert(ROUTE_FILE.into(), file);
    facts.traefik = Some(TraefikFacts {
        image: "traefik:v3.0".into(),
        ..TraefikFacts::default()
    });
    facts.networks.insert("bridge".into());
    facts
}

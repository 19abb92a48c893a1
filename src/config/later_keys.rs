//! Keys that tools after MRSK 0.11 brought and that are not read here: what each is, and what to do instead.

/// A key of a later tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later {
    /// The tool that brought it.
    pub(super) tool: &'static str,
    /// What to do instead.
    pub(super) help: &'static str,
}

const MRSK: &str = "MRSK 0.12 and later";
const KAMAL_1: &str = "Kamal 1";
const KAMAL_2: &str = "Kamal 2";

const OWN_CERTIFICATE: &str = "write `ssl: {certificate_pem: NAME, private_key_pem: NAME}`";
const RUN: &str =
    "use `traefik: {host_port, image, options, args}`: it says how Traefik is started";

/// The keys. `*` stands for the name of a role or an accessory.
#[rustfmt::skip]
const KEYS: [(&str, &str, &str); 19] = [
    ("builder.pack", KAMAL_2, "remove it, and write a Dockerfile: mrsk builds by nothing else"),
    ("error_pages_path", KAMAL_2, "remove it: Traefik cannot serve files, and the app cannot while it is down; serve the pages by an accessory that Traefik's middleware `errors` names in `labels`, or by the app in a maintenance: `mrsk app maintenance --page PATH`"),
    ("healthcheck.cord", KAMAL_1, "remove it: mrsk drains the old container without a cord"),
    ("healthcheck.timeout", KAMAL_2, "use `max_attempts`: an attempt takes 4 s"),
    ("primary_web_role", MRSK, "use `primary_role`, its later name"),
    ("proxy.certificate_pem", KAMAL_2, OWN_CERTIFICATE),
    ("proxy.private_key_pem", KAMAL_2, OWN_CERTIFICATE),
    ("proxy.run", KAMAL_2, RUN),
    ("servers.*.proxy.certificate_pem", KAMAL_2, OWN_CERTIFICATE),
    ("servers.*.proxy.private_key_pem", KAMAL_2, OWN_CERTIFICATE),
    ("servers.*.proxy.run", KAMAL_2, RUN),
    ("ssh.forward_agent", KAMAL_2, "remove it: mrsk forwards no agent to hosts"),
    ("sshkit.dns_retries", KAMAL_2, "remove it: what fails is tried again by applying the plan again"),
    ("traefik.name", KAMAL_1, "remove it: all services on a host share one Traefik, whose container is named `traefik`"),
    ("accessories.*.network", KAMAL_2, "use `options: {network: NAME}`; the containers that reach it by its name need the same"),
    ("accessories.*.registry", KAMAL_2, "run `docker login` on its hosts: `mrsk registry login` is for the registry of the app"),
    ("accessories.*.service", KAMAL_1, "rename its container on its hosts (`docker rename NAME SERVICE-ACCESSORY`): mrsk finds it by that name alone, and would start another one beside it"),
    ("accessories.*.tag", KAMAL_2, "name its hosts with `host` or `hosts`"),
    ("accessories.*.tags", KAMAL_2, "name its hosts with `host` or `hosts`"),
];

/// `minimum_version`, if it is a version of Kamal 2.
pub(super) const VERSION_OF_KAMAL_2: Later = Later {
    tool: KAMAL_2,
    help: "remove it: it is a version of Kamal 2",
};

/// Returns the key of a later tool at `path`.
pub(super) fn find(path: &str) -> Option<Later> {
    let (_, tool, help) = *KEYS.iter().find(|(key, ..)| matches(key, path))?;
    Some(Later { tool, help })
}

fn matches(key: &str, path: &str) -> bool {
    let parts = path.split('.').collect::<Vec<_>>();
    let keys = key.split('.').collect::<Vec<_>>();
    parts.len() == keys.len()
        && keys
            .iter()
            .zip(parts)
            .all(|(key, part)| *key == "*" || *key == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_are_free() {
        assert!(find("servers.web.proxy.run").is_some_and(|later| later.tool == KAMAL_2));
        assert!(find("servers.web.proxy.runs").is_none());
        assert!(find("servers.web.x.proxy.run").is_none());
    }
}

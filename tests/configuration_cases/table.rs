//! The table: commands on projects of `fixtures/cases`, and what comes of them.

/// A command on a project.
pub struct Case {
    /// The directory of `fixtures/cases`.
    pub project: &'static str,
    /// What is replaced in its `deploy.yml`.
    pub changes: &'static [(&'static str, &'static str)],
    /// The command line.
    pub command: &'static str,
    pub code: i32,
    /// What standard error has.
    pub says: &'static [&'static str],
    /// What standard output has.
    pub prints: &'static [&'static str],
}

pub const FRESH: &str = "plan --fresh --no-secrets";
const WITH_FACTS: &str = "plan --version v2 --skip-push --facts facts.json";

const BASE: Case = Case {
    project: "",
    changes: &[],
    command: FRESH,
    code: 0,
    says: &[],
    prints: &[],
};

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    Case {
        project: "labels-on-role-without-traefik",
        code: 78,
        says: &["deploy.yml:17:7", "has no effect: role `feed` has no Traefik", "set `traefik: true` for the role"],
        ..BASE
    },
    Case {
        project: "labels-on-role-without-traefik",
        changes: &[("    cmd: bin/feed\n", "    cmd: bin/feed\n    traefik: false\n")],
        says: &["⚠ label `traefik.http.routers.feed.rule` has no effect"],
        ..BASE
    },
    Case {
        project: "labels-on-role-without-traefik",
        changes: &[("    cmd: bin/feed\n", "    cmd: bin/feed\n    traefik: true\n")],
        prints: &["\"192.0.2.1/feed/"],
        ..BASE
    },
    Case {
        project: "role-renamed",
        command: WITH_FACTS,
        code: 78,
        says: &[
            "role api would serve beside role web, which is not in deploy.yml for this host, with the same rule",
            "pass --remove-orphans",
        ],
        ..BASE
    },
    Case {
        project: "role-renamed",
        command: "plan --remove-orphans --version v2 --skip-push --facts facts.json",
        prints: &["/web/web/unroute", "/web/shop-web-old1/drain", "/container/shop-web-old1/remove"],
        ..BASE
    },
    Case {
        project: "published-port-second-deploy",
        command: WITH_FACTS,
        code: 78,
        says: &["port 3000:3000 of role web is held by shop-web-old1", "stop it first (`docker stop shop-web-old1`"],
        ..BASE
    },
    Case {
        project: "two-destinations-default-rule",
        command: "plan -d staging --version v2 --skip-push --facts facts.json",
        says: &["takes every request (the default rule), and /var/lib/mrsk/traefik/mrsk-shop@web.yml routes"],
        ..BASE
    },
    Case {
        project: "kamal1-empty-destination-label",
        command: WITH_FACTS,
        says: &["Drain shop-web-old1", "Stop shop-web-old1", "Stop shop-worker-old1"],
        ..BASE
    },
    Case {
        project: "traefik-argument-misspelt",
        code: 78,
        says: &["deploy.yml:13:5", "`acesslog`: unknown argument of Traefik", "did you mean `accesslog`?"],
        ..BASE
    },
    Case {
        project: "traefik-argument-misspelt",
        changes: &[("acesslog: true", "entryPoints.web.http.redirections.entryPoint.to: websecure")],
        code: 78,
        says: &["Traefik will have no entrypoint `websecure`"],
        ..BASE
    },
    Case {
        project: "certresolver-undefined",
        code: 78,
        says: &["Traefik will have no certificate resolver `letsencrypt`", "it will have the certificate resolver `le`"],
        ..BASE
    },
    Case {
        project: "certresolver-undefined",
        changes: &[("certresolver: letsencrypt", "certresolver: le")],
        prints: &["shop-web"],
        ..BASE
    },
    Case {
        project: "rule-in-single-quotes",
        code: 78,
        says: &["deploy.yml:14:7", "matcher argument in single quotes: use backticks"],
        ..BASE
    },
    Case {
        project: "network-missing-on-host",
        command: WITH_FACTS,
        code: 78,
        says: &["network `private` of role web does not exist there", "docker network create private"],
        ..BASE
    },
    Case {
        project: "network-missing-on-host",
        says: &["warning: host 192.0.2.1: role web needs network `private`"],
        ..BASE
    },
    Case {
        project: "secret-name-docker-token",
        command: "config",
        prints: &["secret:\n    - DOCKER_REGISTRY_TOKEN"],
        ..BASE
    },
    Case {
        project: "build-context-missing",
        code: 78,
        says: &["the build context `nope` is not a directory"],
        ..BASE
    },
    Case {
        project: "secret-named-twice",
        command: "config",
        says: &["⚠ duplicate secret `SECRET_KEY`", "deploy.yml:15:7"],
        prints: &["secret:\n    - SECRET_KEY\n    - SENTRY_DSN\n"],
        ..BASE
    },
    Case {
        project: "hosts-as-text",
        command: "config",
        prints: &["- name: web\n  hosts:\n  - 192.0.2.1\n"],
        ..BASE
    },
    Case {
        project: "keys-of-later-versions",
        command: "config",
        code: 78,
        says: &[
            "deploy.yml:24:3",
            "`ssl: true` requires `host`",
        ],
        ..BASE
    },
    Case {
        project: "keys-of-later-versions",
        changes: &[("proxy:\n  ssl: true\n", "")],
        command: "config",
        says: &["`sshkit.max_concurrent_starts` has no effect"],
        prints: &["/rails/public/assets"],
        ..BASE
    },
    Case {
        project: "traefik-2-image",
        code: 78,
        says: &["`traefik:v2.10` is Traefik 2, and mrsk supports Traefik 3"],
        ..BASE
    },
    Case {
        project: "cmd-with-shell-words",
        says: &["⚠ `servers.worker.cmd` contains `&&`, but no shell runs it", "write `sh -c '…'`"],
        prints: &["\"&&\""],
        ..BASE
    },
    Case {
        project: "entrypoint-not-published",
        says: &["entrypoint `websecure` listens on port 443 of Traefik's container, which is not published"],
        ..BASE
    },
    Case {
        project: "shared-traefik-fresh",
        says: &["warning: label", "plan with facts of the host, not with `--fresh`"],
        ..BASE
    },
    Case {
        project: "service-with-dot",
        code: 78,
        says: &["name `app7.1-web` contains a dot", "write `app7-1-web`"],
        ..BASE
    },
    Case {
        project: "secret-for-traefik",
        code: 78,
        says: &["docker option `env: CF_DNS_API_TOKEN` has no value", "traefik: {env: {secret: […]}}"],
        ..BASE
    },
    Case {
        project: "secret-for-traefik",
        changes: &[("  options:\n    env:\n      - CF_DNS_API_TOKEN", "  env:\n    secret:\n      - CF_DNS_API_TOKEN")],
        prints: &["\"name\": \"CF_DNS_API_TOKEN\",\n      \"travels\": [\n        \"env\"", "\"CF_DNS_API_TOKEN\""],
        ..BASE
    },
];

//! Golden files: labels in, routing file out. `MRSK_BLESS=1` rewrites them.

use std::collections::BTreeMap;
use std::path::Path;

use super::{RouteSpec, routing_file};

type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    ("default", &[("service", "hey"), ("role", "web")]),
    (
        "manual_rule",
        &[("traefik.http.routers.hey.rule", "Host(`app.hey.com`)")],
    ),
    (
        "manual_tcp",
        &[
            ("traefik.tcp.routers.other.rule", "HostSNI(`*`)"),
            ("traefik.tcp.routers.other.entrypoints", "otherentrypoint"),
            (
                "traefik.tcp.services.other.loadbalancer.server.port",
                "9000",
            ),
            ("traefik.http.routers.hey.entrypoints", "web"),
            ("traefik.http.services.hey.loadbalancer.server.port", "8080"),
        ],
    ),
    (
        "middlewares",
        &[
            ("traefik.enable", "true"),
            ("traefik.docker.network", "other"),
            (
                "traefik.http.routers.hey-web.rule",
                "Host(`a.test`) || Host(`b.test`)",
            ),
            (
                "traefik.http.routers.hey-web.middlewares",
                "auth@docker, strip,shared@file,theirs",
            ),
            ("traefik.http.routers.hey-web.tls", "true"),
            ("traefik.http.routers.hey-web.tls.certresolver", "le"),
            ("traefik.http.routers.hey-web.tls.domains[0].main", "a.test"),
            (
                "traefik.http.routers.hey-web.tls.domains[0].sans",
                "b.test,c.test",
            ),
            (
                "traefik.http.middlewares.auth.basicauth.users",
                "me:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/",
            ),
            (
                "traefik.http.middlewares.strip.stripprefix.prefixes",
                "/x,/y",
            ),
            (
                "traefik.http.middlewares.heads.headers.customRequestHeaders.X-Dotted.Name",
                "{{ not a template }}",
            ),
            ("traefik.http.middlewares.zip.compress", "true"),
            (
                "traefik.http.middlewares.all.chain.middlewares",
                "auth,zip,heads@docker",
            ),
            (
                "traefik.http.middlewares.mine.plugin.geo.lists[1].codes",
                "DE,FR",
            ),
        ],
    ),
    (
        "services",
        &[
            ("traefik.http.routers.api.rule", "PathPrefix(`/api`)"),
            ("traefik.http.routers.api.service", "api@docker"),
            ("traefik.http.services.api.loadbalancer.server.port", "9292"),
            (
                "traefik.http.services.api.loadbalancer.server.scheme",
                "h2c",
            ),
            (
                "traefik.http.services.api.loadbalancer.sticky.cookie",
                "true",
            ),
            (
                "traefik.http.services.api.loadbalancer.sticky.cookie.name",
                "s",
            ),
            (
                "traefik.http.services.api.loadbalancer.serverstransport",
                "mine@file",
            ),
            ("traefik.http.routers.board.rule", "PathPrefix(`/board`)"),
            ("traefik.http.routers.board.service", "api@internal"),
            ("traefik.udp.routers.dns.entrypoints", "dns"),
            ("traefik.udp.services.dns.loadbalancer.server.port", "53"),
        ],
    ),
];

fn spec<'a>(labels: &'a BTreeMap<String, String>, destination: Option<&'a str>) -> RouteSpec<'a> {
    RouteSpec {
        service: "hey",
        destination,
        role: "web",
        labels,
        port: 3000,
        alias: "m-0123456789abcdef",
        container: "hey-web-abc123",
    }
}

fn map(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn routing_files_are_as_recorded() {
    for (name, labels) in CASES {
        let labels = map(labels);
        let text = routing_file(&spec(&labels, None)).expect(name);
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/traefik/{name}.yml"));
        if std::env::var_os("MRSK_BLESS").is_some() {
            std::fs::write(&path, &text).expect("the golden file is written");
        }
        let golden = std::fs::read_to_string(&path).expect(name);
        assert_eq!(text, golden, "{name}");
    }
}

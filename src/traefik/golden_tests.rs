//! Golden files: labels in, routing file out. `MRSK_BLESS=1` rewrites them.

use std::collections::BTreeMap;
use std::path::Path;

#[path = "../../tests/golden/mod.rs"]
mod files;

use files::Golden;

use super::document::render_trial as trial_file;
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
        "stream_defaults",
        &[
            ("traefik.tcp.routers.db.rule", "HostSNI(`db.test`)"),
            ("traefik.tcp.routers.db.tls", "true"),
            ("traefik.udp.routers.dns.entrypoints", "dns"),
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
        arguments: &[],
        port: 3000,
        alias: "m-0123456789abcdef",
        container: "hey-web-abc123",
        beside: &[],
        outranks: &[],
        response_timeout: None,
        has_certificate: false,
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
    let mut golden = Golden::default();
    for (name, labels) in CASES {
        let labels = map(labels);
        let text = routing_file(&spec(&labels, None)).expect(name);
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/traefik/{name}.yml"));
        golden.check(&path, &text);
    }
}

/// The labels, the label that is named, the message, and the help.
type Refused = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    &'static str,
);

const REFUSED: &[Refused] = &[
    (
        &[("traefik.tcp.routers.x.rule", "HostSNI(`*`)")],
        "traefik.tcp.routers.x.rule",
        "the router has no entrypoints: it would take all TCP connections, HTTP included",
        "add `traefik.tcp.routers.x.entrypoints`",
    ),
    (
        &[("traefik.http.routers.hey.rule", "Host(`a`, `b`)")],
        "traefik.http.routers.hey.rule",
        "`Host(`a`, `b`)` is Traefik 2 syntax",
        "write (Host(`a`) || Host(`b`))",
    ),
    (
        &[("traefik.http.routers.hey.rul", "Host(`a`)")],
        "traefik.http.routers.hey.rul",
        "unknown option `rul`",
        "did you mean `rule`?",
    ),
    (
        &[("traefik.frontend.rule", "Host:a")],
        "traefik.frontend.rule",
        "unsupported label of Traefik 1",
        "write `traefik.http.routers.NAME.rule` and `traefik.http.services.NAME.loadbalancer.server.port`",
    ),
    (
        &[("traefik.enable", "false")],
        "traefik.enable",
        "the label disables Traefik, and the role uses it",
        "set `traefik: false` for the role, or remove the label",
    ),
    (
        &[("traefik.http.routers.hey", "x")],
        "traefik.http.routers.hey",
        "the label has no option",
        "write `traefik.PROTOCOL.SECTION.NAME.OPTION`",
    ),
    (
        &[("traefik.http.services.hey.loadbalancer.server.port", "http")],
        "traefik.http.services.hey.loadbalancer.server.port",
        "`http` is not a valid port",
        "use a number from 1 to 65535",
    ),
    (
        &[
            ("traefik.http.routers.Hey.rule", "Path(`/a`)"),
            ("traefik.http.routers.hey.Rule", "Path(`/b`)"),
        ],
        "traefik.http.routers.hey.Rule",
        "duplicate of `traefik.http.routers.Hey.rule`",
        "keep one of the two",
    ),
    (
        &[("traefik.http.routers.other.priority", "1")],
        "traefik.http.routers.other.priority",
        "the router has no rule",
        "add `traefik.http.routers.other.rule`",
    ),
    (
        &[
            ("traefik.tcp.routers.x.rule", "HostSNI(`*`)"),
            ("traefik.tcp.routers.x.entrypoints", "db"),
            ("traefik.tcp.services.a.loadbalancer.server.port", "1"),
            ("traefik.tcp.services.b.loadbalancer.server.port", "2"),
        ],
        "traefik.tcp.routers.x.entrypoints",
        "the router has no service, and the labels define several: a and b",
        "add `traefik.tcp.routers.x.service`",
    ),
    (
        &[("traefik.http.routers.mrsk-probe.rule", "Path(`/`)")],
        "traefik.http.routers.mrsk-probe.rule",
        "reserved name `mrsk-probe`",
        "choose another name",
    ),
];

#[test]
fn labels_that_cannot_be_compiled_are_named() {
    for (labels, label, message, help) in REFUSED {
        let labels = map(labels);
        let errors = routing_file(&spec(&labels, None)).expect_err(label);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].label, *label);
        assert_eq!(errors[0].message, *message);
        assert_eq!(errors[0].help.as_deref().unwrap_or_default(), *help);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let labels = map(&[
        ("traefik.http.routers.hey.rule", "Hots(`a`)"),
        ("traefik.http.routers.hey.servise", "x"),
        ("traefik.nonsense", "x"),
    ]);
    let errors = routing_file(&spec(&labels, None)).expect_err("three errors");
    let named: Vec<&str> = errors.iter().map(|error| error.label.as_str()).collect();
    assert_eq!(named, labels.keys().collect::<Vec<_>>());
}

/// The name under which the labels mean the default router, by what they call it.
#[test]
fn the_service_name_means_the_default_router() {
    for (name, is_default) in [
        ("hey", true),
        ("HEY", true),
        ("hey-web", true),
        ("hey-staging", true),
        ("hey-web-staging", true),
        ("other", false),
    ] {
        let labels = map(&[(&format!("traefik.http.routers.{name}.rule"), "Host(`x`)")]);
        let text = routing_file(&spec(&labels, Some("staging"))).expect(name);
        assert_eq!(
            !text.contains("PathPrefix(`/`)"),
            is_default,
            "{name}:\n{text}"
        );
        assert!(text.contains("hey:web:staging:hey-web-staging:"), "{text}");
    }
    let both = map(&[
        ("traefik.http.routers.hey.rule", "Host(`x`)"),
        ("traefik.http.routers.hey-web.rule", "Host(`y`)"),
    ]);
    let text = routing_file(&spec(&both, None)).expect("two routers");
    assert!(
        text.contains("hey:web:hey:\n") && text.contains("hey:web:hey-web:\n"),
        "{text}"
    );
}

/// A trial has names of its own, and a router on no entrypoint that users reach.
#[test]
fn a_trial_routes_nobody() {
    let labels = map(&[
        ("traefik.http.routers.hey.rule", "Host(`a.test`)"),
        ("traefik.http.routers.hey.middlewares", "m"),
        ("traefik.http.middlewares.m.compress", "true"),
        ("traefik.tcp.routers.db.rule", "HostSNI(`db.test`)"),
        ("traefik.tcp.routers.db.entrypoints", "db"),
    ]);
    let text = trial_file(&spec(&labels, None)).expect("there is a rule");
    let file: serde_yaml::Value = serde_yaml::from_str(&text).expect("the file is YAML");
    assert!(file.get("tcp").is_none(), "{text}");
    let routers = file["http"]["routers"].as_mapping().expect("a map");
    let (name, router) = routers.iter().next().expect("one router");
    assert_eq!(
        (routers.len(), name.as_str()),
        (1, Some("try:hey:web:mrsk-probe"))
    );
    assert_eq!(router["entryPoints"][0], "mrsk-probe");
    let rule = router["rule"].as_str().unwrap_or_default();
    assert!(
        rule.starts_with("Host(`try-m-0123456789abcdef.mrsk.internal`) || "),
        "{rule}"
    );
    assert!(rule.contains("(Host(`a.test`))"), "{rule}");
    assert_eq!(router["middlewares"][1], "try:hey:web:m");
    let sections = file["http"].as_mapping().expect("a map");
    for (section, parts) in sections {
        for name in parts.as_mapping().expect("a map").keys() {
            let name = name.as_str().unwrap_or_default();
            assert!(name.starts_with("try:"), "{section:?} {name}");
        }
    }
    assert_eq!(trial_file(&spec(&map(&[("role", "web")]), None)), None);
}

/// The rules and priorities of a new file, beside containers whose labels Traefik reads too.
#[test]
fn a_router_comes_before_those_of_labels_with_its_rule() {
    let old = map(&[
        ("traefik.http.routers.hey-web.rule", "PathPrefix(`/`)"),
        ("traefik.http.routers.Api.rule", "Host(`api.test`)"),
        ("traefik.http.routers.api.priority", "40"),
        ("traefik.tcp.routers.db.rule", "HostSNI(`db.test`)"),
    ]);
    let new = map(&[
        ("traefik.http.routers.api.rule", "Host(`api.test`)"),
        ("traefik.http.routers.api.service", "hey-web"),
        ("traefik.http.routers.more.rule", "Host(`more.test`)"),
        ("traefik.http.routers.more.service", "hey-web"),
        ("traefik.tcp.routers.db.rule", "HostSNI(`db.test`)"),
        ("traefik.tcp.routers.db.entrypoints", "db"),
    ]);
    let priorities = |spec: &RouteSpec| -> Vec<(String, Option<u64>)> {
        let text = routing_file(spec).expect("the labels are right");
        let file: serde_yaml::Value = serde_yaml::from_str(&text).expect("the file is YAML");
        let of = |name: &str| {
            file[if name == "hey:web:db" { "tcp" } else { "http" }]["routers"][name]["priority"]
                .as_u64()
        };
        [
            "hey:web:hey-web",
            "hey:web:api",
            "hey:web:more",
            "hey:web:db",
        ]
        .map(|name| (name.to_owned(), of(name)))
        .into()
    };
    let alone = spec(&new, None);
    assert!(
        priorities(&alone)
            .iter()
            .all(|(_, priority)| priority.is_none())
    );
    let beside = RouteSpec {
        outranks: &[&old],
        ..alone
    };
    let expected = [Some(16), Some(41), None, Some(19)];
    let found: Vec<Option<u64>> = priorities(&beside).into_iter().map(|(_, p)| p).collect();
    assert_eq!(found, expected);
}

proptest::proptest! {
    /// Whatever the labels are, the answer is a file that holds the probe, or errors that name labels.
    #[test]
    fn any_labels_give_a_readable_file_or_errors(
        labels in proptest::collection::btree_map(
            "traefik\\.(http|tcp|udp)\\.(routers|services|middlewares)\\.(hey|x|[a-z.\\[\\]0-9]{1,6})\\.(rule|service|tls|tls\\.domains\\[[0-9]{1,3}\\]\\.main|middlewares|entrypoints|compress|chain\\.middlewares|headers\\.customrequestheaders\\..{1,4}|loadbalancer\\.server\\.port|plugin\\..{1,8})",
            "(Host\\(`.{0,6}`\\)|HostSNI\\(`\\*`\\)|Query\\(.{0,8}\\)|Path\\(`/\\{.{0,6}\\}`\\)|true|80|hey|x@docker|\\{\\{.{0,3}|.{0,8})",
            0..6,
        )
    ) {
        match routing_file(&spec(&labels, None)) {
            Ok(text) => {
                let read = text.replace("{{\"{{\"}}", "{{");
                let value: serde_yaml::Value = serde_yaml::from_str(&read).expect("the file is YAML");
                assert!(value["http"]["routers"]["hey:web:mrsk-probe"].is_mapping(), "{text}");
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                for error in errors {
                    assert!(labels.contains_key(&error.label), "{error:?}");
                }
            }
        }
    }

    /// No rule makes the check panic, and what it suggests instead passes.
    #[test]
    fn a_suggested_rule_passes(rule in "(!?(Host|Path|Query|Headers|HostRegexp|ClientIP|[A-Z][a-z]{2})\\((`[a-z{}:=é\\[\\]+0-9]{0,8}`,? ?){0,3}\\)( && | \\|\\| )?){1,3}.{0,3}") {
        if let Err((message, Some(help))) = super::rule::check(super::label::Protocol::Http, &rule)
            && message.ends_with("is Traefik 2 syntax")
        {
            let rewritten = help.strip_prefix("write ").expect("the help is a rule");
            if let Err((message, _)) = super::rule::check(super::label::Protocol::Http, rewritten) {
                assert!(!message.ends_with("is Traefik 2 syntax"), "{rule} -> {rewritten}: {message}");
            }
        }
    }
}

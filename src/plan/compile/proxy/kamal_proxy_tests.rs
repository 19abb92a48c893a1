use serde_json::{Value, json};

use super::{network, start};
use crate::plan::compile::testing::{Case, case};
use crate::plan::compile::{bootstrap, reliance, switch};

/// A configuration whose Traefik has TLS.
const SECURE: &str = "traefik: {options: {publish: ['443:443']}, args: {entrypoints.web.address: ':80', \
                      entrypoints.websecure.address: ':443'}}";

/// Returns a container of Kamal 2 that runs.
fn container(service: &str, id: &str) -> Value {
    json!({
        "id": id, "state": "running", "image": format!("r.example/team/{service}:1"),
        "labels": {"service": service, "role": "web", "destination": ""},
        "networks": {"kamal": {}},
    })
}

/// Returns what kamal-proxy serves of a container.
fn served(host: &str, container: &str) -> Value {
    json!({"hosts": [host], "targets": [{"container": container, "port": 80}], "state": "running", "tls": false})
}

/// Returns a host whose kamal-proxy serves version 1 of `app`, and another service `shop`.
fn host(config: &str) -> Case {
    case(config).a(json!({
        "traefik": null,
        "networks": ["bridge", "kamal"],
        "ports": {"80": {"holder": "container kamal-proxy"}},
        "containers": {
            "traefik": null,
            "app-web-1": container("app", "a1"),
            "shop-web-1": container("shop", "b1"),
            "kamal-proxy": {"id": "p1", "state": "running"},
        },
        "kamal_proxy": {"services": {
            "app-web": served("app.example", "app-web-1"),
            "shop-web": served("*", "shop-web-1"),
        }},
    }))
}

#[test]
fn what_kamal_proxy_serves_has_routes_before_traefik_takes_its_ports() {
    let passes: [crate::plan::compile::testing::Pass; 4] =
        [bootstrap::run, network::run, start::run, switch::run];
    let made = host("").after(&passes);
    let ids: Vec<String> = made.ids().into_iter().take(7).collect();
    assert_eq!(
        ids,
        [
            "a/network/mrsk/create",
            "a/web/app-web-1/connect <- a/network/mrsk/create",
            "a/web/app-web-1/adopt <- a/web/app-web-1/connect",
            "a/kamal-proxy/shop-web-1/connect <- a/web/app-web-1/connect",
            "a/kamal-proxy/shop-web-1/adopt <- a/kamal-proxy/shop-web-1/connect",
            "a/traefik/traefik/replace <- a/kamal-proxy/shop-web-1/connect, a/web/app-web-1/adopt, \
             a/kamal-proxy/shop-web-1/adopt",
            "a/web/app-web-2/start <- a/traefik/traefik/replace, a/kamal-proxy/shop-web-1/connect",
        ]
    );
    let replace = made.actions("replace");
    let stop = replace
        .iter()
        .position(|line| line == "docker stop --time 2 kamal-proxy")
        .unwrap();
    assert_eq!(replace[stop - 1], "docker update --restart no kamal-proxy");
    assert_eq!(replace[stop + 1], "docker start traefik");
    assert_eq!(replace.len(), stop + 4, "each is proved: {replace:?}");
    assert_eq!(made.step("replace").cleanup.len(), 3);
    let drained = made.ids().join("\n");
    assert!(drained.contains("a/web/app-web-1/drain"), "{drained}");
    assert!(!drained.contains("shop-web-1/drain"), "{drained}");
    let notes = made.notes.join("\n");
    for part in [
        "Traefik replaces kamal-proxy: every request to this host fails for 1 to 3 s",
        "also those to app-web and shop-web",
        "deploy them with mrsk",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(!notes.contains("error: "), "{notes}");
    let relies = host("").look(
        &[network::run, start::run, switch::run, reliance::run],
        |draft| serde_json::to_string(draft.relies_on.values().next().unwrap()).unwrap(),
    );
    assert!(relies.contains("/kamal_proxy"), "{relies}");
}

/// Returns the routing file of `container` in the plan.
fn routes(case: &Case, container: &str) -> String {
    let plan = case
        .plan()
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut steps = plan.steps.iter();
    let step = steps.find(|step| step.id.as_str().ends_with(&format!("/{container}/adopt")));
    let crate::action::Action::Write(write) = step.unwrap().action.last().unwrap() else {
        panic!("{step:?}");
    };
    format!("{}\n{}", write.path, plan.contents[&write.content])
}

#[test]
fn routes_are_those_that_a_deploy_of_the_service_finds() {
    let text = routes(&host(""), "shop-web-1");
    for part in [
        "/s/traefik/mrsk-shop@web.yml",
        "PathPrefix(`/`)",
        "priority: '1'",
        ":80",
        "shop-web-1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let two =
        json!({"kamal_proxy": {"services": {"app-web": {"hosts": ["a.example", "b.example"]}}}});
    let text = routes(&host("").a(two), "app-web-1");
    assert!(
        text.contains("Host(`a.example`) || Host(`b.example`)"),
        "{text}"
    );

    let secure = json!({"kamal_proxy": {
        "services": {"shop-web": {"hosts": ["shop.example"], "tls": true}},
        "certificates": ["ab/shop.example", "ab/shop.example+rsa", "ab/other.example"],
    }});
    let case = host(SECURE).a(secure);
    let text = routes(&case, "shop-web-1");
    for part in [
        "certFile: /etc/mrsk/traefik/mrsk-shop@web.crt",
        "keyFile: /etc/mrsk/traefik/mrsk-shop@web.key",
        "websecure",
        "scheme: https",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let made = case.after(&[network::run, start::run, switch::run]);
    assert_eq!(
        made.actions("shop-web-1/adopt")[..4],
        [
            "mkdir -p /s/traefik",
            "docker cp kamal-proxy:/home/kamal-proxy/.config/kamal-proxy/certs/ab/shop.example \
             /s/traefik/mrsk-shop@web.crt.new",
            "chmod 0600 /s/traefik/mrsk-shop@web.crt.new",
            "mv -f /s/traefik/mrsk-shop@web.crt.new /s/traefik/mrsk-shop@web.crt",
        ]
    );
    let notes = made.notes.join("\n");
    assert!(notes.contains("Nothing renews them"), "{notes}");
}

#[test]
fn what_cannot_be_carried_over_is_refused_by_name() {
    let shop = |change: Value| json!({"kamal_proxy": {"services": {"shop-web": change}}});
    let redirects = "traefik: {args: {entrypoints.web.address: ':80', \
                     entrypoints.web.http.redirections.entrypoint.to: websecure, entrypoints.websecure.address: ':443'}}";
    for (config, patch, expected) in [
        ("", shop(json!({"state": "paused"})), "it is paused"),
        ("", shop(json!({"state": "stopped"})), "it is stopped"),
        ("", shop(json!({"targets": []})), "it has 0 targets"),
        (
            "",
            shop(json!({"targets": [{"container": "0123456789ab", "port": 80}]})),
            "its target 0123456789ab is not a container of this host",
        ),
        (
            "",
            json!({"containers": {"shop-web-1": {"state": "exited"}}}),
            "its container shop-web-1 does not run",
        ),
        (
            "",
            json!({"containers": {"shop-web-1": {"networks": {"host": {}}}}}),
            "its container shop-web-1 cannot join network mrsk",
        ),
        (
            "",
            shop(json!({"hosts": ["*.example"]})),
            "its host *.example is a wildcard",
        ),
        (
            "",
            shop(json!({"hosts": ["a`b"]})),
            "its host a`b is not a host name",
        ),
        (
            "",
            shop(json!({"paths": ["/api"]})),
            "whether the path prefix /api is removed",
        ),
        (
            "",
            json!({"containers": {"shop-web-1": {"labels": {"service": "app"}}}}),
            "its container is of the same role as that of app-web",
        ),
        (
            "",
            shop(json!({"tls": true, "hosts": ["a.b"]})),
            "no entrypoint of deploy.yml is published on port 443",
        ),
        (
            SECURE,
            shop(json!({"tls": true, "hosts": ["a.b"]})),
            "kamal-proxy keeps 0 certificates of a.b",
        ),
        (
            SECURE,
            shop(json!({"tls": true, "hosts": ["a.b", "c.d"]})),
            "it has TLS for several hosts",
        ),
        (
            redirects,
            json!({}),
            "entrypoint web of deploy.yml redirects all requests",
        ),
    ] {
        let problems = host(config).a(patch).plan().unwrap_err().join("\n");
        assert!(problems.contains(expected), "{expected}: {problems}");
        for part in [
            "host a: Traefik cannot take over service shop-web of kamal-proxy: ",
            "docker exec kamal-proxy kamal-proxy re",
            "docker stop kamal-proxy",
        ] {
            // Where two are alike, the later one is named.
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
    let unreadable = json!({"kamal_proxy": {"unreadable": true, "services": null}});
    let problems = host("").a(unreadable).plan().unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("what kamal-proxy serves there is not known"));
    // Facts of an earlier version do not tell.
    let problems = host("").a(json!({"kamal_proxy": null})).plan().unwrap_err();
    assert!(
        problems[0].contains("already in use (container kamal-proxy)"),
        "{problems:?}"
    );
}

#[test]
fn a_proxy_that_is_not_in_the_way_stays_and_traefik_boot_takes_over_too() {
    let apart = host("traefik: {host_port: 8080}").plan_ids().join("\n");
    assert!(apart.contains("a/traefik/traefik/start"), "{apart}");
    let boot = host("")
        .asks_for(json!({"name": "traefik boot"}))
        .plan_ids();
    assert_eq!(
        boot.iter().filter(|id| id.ends_with("/adopt")).count(),
        2,
        "{boot:?}"
    );
    assert!(
        boot.contains(&"a/traefik/traefik/replace".to_owned()),
        "{boot:?}"
    );
}

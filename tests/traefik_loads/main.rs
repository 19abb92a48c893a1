//! A real Traefik gets the arguments and the routing files of every valid configuration in `fixtures`, and of every recorded plan: it
//! starts, and finds no fault with any of its routers, services and middlewares. `bin/traefik` runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the Traefik that they test"
)]

#[path = "../erb_world/mod.rs"]
mod erb_world;
#[path = "../lab_settings/mod.rs"]
mod lab_settings;
mod sources;
mod traefik;

use std::collections::BTreeMap;
use std::sync::Mutex;

use sources::Setting;
use traefik::Running;

/// How many of them run at a time: each waits for most of its time.
const AT_ONCE: usize = 4;

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn traefik_loads_what_every_valid_configuration_becomes() {
    let mut seen: BTreeMap<Setting, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for source in sources::all() {
        match source.settings {
            Ok(settings) => {
                for setting in settings {
                    seen.entry(setting).or_default().push(source.name.clone());
                }
            }
            Err(why) => without.push((source.name, why)),
        }
    }
    assert!(without.is_empty(), "no plan: {without:#?}");
    assert!(seen.len() > 20, "{}", seen.len());
    let (all, files) = (
        seen.len(),
        seen.keys()
            .map(|setting| setting.files.len())
            .sum::<usize>(),
    );
    eprintln!("{all} settings of Traefik with {files} routing files");
    let queue = Mutex::new(seen.into_iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((setting, names)) = next else { break };
                    let faults = Running::start(&setting).faults();
                    eprintln!(
                        "{}: {}",
                        names.join(", "),
                        faults.first().map_or("loaded", String::as_str)
                    );
                    if !faults.is_empty() {
                        let what = format!("{}: {faults:#?}\n{setting:#?}", names.join(", "));
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    eprintln!("{all} were loaded");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What this looks for is found: a router, a middleware, a certificate and an argument that Traefik does not take.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_traefik_does_not_take_is_found() {
    let args = [
        "--providers.file.directory=/etc/mrsk/traefik",
        "--entrypoints.web.address=:80",
    ];
    let router = |text: &str| {
        format!(
            "http:\n  routers:\n    a:\n      service: a\n      {text}\n  services:\n    a:\n      loadBalancer:\n        servers:\n        - url: http://m-1:80\n"
        )
    };
    for (more, file, fault) in [
        ("--accesslog", router("rule: PathPrefix(`/`)"), None),
        (
            "--acesslog",
            router("rule: PathPrefix(`/`)"),
            Some("acesslog"),
        ),
        ("--accesslog", router("rule: Hots(`a`)"), Some("Hots")),
        (
            "--accesslog",
            router("rule: PathPrefix(`/`)\n      middlewares: [none]"),
            Some("none"),
        ),
        (
            "--accesslog",
            router("rule: PathPrefix(`/`)\n      entryPoints: [wbe]"),
            Some("wbe"),
        ),
        (
            "--accesslog",
            router("rule: PathPrefix(`/`)\n      tls: {certResolver: le}"),
            Some("le"),
        ),
        ("--accesslog", "http: [".to_owned(), Some("yaml")),
    ] {
        let setting = Setting {
            args: args.into_iter().chain([more]).map(str::to_owned).collect(),
            files: [("/etc/mrsk/traefik/a.yml".to_owned(), file.clone())].into(),
        };
        let faults = Running::start(&setting).faults().join("\n");
        match fault {
            None => assert_eq!(faults, ""),
            Some(fault) => assert!(faults.contains(fault), "{fault}: {faults}\n{file}"),
        }
    }
}

//! The probe, run by each shell that a host may have, with a stand-in for docker.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use mrsk::facts::model::Privilege;
use mrsk::facts::{Extent, ParseError, Query, SecretQuestion, parse, probe_script};
use mrsk::name::Sha256Hex;
use mrsk::secret::Secret;

mod engine;
#[path = "../facts_fake/mod.rs"]
mod facts_fake;
mod state;

use facts_fake::{Fake, which};

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

const VALUE: &str = "first\nsecond 'quoted' \"twice\" $HOME `id` \\n é\n\n";

fn query() -> Query {
    Query {
        service: "app".into(),
        repository: "registry:5000/app".into(),
        ports: vec![80],
        ..Query::default()
    }
}

fn container(id: &str, name: &str, labels: &str) -> String {
    format!(
        r#"container {{"id":"{id}","name":"/{name}","state":"running","health":"","image":"i","image_id":"sha256:1","labels":{{{labels}}},"networks":{{}},"created":"2026-11-23T18:55:41.5Z"}}"#
    )
}

#[test]
fn a_bare_host_answers() {
    let fake = Fake::bare();
    for shell in SHELLS {
        let facts = fake.ask(shell, &query());
        assert!(!facts.docker.installed && !facts.curl.installed);
        assert_eq!(facts.user, "app");
        assert_eq!(facts.privilege, Privilege::None);
        assert_eq!(facts.home, fake.path("home").to_str().unwrap());
        assert_eq!(facts.state_dir, format!("{}/.mrsk", facts.home));
        assert_eq!(
            facts.routing_directory,
            format!("{}/traefik", facts.state_dir)
        );
        assert_eq!(facts.package_manager, "");
        assert_eq!(facts.machine_id.len(), 32);
        assert!(facts.free_bytes > 0);
        assert_eq!(facts.lock, None);
        assert_eq!(fs::read_dir(fake.path("home")).unwrap().count(), 0);
    }
}

#[test]
fn credential_helpers_are_reported_and_nothing_else_of_dockers_configuration() {
    let fake = Fake::with_docker();
    let pretty = "{\n\t\"HttpHeaders\": {\"X\": {}},\n\t\"credHelpers\": {\n\t\t\"registry:5000\": \"c2VjcmV0\",\n\t\t\"https://index.docker.io/v1/\" : \"pass\"\n\t},\n\t\"auths\": {\"other\": {\"auth\": \"c2VjcmV0e30=\"}}\n}";
    let dense = r#"{"credsStore":"a\"b","auths":{"other:5000":{"auth":"c2VjcmV0e30=","identitytoken":"c2Vj{","x":{"c2VjcmV0":{}}},"auths":{}},"credHelpers":{"registry:5000":"c2VjcmV0","x":{"y":"z"},"https://index.docker.io/v1/":"z"}}"#;
    let broken = r#"{"credHelpers":{"registry:5000":"a","https://index.docker.io/v1/":"b"},"auths":{"x":{"auth":"c2Vjcm"#;
    for config in [pretty, dense, broken] {
        fake.file(".docker/config.json", config);
        for shell in SHELLS {
            let output = fake.run(shell, &probe_script(&query()).unwrap());
            assert!(!output.contains("c2Vj"), "{output}");
            let helpers = Vec::from_iter(parse(&output, &[]).unwrap().docker.helpers);
            assert_eq!(helpers, ["https://index.docker.io/v1/", "registry:5000"]);
        }
    }
}

#[test]
fn logins_that_are_kept_are_reported_by_their_registry_alone() {
    let fake = Fake::with_docker();
    let users = r#"{"auths":{"users:5000":{"auth":"c2VjcmV0"}}}"#;
    fake.file(".docker/config.json", users);
    fake.file(".mrsk/app@other/docker/config.json", users);
    for shell in SHELLS {
        assert!(fake.ask(shell, &query()).logins.is_empty());
    }
    let pretty = "{\n\t\"auths\": {\n\t\t\"registry:5000\": {\n\t\t\t\"auth\": \"c2VjcmV0\"\n\t\t},\n\t\t\"https://index.docker.io/v1/\" : {}\n\t}\n}";
    let dense = r#"{"credHelpers":{"other":"c2VjcmV0"},"auths":{"registry:5000":{"auth":"c2VjcmV0","x":{"c2Vj":{}}},"y":"c2VjcmV0","https://index.docker.io/v1/":{}},"x":{"z":{}}}"#;
    for config in [pretty, dense] {
        fake.file(".mrsk/app@/docker/config.json", config);
        for shell in SHELLS {
            let output = fake.run(shell, &probe_script(&query()).unwrap());
            assert!(!output.contains("c2Vj"), "{output}");
            let logins = Vec::from_iter(parse(&output, &[]).unwrap().logins);
            assert_eq!(logins, ["https://index.docker.io/v1/", "registry:5000"]);
        }
    }
}

#[test]
fn traefik_and_the_files_that_it_watches_are_found() {
    let fake = Fake::with_docker();
    let text = "url: http://m-0123456789abcdef:80\nurl: http://m-0123456789abcdef:80\nm-short\n";
    let watched = fake.file("etc dir/dynamic/mrsk-app-web.yml", text);
    let own = fake.file(".mrsk/traefik/mrsk-app-job.yml", "none\n");
    fake.file(".mrsk/traefik/other.yml", "m-0123456789abcdef");
    fake.file("etc dir/dynamic/by\nhand.toml", "");
    fake.answer(
        "ps",
        "tid no \"traefik\" \"0.0.0.0:80->80/tcp, :::80->80/tcp\"\nxid no \"other\" \"\"\npid no \"nginx\" \"0.0.0.0:81->80/tcp\"\n",
    );
    let home = fake.path("home");
    let inspected = format!(
        "{}\ntraefik {{\"name\":\"/traefik\",\"image\":\"traefik:v3\",\"args\":[\"--a\"]}}\nargument \"--Providers.File.directory=/etc/traefik/dynamic/\"\nsource \"/wrong\"\ndestination \"/etc\"\nsource \"{}\"\ndestination \"/etc/traefik\"\nsource \"/\"\ndestination \"/etc/traefik/dyn\"\n\n{}\n\n",
        container("tid", "traefik", ""),
        home.join("etc dir").display(),
        container("pid", "nginx", ""),
    );
    fake.answer("inspect", &inspected);
    let asked = Query {
        ports: vec![80, 81, 82],
        ..query()
    };
    for shell in SHELLS {
        let facts = fake.ask(shell, &asked);
        let traefik = facts.traefik.as_ref().unwrap();
        assert_eq!(traefik.container, "traefik");
        assert_eq!(
            traefik.directory,
            home.join("etc dir/dynamic").to_str().unwrap()
        );
        assert!(traefik.writable);
        assert_eq!(facts.routing_directory, traefik.directory);
        assert_eq!(Vec::from_iter(facts.files.keys()), [&own, &watched]);
        assert_eq!(
            Vec::from_iter(&facts.routing_files),
            [
                "by?hand.toml",
                "mrsk-app-job.yml",
                "mrsk-app-web.yml",
                "other.yml"
            ]
        );
        assert_eq!(
            facts.files[&watched].sha256,
            Sha256Hex::of(text.as_bytes()).as_str()
        );
        assert_eq!(
            facts.files[&watched].aliases,
            ["m-0123456789abcdef".to_owned()].into()
        );
        assert_eq!(facts.ports["80"].holder, "container traefik");
        assert_eq!(facts.ports["81"].holder, "container nginx");
        assert!(!facts.ports.contains_key("82"));
        assert_eq!(facts.containers.len(), 2);
    }
    let calls = fake.calls();
    assert!(calls.contains("\ntid\npid\n==") && !calls.contains("xid"));
}

/// Answers each request with `status`, for ever, on a port of this machine.
fn serve(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 1000];
                let length = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let expected = request.starts_with("GET /up?a=[b] ")
                    && request.contains("Host: localhost\r\n");
                let status = if expected { status } else { "400 No" };
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            });
        }
    });
    port
}

#[test]
fn health_and_requests_in_flight_are_asked_for() {
    let fake = Fake::with_docker();
    std::os::unix::fs::symlink(which("curl"), fake.path("bin/curl")).unwrap();
    let (well, sick) = (serve("200 OK"), serve("302 Found"));
    let _in_flight = [
        TcpStream::connect(("127.0.0.1", well)).unwrap(),
        TcpStream::connect(("127.0.0.1", well)).unwrap(),
    ];
    let process = std::process::id();
    let cases = [
        (
            "well",
            format!("@,127.0.0.1,127.0.0.9, \"{well} /up?a=[b]\""),
        ),
        ("sick", format!("@127.0.0.1, \"{sick} /up?a=[b]\"")),
        ("adrift", format!("@ \"{sick} /up\"")),
        ("hostile", "@127.0.0.1, \"$(id >&2) `id`\"".to_owned()),
        ("odd", format!("@127.0.0.1, \"{well}\"")),
    ];
    let mut listed = String::new();
    let mut inspected = String::new();
    for (name, rest) in &cases {
        listed += &format!("{name} yes \"{name}\" \"\"\n");
        inspected += &container(name, name, "");
        inspected += &format!("\nrunning {name} {process} {rest}\n\n");
    }
    fake.answer("ps", &listed);
    fake.answer("inspect", &inspected);
    for shell in SHELLS {
        let facts = fake.ask(shell, &query());
        let healthy: Vec<&str> = facts
            .containers
            .iter()
            .filter(|(_, container)| container.healthy)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(healthy, ["well"], "{shell:?}");
        assert_eq!(facts.containers["well"].in_flight, 2, "{shell:?}");
        assert_eq!(facts.containers["hostile"].in_flight, 0);
    }
}

#[test]
fn secrets_are_hashed_on_the_host_and_compared_here() {
    let fake = Fake::with_docker();
    let same = Secret::new(VALUE);
    let new = Secret::new("new");
    let empty = Secret::new("");
    let secrets = [
        ("ABSENT", &empty),
        ("CHANGED", &new),
        ("EMPTY", &empty),
        ("NOT A NAME", &new),
        ("SAME", &same),
    ];
    let salt = Sha256Hex::of(b"random");
    let entries = [
        format!("SAME={VALUE}"),
        "CHANGED=old".to_owned(),
        "EMPTY=".to_owned(),
    ];
    let mut environment = String::new();
    for entry in entries {
        environment += &format!("{entry}\n--{salt}\n");
    }
    environment += &format!("!id1\n--{salt}\n!id2\n--{salt}\n");
    fake.answer("env", &environment);
    fake.answer(
        "ps",
        "id1 yes \"a\" \"\"\nid2 yes \"b\" \"\"\nid3 yes \"c\" \"\"\n",
    );
    let inspected = format!(
        "{}\nquestion 0 id1\n\n{}\nquestion 0 id2\n\n{}\n",
        container("id1", "a", ""),
        container("id2", "b", ""),
        container("id3", "c", "")
    );
    fake.answer("inspect", &inspected);
    let asked = Query {
        secrets: vec![SecretQuestion::new("web", None, b"random", secrets)],
        ..query()
    };
    let script = probe_script(&asked).unwrap();
    let hashes = which("sha256sum");
    fs::remove_file(fake.path("bin/sha256sum")).unwrap();
    let spy = format!(
        "#!/bin/sh\n/usr/bin/env >> {0}/seen\necho \"$@\" >> {0}/seen\nexec {1} \"$@\"\n",
        fake.path("docker").display(),
        hashes.display()
    );
    fake.program("sha256sum", &spy);
    for shell in SHELLS {
        let exported = [
            ("mrsk_entry", "x"),
            ("mrsk_line", "x"),
            ("entry", "x"),
            ("line", "x"),
        ];
        let output = fake.run_with(shell, &script, &exported);
        let seen = fs::read_to_string(fake.path("docker/seen")).unwrap();
        let facts = parse(&output, &asked.secrets).unwrap();
        let differ = |name: &str| Vec::from_iter(facts.containers[name].secrets_differ.clone());
        assert_eq!(differ("a"), ["ABSENT", "CHANGED"], "{shell:?}");
        assert_eq!(differ("b"), ["ABSENT", "CHANGED", "EMPTY", "SAME"]);
        assert!(differ("c").is_empty());
        // What the host learns is the salt and names: no hash of a local value.
        for (_, value) in secrets {
            let salted = format!("{}{}\n", Sha256Hex::of(b"random"), value.reveal());
            assert!(!script.contains(Sha256Hex::of(salted.as_bytes()).as_str()));
        }
        for text in [&output, &script, &fake.calls(), &seen] {
            assert!(!text.contains("quoted") && !text.contains("=old"), "{text}");
        }
    }
}

#[test]
fn files_and_directories_of_accessories_are_reported() {
    let fake = Fake::bare();
    let text = fake.file("app-db/etc/my it's.cnf", "x");
    fake.file("app-db/.hidden", "y");
    let asked = Query {
        paths: vec![
            "~/app-db".into(),
            "~/app-db/etc/my it's.cnf".into(),
            "~/app-db/none".into(),
            "/none".into(),
            fake.path("home").to_str().unwrap().into(),
        ],
        ..query()
    };
    for shell in SHELLS {
        let facts = fake.ask(shell, &asked);
        let base = format!("{}/app-db", facts.home);
        assert_eq!(facts.directories[&base].entries, 2, "{shell:?}");
        assert_eq!(facts.directories[&facts.home].entries, 1);
        assert_eq!(facts.directories.len(), 2);
        assert_eq!(facts.files[&text].sha256, Sha256Hex::of(b"x").as_str());
        assert_eq!(facts.files.len(), 1);
    }
}

#[test]
fn further_images_are_reported_by_their_reference() {
    let fake = Fake::with_docker();
    fake.answer(
        "image",
        "[\"sha256:1\",[\"db@sha256:2\"],\"1970-01-01T00:01:00Z\"]\n",
    );
    let asked = Query {
        images: vec!["db:1".into()],
        ..query()
    };
    for shell in SHELLS {
        let facts = fake.ask(shell, &asked);
        let image = &facts.images["db:1"];
        assert_eq!((image.id.as_str(), image.created_at), ("sha256:1", 60));
        assert!(image.digests.contains("sha256:2"));
    }
}

#[test]
fn no_part_of_a_query_is_run() {
    let fake = Fake::with_docker();
    let hostile = "a'b\"; touch pwned; $(touch pwned) `touch pwned`\n{{.Config}} \\";
    let secret = Secret::new("x");
    let asked = Query {
        service: hostile.into(),
        destination: Some(hostile.into()),
        traefik: hostile.into(),
        containers: vec![hostile.into(), "*".into()],
        ports: vec![80],
        repository: hostile.into(),
        images: vec![hostile.into()],
        paths: vec![format!("~/{hostile}"), hostile.into()],
        secrets: vec![SecretQuestion::new(
            hostile,
            Some(hostile),
            hostile.as_bytes(),
            [(hostile, &secret), ("'$(touch${IFS}pwned)", &secret)],
        )],
        version: hostile.into(),
        ..Query::default()
    };
    fake.answer("ps", "id1 no \"*\" \"\"\n");
    fake.answer(
        "inspect",
        &format!("{}\nquestion 0 id1\n", container("id1", "a", "")),
    );
    for shell in SHELLS {
        fake.ask(shell, &asked);
        assert_eq!(
            fs::read_dir(fake.path("home")).unwrap().count(),
            0,
            "{shell:?}"
        );
    }
}

#[test]
fn a_script_that_arrives_in_part_does_nothing() {
    let fake = Fake::with_docker();
    let script = probe_script(&query()).unwrap();
    let last = script.trim_end().len();
    for cut in (1..last).step_by(97) {
        let Some(part) = script.get(..cut) else {
            continue;
        };
        let output = Command::new(which("dash"))
            .arg("-c")
            .arg(part)
            .env("PATH", fake.path("bin"))
            .env("FACTS_FAKE", fake.path("docker"))
            .output()
            .unwrap();
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fake.calls(), "");
}

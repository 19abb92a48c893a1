//! What is asked of the engine, and one that does not answer.

use std::os::unix::net::UnixListener;

use super::*;

/// Answers to each request on a socket of `fake` what stands for its path, with the status in front.
fn listen(fake: &Fake, answers: &'static [(&str, &str)]) -> String {
    let socket = fake.path("engine.sock");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = |mut stream: std::os::unix::net::UnixStream| {
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
        }
        let asked = String::from_utf8(asked).unwrap();
        let path = asked.split(' ').nth(1).unwrap();
        let (_, body) = answers.iter().find(|(of, _)| *of == path).unwrap();
        let (status, body) = body.split_once(' ').unwrap();
        write!(
            stream,
            "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}\n",
            body.len() + 1
        )
        .unwrap();
    };
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    format!("unix://{}", socket.display())
}

const IMAGES: &str = "/images/json?filters=%7B%22reference%22%3A%5B%22registry:5000/app%22%5D%7D";

/// In one connection, which costs the host a small part of what clients of docker do; and nothing else is learned.
#[test]
fn an_engine_is_asked_on_its_socket() {
    const ANSWERS: &[(&str, &str)] = &[
        (
            "/info",
            r#"200 {"ID":"x","DockerRootDir":"/","SecurityOptions":["name=seccomp,profile=builtin"],"ServerVersion":"20.10.24"}"#,
        ),
        (
            "/networks",
            r#"200 [{"Name":"bridge","Id":"1","Labels":{"Name":"no"}},{"Name":"mrsk","Id":"2"}]"#,
        ),
        (
            IMAGES,
            r#"200 [{"Id":"sha256:1","RepoTags":["registry:5000/app:v1","registry:5000/app:v2","registry:5000/app-other:v1"],"RepoDigests":["registry:5000/app@sha256:11","elsewhere/app@sha256:12"],"Created":1763924141},{"Id":"sha256:2","RepoTags":null,"RepoDigests":["registry:5000/app@sha256:22"],"Created":-62135596800},{"Id":"sha256:3","RepoTags":["registry:5000/app:v3"],"RepoDigests":[],"Created":1763924141},{"Id":"sha256:4","RepoTags":["other:v1"],"RepoDigests":null,"Created":1}]"#,
        ),
    ];
    let fake = Fake::with_docker();
    fake.answer("networks", "network \"bridge\"\nnetwork \"mrsk\"\n");
    fake.answer(
        "info",
        "/\n[\"20.10.24\",[\"name=seccomp,profile=builtin\"]]\n",
    );
    fake.answer(
        "images",
        "image [\"v1\",\"sha256:1\",\"sha256:11\",\"2025-11-23 18:55:41 +0000 UTC\"]\n\
         image [\"v2\",\"sha256:1\",\"sha256:11\",\"2025-11-23 18:55:41 +0000 UTC\"]\n\
         image [\"<none>\",\"sha256:2\",\"sha256:22\",\"N/A\"]\n\
         image [\"v3\",\"sha256:3\",\"<none>\",\"2025-11-23 18:55:41 +0000 UTC\"]\n",
    );
    let clients = fake.ask(SHELLS[0], &query());
    assert_eq!(clients.images.len(), 4, "{:?}", clients.images);
    std::os::unix::fs::symlink(which("curl"), fake.path("bin/curl")).unwrap();
    let socket = listen(&fake, ANSWERS);
    for shell in SHELLS {
        let before = fake.calls().matches("== ").count();
        let script = probe_script(&query()).unwrap();
        let output = fake.run_with(shell, &script, &[("DOCKER_HOST", &socket)]);
        assert_eq!(fake.calls().matches("== ").count(), before + 1, "{shell:?}");
        let facts = parse(&output, &[]).unwrap();
        assert_eq!(
            (&facts.images, &facts.networks, &facts.docker),
            (&clients.images, &clients.networks, &clients.docker),
            "{shell:?}"
        );
        assert!(facts.free_bytes > 0, "{shell:?}");
    }
}

#[test]
fn clients_are_asked_if_the_socket_does_not_answer_all() {
    const INFO: (&str, &str) = ("/info", r#"200 {"DockerRootDir":"/","ServerVersion":"1"}"#);
    const NETWORKS: (&str, &str) = ("/networks", "200 []");
    let fake = Fake::with_docker();
    std::os::unix::fs::symlink(which("curl"), fake.path("bin/curl")).unwrap();
    let tables: [&'static [(&str, &str)]; 4] = [
        &[("/info", "500 {}"), NETWORKS, (IMAGES, "200 []")],
        &[INFO, ("/networks", "404 {}"), (IMAGES, "200 []")],
        &[INFO, NETWORKS, (IMAGES, "500 [")],
        &[("/info", "200 {}"), NETWORKS, (IMAGES, "200 []")],
    ];
    for answers in tables {
        let socket = listen(&fake, answers);
        for shell in SHELLS {
            let script = probe_script(&query()).unwrap();
            let output = fake.run_with(shell, &script, &[("DOCKER_HOST", &socket)]);
            let facts = parse(&output, &[]).unwrap();
            assert_eq!(facts.docker.version, "20.10.24", "{shell:?} {answers:?}");
            assert!(facts.networks.contains("bridge"), "{shell:?} {answers:?}");
        }
    }
}

/// Nor does docker's client, whose context is another engine's.
#[test]
fn a_context_of_the_user_is_looked_at() {
    let fake = Fake::with_docker();
    fake.file(".docker/config.json", "{\"currentContext\": \"far\"}");
    fake.answer("context", "endpoint \"ssh://user@far\"\n");
    for shell in SHELLS {
        let docker = fake.ask(shell, &query()).docker;
        assert!(docker.unsupported.contains("(far)"), "{shell:?} {docker:?}");
    }
}

#[test]
fn an_engine_that_fails_in_part_is_an_error() {
    for missing in ["ps", "networks", "images"] {
        let fake = Fake::with_docker();
        fs::remove_file(fake.path("docker").join(missing)).unwrap();
        for shell in SHELLS {
            let output = fake.run(shell, &probe_script(&query()).unwrap());
            assert!(
                matches!(parse(&output, &[]), Err(ParseError::Incomplete(_))),
                "{output}"
            );
        }
    }
    let fake = Fake::with_docker();
    fake.answer("ps", "id1 yes \"app\" \"\"\nid2 yes \"app2\" \"\"\n");
    fake.answer("inspect", &container("id1", "app", ""));
    let output = fake.run(SHELLS[0], &probe_script(&query()).unwrap());
    assert_eq!(
        parse(&output, &[]),
        Err(ParseError::Incomplete("containers".into()))
    );
}

#[test]
fn an_engine_that_does_not_answer_is_reported() {
    let fake = Fake::with_docker();
    for answer in ["ps", "networks", "images", "info"] {
        fs::remove_file(fake.path("docker").join(answer)).unwrap();
    }
    for shell in SHELLS {
        let facts = fake.ask(shell, &query());
        assert!(facts.docker.installed && !facts.docker.answers);
        assert!(facts.free_bytes > 0);
    }
}

#[test]
fn an_engine_on_another_machine_is_not_asked() {
    let fake = Fake::with_docker();
    for shell in SHELLS {
        let remote = [("DOCKER_HOST", "ssh://user:word@elsewhere")];
        let output = fake.run_with(shell, &probe_script(&query()).unwrap(), &remote);
        let docker = parse(&output, &[]).unwrap().docker;
        assert!(
            !docker.answers && docker.unsupported.contains("(elsewhere)"),
            "{docker:?}"
        );
        assert!(!output.contains("word"));
    }
    assert_eq!(fake.calls(), "");
    let local = [("DOCKER_HOST", "unix:///run/docker.sock")];
    let output = fake.run_with(SHELLS[0], &probe_script(&query()).unwrap(), &local);
    assert!(parse(&output, &[]).unwrap().docker.answers);
}

#[test]
fn docker_is_asked_five_times_however_many_containers_there_are() {
    let fake = Fake::with_docker();
    let ids: Vec<String> = (0..50).map(|number| format!("id{number}")).collect();
    let listed: String = ids
        .iter()
        .map(|id| format!("{id} yes \"{id}\" \"\"\n"))
        .collect();
    let inspected: String = ids
        .iter()
        .map(|id| container(id, id, "\"service\":\"app\"") + "\n\n")
        .collect();
    fake.answer("ps", &listed);
    fake.answer("inspect", &inspected);
    let facts = fake.ask(SHELLS[0], &query());
    assert_eq!(facts.containers.len(), 50);
    assert_eq!(fake.calls().matches("== ").count(), 5);
}

#[test]
fn who_asks_for_the_state_does_not_ask_the_engine() {
    let fake = Fake::with_docker();
    let state = Query {
        extent: Extent::State,
        ..query()
    };
    for shell in SHELLS {
        let facts = fake.ask(shell, &state);
        assert_eq!(facts.user, "app", "{shell:?}");
        assert!(!facts.docker.installed, "{shell:?}");
    }
    assert_eq!(fake.calls(), "");
}

#[test]
fn a_kamal_proxy_that_runs_is_asked_what_it_serves() {
    let (proxy, web, shop) = (proxy_id(), "2".repeat(64), "3".repeat(64));
    let listed = |published: &str| {
        format!(
            "{proxy} no \"kamal-proxy\" \"{published}\"\n{web} no \"other-web-1\" \"\"\n{shop} no \"shop-web-1\" \"\"\n"
        )
    };
    let fake = Fake::with_docker();
    fake.program("tar", "#!/bin/sh\ncat\n");
    fake.answer("ps", &listed("0.0.0.0:80->80/tcp"));
    fake.answer(
        "inspect",
        &format!(
            "{}\n{}\n",
            container(&proxy, "kamal-proxy", ""),
            container(&web, "other-web-1", "")
        ),
    );
    fake.answer("certificates", "certs/\ncerts/ab/other.example\n");
    let header = "\u{1b}[3;94mService\u{1b}[0m    \u{1b}[3;94mHost\u{1b}[0m           \u{1b}[3;94mTarget\u{1b}[0m           \u{1b}[3;94mState\u{1b}[0m    \u{1b}[3;94mTLS\u{1b}[0m  \n";
    let row = |tls: &str| {
        format!("{header}other-web  other.example  222222222222:80  running  {tls}  \n")
    };
    for shell in SHELLS {
        fake.answer("ps", &listed("0.0.0.0:80->80/tcp"));
        fake.answer("proxied", &row("yes"));
        let facts = fake.ask(shell, &query());
        let proxy = facts.kamal_proxy.as_ref().unwrap();
        assert!(!proxy.unreadable);
        assert_eq!(Vec::from_iter(&proxy.certificates), ["ab/other.example"]);
        let target = &proxy.services["other-web"].targets[0];
        assert_eq!(
            (target.container.as_str(), target.port),
            ("other-web-1", 80)
        );
        assert_eq!(
            Vec::from_iter(facts.containers.keys()),
            ["kamal-proxy", "other-web-1"]
        );

        fake.answer("proxied", &row("no"));
        let facts = fake.ask(shell, &query());
        assert!(facts.kamal_proxy.unwrap().certificates.is_empty());

        fake.answer("proxied", "");
        fake.answer(
            "inspect",
            &format!("{}\n", container(&proxy_id(), "kamal-proxy", "")),
        );
        assert!(fake.ask(shell, &query()).kamal_proxy.unwrap().unreadable);

        fake.answer("ps", "");
        assert!(fake.ask(shell, &query()).kamal_proxy.is_none());
        fake.answer(
            "inspect",
            &format!(
                "{}\n{}\n",
                container(&proxy_id(), "kamal-proxy", ""),
                container(&web, "other-web-1", "")
            ),
        );
    }
}

fn proxy_id() -> String {
    "1".repeat(64)
}

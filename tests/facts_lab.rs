//! The probe on the hosts of the lab, over plain ssh.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

mod lab_settings;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use mrsk::facts::model::{ContainerState, Facts, HostFacts};
use mrsk::facts::{Query, SecretQuestion, parse, probe_script, same_machine};
use mrsk::name::HostName;
use mrsk::secret::Secret;

use lab_settings::lab;

const VALUE: &str = "first\nsecond 'quoted' \"twice\" $HOME `id` \\n é\n\n";

const REMOVE: &str = "docker rm -fv $(docker ps -aq --filter name=facts-test-) > /dev/null 2>&1
docker network rm facts-test > /dev/null 2>&1
docker rmi facts-test/app:v1 facts-test/app:v2 > /dev/null 2>&1
rm -rf /tmp/facts-test\n";

fn hosts(name: &str) -> Vec<String> {
    lab(name).split(',').map(str::to_owned).collect()
}

fn ssh(host: &str, shell: &str, script: &str) -> String {
    let mut child = Command::new("ssh")
        .args(["-F", &lab("LAB_SSH_CONFIG"), host, shell])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn ask(host: &str, shell: &str, query: &Query) -> HostFacts {
    let output = ssh(host, shell, &probe_script(query).unwrap());
    parse(&output, &query.secrets).unwrap_or_else(|error| panic!("{host}: {error}\n{output}"))
}

#[test]
#[ignore = "needs the lab"]
fn every_host_of_the_lab_answers_and_is_a_machine_of_its_own() {
    let query = Query {
        service: "facts-test".into(),
        ports: vec![22],
        ..Query::default()
    };
    let mut facts = Facts::default();
    for host in [hosts("LAB_HOSTS"), hosts("LAB_BARE")].concat() {
        let answer = ask(&host, "sh", &query);
        assert_eq!(answer.os, "debian");
        assert_eq!(answer.ports["22"].holder, "process");
        assert!(answer.free_bytes > 0);
        facts.hosts.insert(host.as_str().into(), answer);
    }
    assert_eq!(same_machine(&facts), []);
    let first = facts.hosts.values().next().unwrap().clone();
    facts.hosts.insert("zz".into(), first);
    let pairs = same_machine(&facts);
    assert_eq!(pairs.len(), 1);
    assert_eq!(pairs[0].1, HostName::from("zz"));
    for host in hosts("LAB_HOSTS") {
        let docker = &facts.hosts[host.as_str()].docker;
        assert!(
            docker.answers && docker.unsupported.is_empty(),
            "{docker:?}"
        );
    }
}

/// Removes what the test has made, also when it fails.
struct Containers(String);

impl Drop for Containers {
    fn drop(&mut self) {
        ssh(&self.0, "sh", REMOVE);
    }
}

#[test]
#[ignore = "needs the lab"]
fn containers_secrets_and_traefik_are_seen_as_they_are() {
    let host = hosts("LAB_HOSTS").swap_remove(1);
    ssh(&host, "sh", REMOVE);
    let containers = Containers(host.clone());
    let quoted = shell_words::quote(VALUE);
    let setup = include_str!("../fixtures/facts/lab-containers.sh");
    ssh(
        &host,
        "sh",
        &format!("SECRET={quoted}\nexport SECRET\n{setup}"),
    );

    let (same, new) = (Secret::new(VALUE), Secret::new("new"));
    let secrets = [("SECRET", &same), ("OTHER", &new)];
    let query = Query {
        service: "facts-test".into(),
        traefik: "facts-test-traefik".into(),
        ports: vec![8099],
        repository: "docker.io/facts-test/app".into(),
        secrets: vec![SecretQuestion::new("web", None, b"random", secrets)],
        ..Query::default()
    };
    let mut fastest = u128::MAX;
    for shell in ["dash", "bash", "busybox sh", "sh", "sh"] {
        let begun = Instant::now();
        let facts = ask(&host, shell, &query);
        fastest = fastest.min(begun.elapsed().as_millis());
        check(&facts);
    }
    eprintln!("the probe took {fastest} ms, with ssh's handshake");
    assert!(fastest < 1500, "{fastest} ms");
    drop(containers);
    assert!(ask(&host, "sh", &query).containers.is_empty());
}

fn check(facts: &HostFacts) {
    let web = &facts.containers["facts-test-web"];
    assert!(
        web.healthy && web.state == ContainerState::Running,
        "{web:?}"
    );
    assert_eq!(Vec::from_iter(&web.secrets_differ), ["OTHER"]);
    assert_eq!(web.labels["note"], "two\nlines \"quoted\"");
    assert_eq!(
        Vec::from_iter(&web.networks["facts-test"].aliases),
        ["m-0123456789abcdef"]
    );
    assert_eq!(web.in_flight, 0);
    let old = &facts.containers["facts-test-old"];
    assert!(
        !old.healthy && old.state == ContainerState::Created,
        "{old:?}"
    );
    assert!(!facts.containers["facts-test-sick"].healthy);
    assert_eq!(facts.ports["8099"].holder, "container facts-test-port");
    assert!(facts.networks.contains("facts-test"));
    assert_eq!(
        Vec::from_iter(facts.images.keys()),
        ["docker.io/facts-test/app:v1", "docker.io/facts-test/app:v2"]
    );
    let image = &facts.images["docker.io/facts-test/app:v1"];
    assert_eq!(image.id, web.image_id);
    assert!(image.created_at.abs_diff(web.created_at) < 600);
    let traefik = facts.traefik.as_ref().unwrap();
    assert_eq!(traefik.directory, "/tmp/facts-test/dynamic");
    assert!(traefik.writable);
    let file = &facts.files["/tmp/facts-test/dynamic/mrsk-facts-test-web.yml"];
    assert_eq!(Vec::from_iter(&file.aliases), ["m-0123456789abcdef"]);
}

use proptest::prelude::*;

use super::*;
use crate::facts::document;
use crate::facts::model::{ContainerState, Facts, Health};
use crate::secret::Secret;

fn answer(lines: &[&str]) -> Result<HostFacts, ParseError> {
    parse(&format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")), &[])
}

const CONTAINER: &str = r#"container {"id":"0123456789abcdef","name":"/app-web","state":"running","health":"","image":"app:1","image_id":"sha256:1","labels":{"note":"a\nmrsk-facts 1 end"},"networks":{"mrsk":{"Aliases":["m-1","0123456789ab"],"IPAddress":"172.18.0.2"},"bridge":{"Aliases":null}},"created":"1970-01-01T00:01:00.5Z","stopped":"1970-01-01T00:02:00Z"}"#;

const INFO: &str = r#"info ["20.10.24",["name=seccomp,profile=default"]]"#;

#[test]
fn an_answer_without_a_beginning_or_an_end_is_an_error() {
    assert_eq!(parse("", &[]), Err(ParseError::NotStarted));
    assert_eq!(parse("Welcome!\n", &[]), Err(ParseError::NotStarted));
    assert_eq!(
        parse(&format!("{BEGIN}\nhome /root\n"), &[]),
        Err(ParseError::Torn)
    );
    let torn = format!("{BEGIN}\nlock x\nmrsk-facts 1 en");
    assert_eq!(parse(&torn, &[]), Err(ParseError::Torn));
    let banner = format!("Welcome!\n{BEGIN}\nhome /root\n{END}\nbye\n");
    assert_eq!(parse(&banner, &[]).unwrap().home, "/root");
}

#[test]
fn what_is_said_of_a_container_finds_it_by_its_id() {
    let lines = [
        INFO,
        "asked 1",
        CONTAINER,
        "in_flight 0123456789abcdef 3",
        "healthy 0123456789abcdef",
        "hashed 0 0123456789abcdef OTHER=0",
    ];
    let value = Secret::new("value");
    let question = SecretQuestion::new("web", None, b"", [("KEY", &value)]);
    let text = format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"));
    // A host that was not asked cannot say anything about secrets.
    assert!(matches!(
        parse(&text, &[]),
        Err(ParseError::Line { line: 6, .. })
    ));
    let facts = parse(&text, &[question]).unwrap();
    let container = &facts.containers["app-web"];
    assert_eq!(container.labels["note"], "a\nmrsk-facts 1 end");
    assert_eq!(
        container.networks["mrsk"].aliases,
        ["m-1".to_owned()].into()
    );
    assert!(container.networks["bridge"].aliases.is_empty());
    assert_eq!((container.created_at, container.stopped_at), (60, 120));
    assert_eq!(container.in_flight, 3);
    assert!(container.healthy);
    assert_eq!(container.secrets_differ, ["KEY".to_owned()].into());
    assert_eq!(
        answer(&[INFO, "healthy 0123456789abcdef"]),
        Err(ParseError::Line {
            line: 2,
            tag: "healthy".into()
        })
    );
}

#[test]
fn an_unknown_state_is_named() {
    let with = |from: &str, to: &str| answer(&[INFO, "asked 1", &CONTAINER.replace(from, to)]);
    let removing = with(r#""state":"running""#, r#""state":"removing""#).unwrap();
    assert_eq!(
        removing.containers["app-web"].state,
        ContainerState::Removing
    );
    let none = with(r#""health":"""#, r#""health":"none""#).unwrap();
    assert_eq!(none.containers["app-web"].health, Health::None);
    for (from, to, expected) in [
        (
            r#""state":"running""#,
            r#""state":"asleep""#,
            r#"container `app-web`: unknown state "asleep"; update mrsk or remove the container"#,
        ),
        (
            r#""health":"""#,
            r#""health":"ill""#,
            r#"container `app-web`: unknown health "ill"; update mrsk or remove the container"#,
        ),
    ] {
        assert_eq!(with(from, to).unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_engine_that_answers_in_part_is_an_error() {
    let incomplete = |what: &str| Err(ParseError::Incomplete(what.to_owned()));
    assert_eq!(
        answer(&[INFO, "asked 2", CONTAINER]),
        incomplete("containers")
    );
    assert_eq!(answer(&[INFO, "failed images"]), incomplete("images"));
    let silent = answer(&["docker yes", "info ", "failed containers"]).unwrap();
    assert!(silent.docker.installed && !silent.docker.answers);
}

#[test]
fn an_engine_that_mrsk_cannot_use_is_named() {
    let secure = |options: &str| format!(r#"info ["1",[{options}]]"#);
    let table = [
        (secure(r#""name=rootless""#), "the engine is rootless"),
        (
            secure(r#""name=seccomp,profile=default","name=userns""#),
            "the engine remaps user ids (userns-remap)",
        ),
        (
            "remote ssh://elsewhere".to_owned(),
            "DOCKER_HOST points to another machine (ssh://elsewhere)",
        ),
        (
            r#"endpoint "ssh://user:word@elsewhere""#.to_owned(),
            "docker's context points to another machine (elsewhere)",
        ),
        (r#"endpoint "unix:///run/docker.sock""#.to_owned(), ""),
    ];
    for (line, expected) in table {
        assert_eq!(answer(&[&line]).unwrap().docker.unsupported, expected);
    }
}

#[test]
fn a_published_port_belongs_to_its_container_and_any_other_to_a_process() {
    let facts = answer(&[
        "wanted 22 80 90 91 81",
        "listen 0050",
        "listen 1F90",
        "listen 0016",
        r#"published "linked/alias,web" "0.0.0.0:80->80/tcp, [::]:90-91->90-91/tcp, 0.0.0.0:53->53/udp, 443/tcp""#,
    ])
    .unwrap();
    let holders: Vec<(&str, &str)> = facts
        .ports
        .iter()
        .map(|(port, facts)| (port.as_str(), facts.holder.as_str()))
        .collect();
    assert_eq!(
        holders,
        [
            ("22", "process"),
            ("80", "container web"),
            ("90", "container web"),
            ("91", "container web"),
        ]
    );
}

#[test]
fn runs_that_are_not_finished_are_unfinished() {
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let facts = answer(&[
        &format!("serial 3 sha256:{a}"),
        &format!("finished sha256:{a} 2026-11-23"),
        &format!("begun {a}"),
        &format!("begun {b}"),
        "begun lost+found",
    ])
    .unwrap();
    assert_eq!(facts.serial.number, 3);
    assert_eq!(
        facts.serial.plan,
        Some(PlanDigest::from(format!("sha256:{a}")))
    );
    assert_eq!(
        facts.finished,
        [PlanDigest::from(format!("sha256:{a}"))].into()
    );
    assert_eq!(
        facts.unfinished,
        [PlanDigest::from(format!("sha256:{b}"))].into()
    );
}

#[test]
fn images_are_known_by_their_references() {
    let facts = answer(&[
        "repository r/app",
        r#"image ["v1","sha256:1","sha256:d1","1970-01-01 01:01:00 +0100 CET"]"#,
        r#"image ["v1","sha256:1","sha256:d2","1970-01-01 01:01:00 +0100 CET"]"#,
        r#"image ["v2","sha256:1","<none>","1970-01-01 00:01:00 +0000 UTC"]"#,
        r#"image ["<none>","sha256:2","sha256:d3","1970-01-01 00:01:00 +0000 UTC"]"#,
    ])
    .unwrap();
    let keys: Vec<&String> = facts.images.keys().collect();
    assert_eq!(keys, ["r/app:v1", "r/app:v2", "r/app@sha256:d3"]);
    assert_eq!(facts.images["r/app:v1"].digests.len(), 2);
    assert_eq!(facts.images["r/app:v1"].created_at, 60);
    assert!(facts.images["r/app:v2"].digests.is_empty());
}

#[test]
fn a_lock_is_decoded_where_it_can_be() {
    for (line, expected) in [
        ("lock TG9ja2VkCg==", "Locked\n"),
        ("lock not base64!", "not base64!"),
        ("lock ", ""),
    ] {
        assert_eq!(answer(&[line]).unwrap().lock.as_deref(), Some(expected));
    }
}

#[test]
fn clones_that_differ_in_one_respect_are_different_machines() {
    let machine = |id: &str, name: &str, key: &str| {
        answer(&[
            &format!("machine_id {id}"),
            &format!("hostname {name}"),
            &format!("host_key ssh-ed25519 {key} root@x"),
        ])
        .unwrap()
        .machine_id
    };
    let one = machine("a", "b", "c");
    assert_eq!(one.len(), 32);
    assert_eq!(one, machine("a", "b", "c"));
    for other in [
        machine("x", "b", "c"),
        machine("a", "x", "c"),
        machine("a", "b", "x"),
    ] {
        assert_ne!(one, other);
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic_or_makes_a_document_that_cannot_be_read(
        lines in prop::collection::vec(
            (
                "home|state_dir|watched|serial|space|file|alias|finished|begun|lock|info|login|published|listen|asked|container|in_flight|healthy|hashed|traefik|network|image|endpoint|[a-z]{1,5}",
                r#"[\PC]{0,40}|"[,/\PC]{0,9}" "[-0-9:>/é]{0,20}"|\["[^"]{0,3}",("[^"]{0,9}"|null),"[^"]{0,9}","[^"]{0,30}"\]|[0-9é% ]{0,30}|[0-9a-f]{64}  /?[a-zé]{0,3}|/[a-z]{0,2}:m-1"#,
            ),
            0..20,
        )
    ) {
        let lines: Vec<String> = lines.iter().map(|(tag, text)| format!("{tag} {text}")).collect();
        let _ = parse(&format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")), &[]);
        for line in lines {
            if let Ok(host) = answer(&["state_dir /s", &line]) {
                let facts = Facts {
                    format_version: document::FORMAT_VERSION.into(),
                    hosts: [("h".into(), host)].into(),
                    ..Facts::default()
                };
                let text = document::print(&facts).unwrap();
                prop_assert_eq!(document::read(&text).unwrap(), facts);
            }
        }
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error(cut in 0..500usize) {
        let whole = format!("{BEGIN}\n{INFO}\nasked 1\n{CONTAINER}\n{END}");
        let cut = cut.min(whole.len() - 1);
        if let Some(part) = whole.get(..cut) {
            prop_assert!(parse(part, &[]).is_err());
        }
    }
}

#[test]
fn only_files_with_a_plain_name_are_taken() {
    let hash = "0".repeat(64);
    let facts = answer(&[
        &format!("file {hash}  /d/mrsk-a b.yml"),
        &format!("file \\{hash}  /d/mrsk-x\\ny.yml"),
        "file y.yml",
        "alias /d/mrsk-a b.yml:m-0123456789abcdef",
        "alias /d/other:m-0123456789abcdef",
    ])
    .unwrap();
    assert_eq!(Vec::from_iter(facts.files.keys()), ["/d/mrsk-a b.yml"]);
    assert_eq!(facts.files["/d/mrsk-a b.yml"].aliases.len(), 1);
}

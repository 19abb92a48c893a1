//! What is asked of the engine, and one that does not answer.

use super::*;

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
fn docker_is_asked_six_times_however_many_containers_there_are() {
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
    assert_eq!(fake.calls().matches("== ").count(), 6);
}

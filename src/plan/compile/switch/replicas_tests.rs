use serde_json::{Value, json};

use super::run;
use crate::plan::StepKind;
use crate::plan::compile::Decision;
use crate::plan::compile::testing::{Case, case, running};
use crate::text::action_line;

const FILE: &str = "/s/traefik/mrsk-app@web.yml";

const ONE: &str = "m-1111111111111111";

const TWO: &str = "m-2222222222222222";

/// A routing file of which the probe is the second's.
const OLD: &str = "Host(`m-2222222222222222.mrsk.internal`) m-1111111111111111";

/// Returns the container of this number at `version`, which runs.
fn replica(version: &str, index: u32, alias: &str) -> Value {
    let mut container = running(version, 10);
    container["id"] = format!("id-{version}-{index}").into();
    if index > 0 {
        container["labels"]["mrsk.replica"] = index.to_string().into();
    }
    container["networks"]["mrsk"]["aliases"] = json!([alias]);
    container
}

/// Returns a deploy of version 2 with so many containers where two of version 1 serve.
fn two(config: &str) -> Case {
    case(config).a(json!({
        "containers": {"app-web-1": replica("1", 0, ONE), "app-web-1-1": replica("1", 1, TWO)},
        "files": {FILE: {
            "sha256": crate::name::Sha256Hex::of(OLD.as_bytes()).as_str(), "text": OLD, "aliases": [ONE, TWO],
        }},
        "serial": {"number": 4},
    }))
}

fn replicas(number: u32) -> String {
    format!("servers: {{web: {{hosts: [a], replicas: {number}}}}}")
}

/// Returns the servers of each routing file that the case writes, in order, as the names of what they were or will be.
fn servers(case: &Case) -> Vec<String> {
    case.look(&[run], |draft| {
        let named: Vec<(String, String)> = draft
            .placements
            .iter()
            .map(|one| (one.alias.clone(), format!("new{}", one.index)))
            .chain([(ONE.into(), "old0".into()), (TWO.into(), "old1".into())])
            .collect();
        let routes = draft
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::Route);
        let texts = routes.map(|step| {
            let written = step.action.iter().find_map(|action| match action {
                crate::action::Action::Write(write) => Some(&draft.contents[&write.content]),
                _ => None,
            });
            let servers = written
                .unwrap()
                .lines()
                .filter(|line| line.contains("url: "));
            let servers = servers.map(|line| {
                let found = named
                    .iter()
                    .find(|(alias, _)| line.contains(alias.as_str()));
                found.map_or(line, |(_, name)| name)
            });
            Vec::from_iter(servers).join(" ")
        });
        texts.collect()
    })
}

/// Returns the ids of the steps without host and role.
fn steps(case: &Case) -> Vec<String> {
    let ids = case.after(&[run]).ids().into_iter();
    ids.map(|id| id.replace("a/web/", "").replace("app-web-", ""))
        .collect()
}

#[test]
fn containers_are_switched_one_after_the_other() {
    let case = two(&replicas(2));
    assert_eq!(
        steps(&case),
        [
            "2/start",
            "2/healthcheck <- 2/start",
            "2/route <- 2/healthcheck",
            "1/drain <- 2/route",
            "1/stop <- 1/drain",
            "2-1/start <- 1/stop",
            "2-1/healthcheck <- 2-1/start",
            "2-1/route <- 2-1/healthcheck",
            "1-1/drain <- 2-1/route",
            "1-1/stop <- 1-1/drain",
        ]
    );
    assert_eq!(servers(&case), ["new0 old1", "new1 new0"]);
    let made = case.after(&[run]);
    let safe = made.steps.iter().map(|step| step.safe_point);
    let safe: Vec<usize> = safe
        .enumerate()
        .filter(|(_, safe)| *safe)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(safe, [0, 5]);
    let created = made.actions("2-1/start");
    assert!(
        created[0].ends_with("--filter 'label=mrsk.replica=1'"),
        "{created:?}"
    );
    assert!(
        created[1].contains(" --label 'mrsk.replica=1' "),
        "{created:?}"
    );
    let created = made.actions("app-web-2/start");
    assert!(
        created[0].ends_with("--filter 'label=mrsk.replica=0'"),
        "{created:?}"
    );
    assert!(
        created[1].contains(" --label 'mrsk.replica=0' "),
        "{created:?}"
    );
    let unlike = created[0].matches("label!=").count();
    assert_eq!(
        unlike, 1,
        "docker spares what has the labels of all of these"
    );
}

#[test]
fn what_fails_goes_back_to_the_file_before_it() {
    two(&replicas(2)).look(&[run], |draft| {
        let routes: Vec<_> = draft
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::Route)
            .collect();
        let text = |lines: &[crate::action::Action]| {
            lines.iter().find_map(|action| match action {
                crate::action::Action::Write(write) => Some(draft.contents[&write.content].clone()),
                _ => None,
            })
        };
        let [first, second] = routes.as_slice() else {
            panic!()
        };
        assert_eq!(text(&first.cleanup).as_deref(), Some(OLD));
        assert_eq!(text(&second.cleanup), text(&first.action));
        let drain = draft
            .steps
            .iter()
            .rfind(|step| step.kind == StepKind::Drain)
            .unwrap();
        assert_eq!(text(&drain.cleanup), text(&first.action));
    });
}

#[test]
fn more_and_fewer_containers_converge() {
    assert_eq!(
        servers(&two(&replicas(3))),
        ["new0 old1", "new1 new0", "new2 new0 new1"]
    );
    let fewer = two(&replicas(1));
    assert_eq!(servers(&fewer), ["new0"]);
    let fewer = steps(&fewer);
    assert_eq!(
        fewer[3..],
        [
            "1-1/drain <- 2/route",
            "1-1/stop <- 1-1/drain",
            "1/drain <- 1-1/stop",
            "1/stop <- 1/drain"
        ]
    );
}

/// Returns a deploy of version 2 with so many containers where `running` of version 2 serve, made from the same configuration.
fn same(wanted: u32, running: u32) -> Case {
    let digests = case(&replicas(running)).look(&[], |draft| {
        let placements = draft.placements.iter();
        Vec::from_iter(placements.map(|one| one.create.digest.to_string()))
    });
    let aliases = [ONE, TWO, "m-3333333333333333"];
    let mut containers = serde_json::Map::new();
    for (index, (digest, alias)) in (0..).zip(digests.iter().zip(aliases)) {
        let mut container = replica("2", index, alias);
        container["labels"]["mrsk.create"] = digest.as_str().into();
        let name = match index {
            0 => "app-web-2".to_owned(),
            index => format!("app-web-2-{index}"),
        };
        containers.insert(name, container);
    }
    let aliases = &aliases[..running as usize];
    case(&replicas(wanted)).a(json!({
        "containers": containers,
        "files": {FILE: {
            "sha256": crate::name::Sha256Hex::of(b"old").as_str(), "text": "old", "aliases": aliases,
        }},
    }))
}

#[test]
fn another_number_of_the_same_version_keeps_those_that_run() {
    assert_eq!(steps(&same(2, 2)), Vec::<String>::new());
    assert_eq!(
        steps(&same(3, 2)),
        [
            "2-2/start",
            "2-2/healthcheck <- 2-2/start",
            "2-2/route <- 2-2/healthcheck"
        ]
    );
    assert_eq!(servers(&same(3, 2)), ["new2 new0 new1"]);
    assert_eq!(
        steps(&same(1, 3)),
        [
            "2/healthcheck",
            "2/route <- 2/healthcheck",
            "2-2/drain <- 2/route",
            "2-2/stop <- 2-2/drain",
            "2-1/drain <- 2-2/stop",
            "2-1/stop <- 2-1/drain",
        ]
    );
    assert_eq!(servers(&same(1, 3)), ["new0"]);
    let why = same(3, 2).after(&[run]).why("2-2/start");
    assert_eq!(why, r#"{"missing":{"what":"container 3 of 3"}}"#);
}

#[test]
fn a_run_that_stopped_between_two_containers_is_gone_on_with() {
    let mut case = same(2, 1);
    case = case.a(json!({
        "containers": {"app-web-1-1": replica("1", 1, TWO)},
        "files": {FILE: {"aliases": [ONE, TWO]}},
    }));
    assert_eq!(
        steps(&case),
        [
            "2-1/start",
            "2-1/healthcheck <- 2-1/start",
            "2-1/route <- 2-1/healthcheck",
            "1-1/drain <- 2-1/route",
            "1-1/stop <- 1-1/drain",
        ]
    );
    assert_eq!(servers(&case), ["new1 new0"]);
}

#[test]
fn a_group_counts_hosts() {
    let config = "boot: {limit: 1}\nservers: {web: {hosts: [a, b], replicas: 2}}";
    let made = case(config).after(&[run]);
    let gate = made.step("web-group-1/open");
    assert_eq!(gate.summary, "Wait for 1 host of web to switch");
    assert_eq!(gate.needs.len(), 1);
    let next = made.step("b/web/app-web-2/start");
    assert_eq!(next.needs[0].step, gate.id);
}

#[test]
fn a_rollback_starts_each_container_again() {
    let stopped = |index, alias| {
        let mut container = replica("1", index, alias);
        container["state"] = "exited".into();
        container["healthy"] = false.into();
        container["stopped_at"] = 20.into();
        container
    };
    let case = same(2, 2)
        .a(json!({"containers": {"app-web-1": stopped(0, ONE), "app-web-1-1": stopped(1, TWO)}}))
        .asks_for(json!({"name": "rollback", "version": "1"}));
    let plan = case.plan().unwrap();
    let started: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Start)
        .flat_map(|step| step.action.iter().map(action_line))
        .collect();
    assert_eq!(
        started,
        ["docker start app-web-1", "docker start app-web-1-1"]
    );
}

#[test]
fn a_container_whose_name_another_version_has_takes_its_place() {
    let mut other = replica("2-1", 0, ONE);
    other["state"] = "exited".into();
    let case = case(&replicas(2)).a(json!({"containers": {"app-web-2-1": other}}));
    case.look(&[], |draft| {
        let second = &draft.placements[1];
        assert!(matches!(
            second.decision,
            Decision::Replace {
                remove_first: true,
                ..
            }
        ));
    });
}

#[test]
fn the_undo_starts_all_again_before_it_routes() {
    let (_, undo) = two(&replicas(3)).undo().unwrap();
    let ids = undo
        .steps
        .iter()
        .map(|step| step.id.as_str().replace("a/web/app-web-", ""));
    assert_eq!(
        Vec::from_iter(ids),
        [
            "1/start",
            "1/healthcheck",
            "1-1/start",
            "1-1/healthcheck",
            "1/route",
            "2/drain",
            "2/stop",
            "2-1/drain",
            "2-1/stop",
            "2-2/drain",
            "2-2/stop",
        ]
    );
    let route = undo
        .steps
        .iter()
        .find(|step| step.kind == StepKind::Route)
        .unwrap();
    assert_eq!(route.needs.len(), 2);
    assert_eq!(undo.version.as_deref(), Some("1"));
    // The file of before names the container that was routed last.
    let proof = route.action.iter().find_map(|action| match action {
        crate::action::Action::Poll(poll) => poll.expect.as_deref(),
        _ => None,
    });
    assert_eq!(proof, Some("app-web-1-1"));
    let stop = undo
        .steps
        .iter()
        .find(|step| step.id.as_str().ends_with("2-2/drain"))
        .unwrap();
    assert!(stop.needs.iter().any(|need| need.step == route.id));
}

#[test]
fn the_undo_of_another_number_brings_back_the_number_before() {
    let ids = |case: &Case| {
        let (_, undo) = case.undo().unwrap();
        let ids = undo
            .steps
            .iter()
            .map(|step| step.id.as_str().replace("a/web/app-web-", ""));
        Vec::from_iter(ids).join(", ")
    };
    assert_eq!(
        ids(&same(2, 1)),
        "2/healthcheck, 2/route, 2-1/drain, 2-1/stop"
    );
    assert_eq!(
        ids(&same(1, 3)),
        "2-1/start, 2-1/healthcheck, 2-2/start, 2-2/healthcheck, 2-1/route"
    );
}

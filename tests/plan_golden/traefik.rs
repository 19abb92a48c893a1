//! What a plan does about the Traefik that runs.

use mrsk::plan::StepKind;

use crate::plan_support::{ancestors, scenario};
use crate::{find, refusals};

#[test]
fn a_traefik_that_serves_is_replaced_only_within_the_switch_of_its_host() {
    let plan = scenario("original-traefik").plan();
    let gate = plan
        .steps
        .iter()
        .find(|step| step.kind == StepKind::Barrier);
    let gate = &gate.expect("there is a canary").id;
    let replaced = |verb: &str| {
        let mut steps = plan.steps.iter().filter(|step| {
            step.kind == StepKind::Traefik && step.id.as_str().starts_with("app2.example.com/")
        });
        steps
            .find(|step| step.id.as_str().ends_with(verb))
            .expect(verb)
    };
    let replacement = ancestors(&plan, replaced("/replace"));
    assert!(replacement.contains(gate));
    assert!(
        replacement
            .iter()
            .any(|step| step.as_str().ends_with("/adopt")),
        "what serves has its routing file first"
    );
    let start = find(&plan, "app2.example.com", StepKind::Start);
    assert!(ancestors(&plan, start).contains(&replaced("/rename").id));
    for host in ["app1.example.com", "app2.example.com"] {
        assert!(
            plan.warnings
                .iter()
                .any(|text| text.contains(host) && text.contains("every request"))
        );
    }
}

#[test]
fn an_entrypoint_that_traefik_lacks_is_refused() {
    let mut scenario = scenario("labels-and-build-options");
    let label = "traefik.http.routers.hey-web.entrypoints";
    let labels = &mut scenario.config.roles[0].labels;
    labels.insert(label.into(), "web,websecure".into());
    let there = refusals(&scenario);
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(
        there[0].message,
        format!(
            "host app1.example.com: label `{label}`: the running Traefik has no entrypoint `websecure`"
        )
    );
    let help = there[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("mrsk traefik reboot"), "{help}");

    for facts in scenario.facts.hosts.values_mut() {
        facts.traefik = None;
        facts.containers.remove("traefik");
    }
    let not_yet = refusals(&scenario);
    assert_eq!(not_yet.len(), 1, "{not_yet:?}");
    let help = not_yet[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("entrypoints.websecure.address"), "{help}");

    let declared = mrsk::config::model::DockerOption {
        name: "entrypoints.websecure.address".into(),
        value: Some(":443".into()),
    };
    scenario.config.traefik.args.push(declared);
    let both = refusals(&scenario);
    let help = both[0].help.as_deref().unwrap_or_default();
    assert!(help.starts_with("it will have `websecure`;"), "{help}");
    let labels = &mut scenario.config.roles[0].labels;
    labels.insert(label.into(), "websecure".into());
    let warnings = scenario.plan().warnings;
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("listens on port 80")),
        "{warnings:?}"
    );
}

#[test]
fn a_port_that_the_running_traefik_does_not_publish_is_told() {
    let mut scenario = scenario("labels-and-build-options");
    scenario.config.traefik.host_port = 8080;
    let warnings = scenario.plan().warnings;
    let told = [
        "host app1.example.com: Traefik differs from deploy.yml",
        "host app1.example.com: that Traefik does not publish port 8080 of deploy.yml: requests to it fail",
    ];
    for text in told {
        assert!(
            warnings.iter().any(|warning| warning.starts_with(text)),
            "{warnings:?}"
        );
    }
}

#[test]
fn what_others_rely_on_survives_the_replacement_of_traefik() {
    let mut scenario = scenario("original-traefik");
    for facts in scenario.facts.hosts.values_mut() {
        let traefik = facts.containers.get_mut("traefik").expect("it runs");
        for network in ["theirs", "gone", "bridge"] {
            traefik.networks.insert(network.into(), Default::default());
        }
        facts.networks.insert("theirs".into());
    }
    let plan = scenario.plan();
    let id = "app1.example.com/traefik/traefik/replace";
    let step = plan.steps.iter().find(|step| step.id.as_str() == id);
    let step = step.expect("Traefik is replaced");
    let text = serde_json::to_string(&step.action).expect("actions are JSON");
    let theirs = r#"["docker","network","connect","theirs","traefik_new"]"#;
    let start = r#"["docker","start","traefik_new"]"#;
    assert!(
        text.find(theirs) < text.find(start) && text.contains(theirs),
        "{text}"
    );
    assert!(!text.contains("gone") && !text.contains("bridge"), "{text}");
}

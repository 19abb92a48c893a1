//! Plans for tests of a run.

use serde_json::json;

use crate::name::{HostName, StepId};
use crate::plan::predicate::Predicate;
use crate::plan::{
    Barrier, Check, Need, NeedOn, OnFailure, Plan, PlanHost, Reason, SshRoute, Step, StepKind,
};

pub fn step(id: &str, needs: &[&str]) -> Step {
    let host = id.split('/').next().filter(|host| *host != "local");
    let need = |id: &&str| Need {
        step: StepId::from(id.trim_start_matches('~')),
        on: match id.starts_with('~') {
            true => NeedOn::Settled,
            false => NeedOn::Success,
        },
    };
    Step {
        id: StepId::from(id),
        kind: StepKind::Start,
        host: host.map(HostName::from),
        role: None,
        accessory: None,
        summary: String::new(),
        why: Reason::Requested,
        needs: needs.iter().map(need).collect(),
        action: Vec::new(),
        barrier: None,
        secrets: Vec::new(),
        check: Some(match host {
            Some(_) => Check::Facts(vec![Predicate::eq(&["files", id, "sha256"], "1")]),
            None => Check::Argv(vec!["check".into()]),
        }),
        unless: Vec::new(),
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        on_failure: OnFailure::StopHost,
        shared_lock: false,
        safe_point: true,
        timeout_seconds: 0,
        idle_timeout_seconds: 0,
        retry: 0,
    }
}

pub fn barrier(id: &str, needs: &[&str], at_most_failed: u32, wait_seconds: u32) -> Step {
    Step {
        kind: StepKind::Barrier,
        check: None,
        barrier: Some(Barrier {
            at_most_failed,
            wait_seconds,
        }),
        ..step(id, needs)
    }
}

/// The switch of a host: its start is a safe point, and what follows is not.
pub fn switch(host: &str) -> Vec<Step> {
    let id = |rest: &str| format!("{host}/{rest}");
    let mut steps = vec![
        step(&id("pull"), &[]),
        step(&id("start"), &[&id("pull")]),
        step(&id("route"), &[&id("start")]),
        step(&id("stop"), &[&id("route")]),
    ];
    for step in &mut steps[2..] {
        step.safe_point = false;
    }
    steps
}

/// The switch of a host with the kinds that its steps have.
pub fn whole_switch(host: &str) -> Vec<Step> {
    let kinds = [
        ("pull", StepKind::Pull),
        ("start", StepKind::Start),
        ("healthcheck", StepKind::Healthcheck),
        ("route", StepKind::Route),
        ("drain", StepKind::Drain),
        ("stop", StepKind::Stop),
    ];
    let mut steps: Vec<Step> = Vec::new();
    for (name, kind) in kinds {
        let before = steps.last().map(|step| step.id.to_string());
        let needs: Vec<&str> = before.iter().map(String::as_str).collect();
        steps.push(Step {
            kind,
            safe_point: matches!(kind, StepKind::Pull | StepKind::Start),
            ..step(&format!("{host}/{name}"), &needs)
        });
    }
    steps
}

pub fn plan(steps: Vec<Step>) -> Plan {
    let document = json!({
        "format_version": "1.0",
        "operation": {"name": "deploy", "version": "1"},
        "service": "app", "version": "1", "image": {"reference": "app:1"},
        "config": {"path": "deploy.yml", "sha256": ""},
        "secrets": [], "lock_host": "a", "hosts": {}, "contents": {}, "steps": [],
        "unchanged": [], "warnings": [], "digest": "sha256:1"
    });
    let mut plan: Plan = serde_json::from_value(document).unwrap();
    for host in steps.iter().filter_map(|step| step.host.clone()) {
        let ssh = SshRoute {
            user: "root".into(),
            port: None,
            proxy: None,
            proxy_command: None,
            keys: Vec::new(),
            key_data: Vec::new(),
            keys_only: false,
            no_config: false,
        };
        let host_of_plan = PlanHost {
            ssh,
            host_keys: Vec::new(),
            roles: Vec::new(),
            state_dir: None,
            serial: 0,
            unfinished: None,
            relies_on: Vec::new(),
        };
        plan.hosts.insert(host, host_of_plan);
    }
    plan.steps = steps;
    plan
}

pub fn two_switches() -> Plan {
    let mut steps = switch("a");
    steps.extend(switch("b"));
    plan(steps)
}

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::apply::state::{SkipReason, StepSummary};
use crate::plan::Plan;
use crate::record::Ending;
use crate::report::Verbosity;
use crate::text::Styling;

/// Returns the plan of a stop on one host.
fn stop() -> Plan {
    let step = |kind: &str| {
        json!({
            "id": format!("a/web/app/{kind}"), "kind": kind, "host": "a", "role": "web",
            "summary": kind, "why": "requested", "needs": [], "on_failure": "stop_host",
            "timeout_seconds": 1,
        })
    };
    let mut release = step("release");
    release["role"] = json!("jobs");
    let route = json!({
        "ssh": {"user": "root"}, "host_keys": [], "roles": [], "serial": 0, "relies_on": [],
    });
    serde_json::from_value(json!({
        "format_version": "1.0", "operation": {"name": "app stop"}, "service": "app",
        "image": {"reference": "app"}, "config": {"path": "d", "sha256": ""}, "secrets": [],
        "lock_host": "a", "hosts": {"a": route}, "contents": {},
        "steps": [step("unroute"), step("drain"), step("stop"), release],
        "unchanged": [], "warnings": [], "digest": "",
    }))
    .unwrap()
}

/// Returns what is said to serve when the first `done` steps of a stop succeeded, and the next failed.
fn after(done: usize) -> Vec<String> {
    ended(stop(), done)
}

fn ended(plan: Plan, done: usize) -> Vec<String> {
    let steps = plan.steps.iter().enumerate().map(|(at, step)| StepSummary {
        step: step.id.clone(),
        status: match at {
            at if at < done => StepStatus::Succeeded,
            at if at == done => StepStatus::Failed {
                ending: Ending::Failed { code: 1 },
            },
            _ => StepStatus::Skipped {
                reason: SkipReason::Blocked,
            },
        },
        attempt: u32::from(at <= done),
        started: None,
        ended: None,
    });
    let summary = Summary {
        hosts: Vec::new(),
        steps: steps.collect(),
    };
    let view = View::new(Arc::new(plan), "p", Styling::Plain, Verbosity::Normal);
    lines(&view, &Tally::default(), &summary)
}

#[test]
fn what_serves_after_a_stop_that_did_not_finish_is_said() {
    assert_eq!(after(0), ["web  what served before (unchanged) on a"]);
    let unrouted = ["web  nothing (no routes, and a container still runs) on a"];
    assert_eq!(after(1), unrouted);
    assert_eq!(after(2), unrouted);
    assert_eq!(after(3), ["web  nothing (stopped) on a"]);
}

/// Returns what is said to serve when the first `done` steps of the switch of two containers succeeded, and the next failed.
fn after_of_two(done: usize) -> Vec<String> {
    let step = |container: &str, kind: &str| {
        json!({
            "id": format!("a/web/{container}/{kind}"), "kind": kind, "host": "a", "role": "web",
            "summary": kind, "why": {"version_changed": {"old": "1", "new": "2"}}, "needs": [],
            "on_failure": "stop_host", "timeout_seconds": 1,
        })
    };
    let mut plan = serde_json::to_value(stop()).unwrap();
    plan["version"] = "2".into();
    plan["steps"] = json!([
        step("2", "start"),
        step("2", "healthcheck"),
        step("2", "route"),
        step("2-1", "start"),
        step("2-1", "healthcheck"),
        step("2-1", "route"),
    ]);
    ended(serde_json::from_value(plan).unwrap(), done)
}

#[test]
fn a_switch_that_ended_between_two_containers_says_how_many_serve() {
    let old = ["web  1 (unchanged) on a"];
    assert_eq!(after_of_two(0), old);
    assert_eq!(after_of_two(1), old);
    let half = ["web  2 in 1 of 2 containers, 1 in the others, on a"];
    assert_eq!(after_of_two(3), half);
    assert_eq!(after_of_two(5), half);
    assert_eq!(after_of_two(6), ["web  2 on a"]);
}

#[test]
fn a_worker_that_works_on_is_said_to() {
    let mut plan = serde_json::to_value(stop()).unwrap();
    plan["version"] = "2".into();
    let step = |id: &str, why: serde_json::Value| {
        json!({
            "id": format!("a/job/{id}"), "kind": id.rsplit('/').next(), "host": "a", "role": "job",
            "summary": id, "why": why, "needs": [], "on_failure": "stop_host", "timeout_seconds": 1,
        })
    };
    let changed = json!({"version_changed": {"old": "1", "new": "2"}});
    let mut stop = step("app-1/stop", json!({"replaced": {"what": "app-1"}}));
    stop["cleanup"] = json!([{"run": {"argv": ["docker", "restart", "app-1"]}}]);
    plan["steps"] = json!([
        step("app-2/start", changed.clone()),
        step("app-2/healthcheck", changed),
        stop
    ]);
    let plan: Plan = serde_json::from_value(plan).unwrap();
    let told = ["job  1 (app-1 was restarted: it had been told to take no more work) on a"];
    assert_eq!(ended(plan, 2), told);
}

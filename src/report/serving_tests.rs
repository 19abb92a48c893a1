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

/// Returns what is said to serve when the first `done` steps succeeded, and the next failed.
fn after(done: usize) -> Vec<String> {
    let plan = stop();
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
    assert_eq!(view.plan.steps[0].kind, StepKind::Unroute);
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

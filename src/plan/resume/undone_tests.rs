use serde_json::json;

use crate::action::{Action, Run};
use crate::name::RoleName;
use crate::plan::resume::Status;
use crate::plan::resume::tests::{attempt, ended, evidence, plan, statuses, step};
use crate::plan::{OnFailure, Step, StepKind};
use crate::record::Ending;

#[test]
fn what_a_failed_steps_cleanup_undid_is_outstanding_again() {
    let mut steps = vec![
        step("pull", Some("h"), &[]),
        step("start", Some("h"), &["pull"]),
        step("warm", Some("h"), &["start"]),
        step("health", Some("h"), &["warm"]),
    ];
    steps[3].cleanup = vec![Action::Run(Run::literal(["docker", "rm", "new"]))];
    for step in &mut steps[1..] {
        step.role = Some(RoleName::from("web"));
    }
    let done = |id| attempt(id, 1, ended(Ending::Succeeded));
    let attempts = vec![
        done("pull"),
        done("start"),
        done("warm"),
        attempt("health", 1, ended(Ending::Failed { code: 1 })),
    ];
    let plan = plan(steps);
    assert_eq!(
        statuses(&plan, &evidence(attempts.clone(), None))[1..],
        [
            Status::NeedsProbe,
            Status::NeedsProbe,
            Status::Failed { attempt: 2 }
        ]
    );
    let gone = json!({"files": {"warm": {"sha256": "1"}}});
    assert_eq!(
        statuses(&plan, &evidence(attempts.clone(), Some(gone))),
        [
            Status::Done,
            Status::Outstanding { attempt: 2 },
            Status::Outstanding { attempt: 2 },
            Status::Failed { attempt: 2 }
        ]
    );
    let kept = json!({"files": {"warm": {"sha256": "1"}, "start": {"sha256": "1"}}});
    assert_eq!(
        statuses(&plan, &evidence(attempts, Some(kept)))[1],
        Status::Done
    );
}

#[test]
fn a_receipt_for_what_services_share_counts_while_others_need_it_and_its_check_holds() {
    let shared = |id, needs| Step {
        kind: StepKind::Traefik,
        ..step(id, Some("h"), needs)
    };
    let plan = plan(vec![
        shared("replace", &[]),
        shared("traefik", &["replace"]),
        step("start", Some("h"), &["traefik"]),
        step("route", Some("h"), &["start"]),
    ]);
    let done = |id| attempt(id, 1, ended(Ending::Succeeded));
    let begun = vec![done("replace"), done("traefik"), done("start")];
    let there = json!({"files": {"traefik": {"sha256": "1"}}});
    let silent = json!({"docker": {"installed": true, "answers": false}});
    for (facts, expected) in [
        (None, Status::NeedsProbe),
        (Some(there), Status::Done),
        (Some(json!({})), Status::Outstanding { attempt: 2 }),
        (Some(silent), Status::Outstanding { attempt: 2 }),
    ] {
        let statuses = statuses(&plan, &evidence(begun.clone(), facts));
        let others = [Status::Done, expected, Status::Done];
        assert_eq!(statuses[..3], others);
    }
    let all = [begun, vec![done("route")]].concat();
    let statuses = statuses(&plan, &evidence(all, Some(json!({}))));
    assert_eq!(statuses, [Status::Done; 4]);
}

/// The containers of a role on a host are switched one after the other: the cleanup of the second undoes nothing of the first.
#[test]
fn what_was_done_to_another_container_of_the_role_stays() {
    let mut steps = vec![
        step("start", Some("h"), &[]),
        step("route", Some("h"), &["start"]),
        step("stop", Some("h"), &["route"]),
        step("start-1", Some("h"), &["stop"]),
        step("route-1", Some("h"), &["start-1"]),
    ];
    let kinds = [
        StepKind::Start,
        StepKind::Route,
        StepKind::Stop,
        StepKind::Start,
        StepKind::Route,
    ];
    for (step, kind) in steps.iter_mut().zip(kinds) {
        step.kind = kind;
        step.role = Some(RoleName::from("web"));
        step.safe_point = kind == StepKind::Start;
    }
    steps[4].cleanup = vec![Action::Run(Run::literal(["docker", "rm", "new-1"]))];
    let done = |id| attempt(id, 1, ended(Ending::Succeeded));
    let attempts = vec![
        done("start"),
        done("route"),
        done("stop"),
        done("start-1"),
        attempt("route-1", 1, ended(Ending::Failed { code: 1 })),
    ];
    let plan = plan(steps);
    assert_eq!(
        statuses(&plan, &evidence(attempts, Some(json!({})))),
        [
            Status::Done,
            Status::Done,
            Status::Done,
            Status::Outstanding { attempt: 2 },
            Status::Failed { attempt: 2 }
        ]
    );
}

/// A redeploy of the same version: the container that is to be replaced is healthy, and has the name of the new one.
#[test]
fn a_check_that_holds_proves_nothing_before_what_the_step_needs() {
    let mut plan = plan(vec![
        step("pull", Some("h"), &[]),
        step("start", Some("h"), &["pull"]),
        step("health", Some("h"), &["start"]),
        step("route", Some("h"), &["health"]),
    ]);
    plan.steps[3].kind = StepKind::Route;
    let pulled = vec![attempt("pull", 1, ended(Ending::Succeeded))];
    let healthy = json!({"files": {"health": {"sha256": "1"}}});
    let mut evidence = evidence(pulled, Some(healthy));
    evidence.restarted.insert("h".into());
    let outstanding = Status::Outstanding { attempt: 1 };
    assert_eq!(
        statuses(&plan, &evidence),
        [Status::Done, outstanding, outstanding, outstanding]
    );
    let started = json!({"files": {"start": {"sha256": "1"}, "health": {"sha256": "1"}}});
    evidence.facts.insert("h".into(), started);
    assert_eq!(
        statuses(&plan, &evidence),
        [Status::Done, Status::Done, Status::Done, outstanding]
    );
}

#[test]
fn a_cleanup_has_undone_what_came_before_a_step_whose_claim_a_power_cut_took() {
    let mut plan = plan(vec![
        step("start", Some("h"), &[]),
        step("health", Some("h"), &["start"]),
    ]);
    for step in &mut plan.steps {
        step.role = Some("web".into());
    }
    plan.steps[1].cleanup = vec![Action::Run(Run::literal(["docker", "rm", "new"]))];
    let started = vec![attempt("start", 1, ended(Ending::Succeeded))];
    let nothing = json!({"files": {}});
    for (restarted, start) in [
        (false, Status::Done),
        (true, Status::Outstanding { attempt: 2 }),
    ] {
        let mut evidence = evidence(started.clone(), Some(nothing.clone()));
        if restarted {
            evidence.restarted.insert("h".into());
        }
        assert_eq!(
            statuses(&plan, &evidence),
            [start, Status::Outstanding { attempt: 1 }]
        );
    }
}

#[test]
fn a_failure_that_is_tolerated_has_let_what_follows_begin() {
    let mut plan = plan(vec![
        step("drain", Some("h"), &[]),
        step("stop", Some("h"), &["~drain"]),
    ]);
    plan.steps[0].on_failure = OnFailure::Tolerate;
    let drained = vec![attempt("drain", 1, ended(Ending::TimedOut))];
    let stopped = json!({"files": {"stop": {"sha256": "1"}}});
    let mut evidence = evidence(drained, Some(stopped));
    evidence.restarted.insert("h".into());
    assert_eq!(statuses(&plan, &evidence)[1], Status::Done);
}

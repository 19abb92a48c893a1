use serde_json::json;

use super::*;
use crate::name::{PlanDigest, RunId};
use crate::plan::predicate::Predicate;
use crate::plan::{Barrier, Need, NeedOn, Reason, StepKind};
use crate::record::Receipt;

pub(super) fn step(id: &str, host: Option<&str>, needs: &[&str]) -> Step {
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
        safe_point: false,
        timeout_seconds: 0,
        idle_timeout_seconds: 0,
        retry: 0,
    }
}

fn barrier(id: &str, needs: &[&str], at_most_failed: u32) -> Step {
    Step {
        kind: StepKind::Barrier,
        check: None,
        barrier: Some(Barrier {
            at_most_failed,
            wait_seconds: 0,
        }),
        ..step(id, None, needs)
    }
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    let document = json!({
        "format_version": "1.0",
        "operation": {"name": "deploy", "version": "1"},
        "service": "app", "version": "1", "image": {"reference": "app:1"},
        "config": {"path": "deploy.yml", "sha256": ""},
        "secrets": [], "lock_host": "h", "hosts": {}, "contents": {}, "steps": [],
        "unchanged": [], "warnings": [], "digest": "sha256:0"
    });
    let mut plan: Plan = serde_json::from_value(document).unwrap();
    plan.digest = PlanDigest::from("sha256:1");
    plan.steps = steps;
    plan
}

pub(super) fn ended(ending: Ending) -> AttemptState {
    AttemptState::Ended(Receipt {
        ending,
        run: RunId::from("1"),
        started: 0,
        ended: 0,
        value: None,
    })
}

pub(super) fn attempt(step: &str, number: u32, state: AttemptState) -> Attempt {
    Attempt {
        step: StepId::from(step).hash(),
        number,
        state,
    }
}

pub(super) fn evidence(attempts: Vec<Attempt>, facts: Option<Value>) -> Evidence {
    Evidence {
        attempts: [(HostName::from("h"), attempts)].into(),
        facts: facts
            .map(|facts| [(HostName::from("h"), facts)].into())
            .unwrap_or_default(),
        begun: true,
        ..Evidence::default()
    }
}

#[test]
fn after_a_restart_of_the_host_a_missing_claim_counts_as_one_without_a_receipt() {
    let unchecked = Step {
        check: None,
        ..step("hook", Some("h"), &[])
    };
    let plan = plan(vec![
        step("first", Some("h"), &[]),
        step("second", Some("h"), &["first"]),
        unchecked,
        step("other", Some("i"), &[]),
    ]);
    let shape = Shape::new(&plan).unwrap();
    let judge = |restarted: bool, attempts: Vec<Attempt>, facts| {
        let mut evidence = evidence(attempts, facts);
        if restarted {
            evidence.restarted.insert("h".into());
        }
        resume(&plan, &shape, &evidence).raw
    };
    let open = |attempt| Status::Outstanding { attempt };
    let facts = json!({"files": {"first": {"sha256": "1"}}});
    assert_eq!(judge(false, Vec::new(), None), [open(1); 4]);
    let asked = [Status::NeedsProbe, Status::NeedsProbe, open(1), open(1)];
    assert_eq!(judge(true, Vec::new(), None), asked);
    let judged = [Status::Done, open(1), open(1), open(1)];
    assert_eq!(judge(true, Vec::new(), Some(facts.clone())), judged);
    // A second attempt may have done what the first did not, and its claim may be missing.
    let failed = || vec![attempt("first", 1, ended(Ending::Superseded))];
    assert_eq!(
        judge(false, failed(), None)[0],
        Status::Failed { attempt: 2 }
    );
    assert_eq!(judge(true, failed(), None)[0], Status::NeedsProbe);
    assert_eq!(judge(true, failed(), Some(facts.clone()))[0], Status::Done);
    // What began later proves what its claim does not any more.
    let second = vec![attempt("second", 1, AttemptState::Lost)];
    let judged = [Status::Done, open(2), open(1), open(1)];
    assert_eq!(judge(true, second, Some(json!({"files": {}}))), judged);
}

/// The way out of a doubt: by a receipt, which only a person gives.
#[test]
fn only_a_step_in_doubt_can_be_resolved() {
    use crate::plan::doubt::{Finding, Refusal, attempt_in_doubt};
    let unchecked = |id, host| Step {
        check: None,
        ..step(id, host, &[])
    };
    let plan = plan(vec![
        step("checked", Some("h"), &[]),
        unchecked("hook", Some("h")),
        unchecked("local/hook", None),
        step("local/push", None, &[]),
    ]);
    let shape = Shape::new(&plan).unwrap();
    let silent = json!({"docker": {"installed": true, "answers": false}});
    let absent = json!({"files": {}});
    let failed = || ended(Ending::Failed { code: 1 });
    let known = |state| Err(Refusal::Known(state));
    let (lost, running) = (AttemptState::Lost, AttemptState::Running);
    #[rustfmt::skip]
    let table = [
        ("hook", vec![lost.clone()], Ok(1)),
        ("hook", vec![failed(), lost.clone()], Ok(2)),
        ("hook", vec![lost.clone(), ended(Ending::Refused)], Ok(1)),
        ("local/hook", vec![lost.clone()], Ok(1)),
        ("hook", vec![], known("it was not started")),
        ("hook", vec![ended(Ending::Succeeded)], known("it is done")),
        ("hook", vec![failed()], known("it failed, or was resolved with --again; the next apply runs it again")),
        ("hook", vec![running], known("it is running")),
        ("checked", vec![lost.clone()], known("it had no effect; the next apply runs it again")),
        ("local/push", vec![lost.clone()], Err(Refusal::Checked)),
    ];
    for (id, states, expected) in table {
        let states = (1..).zip(states);
        let attempts = states.map(|(number, state)| attempt(id, number, state));
        let evidence = evidence(attempts.collect(), Some(absent.clone()));
        let index = shape.index(&id.into()).unwrap();
        for finding in [Finding::Done, Finding::Again] {
            let found = attempt_in_doubt((&plan, &shape), index, &evidence, finding);
            assert_eq!(found, expected, "{id}");
        }
    }
    // A check that cannot tell is no better than none.
    let mut docker = plan.clone();
    let running = Predicate::eq(&["containers", "x", "state"], "running");
    docker.steps[0].check = Some(Check::Facts(vec![running]));
    let lost_alone = |id| {
        evidence(
            vec![attempt(id, 1, AttemptState::Lost)],
            Some(silent.clone()),
        )
    };
    let ask = |evidence: &Evidence, at: usize, finding| {
        attempt_in_doubt(
            (&docker, &shape),
            StepIndex::from_usize(at),
            evidence,
            finding,
        )
    };
    assert_eq!(ask(&lost_alone("checked"), 0, Finding::Done), Ok(1));
    // Nothing of a finished plan runs again.
    let mut finished = lost_alone("local/hook");
    finished.finished.insert("h".into());
    assert_eq!(ask(&finished, 2, Finding::Done), Ok(1));
    assert_eq!(ask(&finished, 2, Finding::Again), Err(Refusal::Finished));
}

#[test]
fn a_receipt_resolves_a_doubt() {
    let unchecked = |id, host| Step {
        check: None,
        ..step(id, host, &[])
    };
    for (id, host) in [("hook", Some("h")), ("local/hook", None)] {
        let plan = plan(vec![unchecked(id, host)]);
        #[rustfmt::skip]
        let table = [
            (AttemptState::Lost, Status::InDoubt { attempt: 2 }),
            (ended(Ending::Succeeded), Status::Done),
            (ended(Ending::Failed { code: 0 }), Status::Failed { attempt: 2 }),
        ];
        for (state, expected) in table {
            let evidence = evidence(vec![attempt(id, 1, state)], None);
            assert_eq!(statuses(&plan, &evidence), [expected], "{id}");
        }
    }
}

/// A host speaks for its own steps, and the lock host for those of this machine.
#[test]
fn a_receipt_proves_nothing_on_a_host_that_does_not_keep_it() {
    let unchecked = |id, host| Step {
        check: None,
        ..step(id, host, &[])
    };
    for (id, host) in [("hook", Some("h")), ("local/hook", None)] {
        let plan = plan(vec![unchecked(id, host)]);
        let own = evidence(vec![attempt(id, 1, ended(Ending::Succeeded))], None);
        let mut of_another = own.clone();
        let attempts = of_another.attempts.remove(&HostName::from("h"));
        of_another.attempts = attempts
            .map(|list| ("other".into(), list))
            .into_iter()
            .collect();
        assert_eq!(statuses(&plan, &own), [Status::Done], "{id}");
        let outstanding = [Status::Outstanding { attempt: 1 }];
        assert_eq!(statuses(&plan, &of_another), outstanding, "{id}");
    }
}

#[test]
fn a_hook_that_goes_before_something_runs_again_if_it_was_cut_off() {
    let hook = |id, kind, needs: &[&str]| Step {
        check: None,
        kind,
        ..step(id, None, needs)
    };
    let plan = plan(vec![
        hook("local/pre", StepKind::PreHook, &[]),
        step("start", Some("h"), &["local/pre"]),
        hook("local/post", StepKind::PostHook, &["start"]),
    ]);
    #[rustfmt::skip]
    let table = [
        (AttemptState::Lost, Status::Outstanding { attempt: 2 }, Status::InDoubt { attempt: 2 }),
        (ended(Ending::Succeeded), Status::Done, Status::Done),
        (ended(Ending::Failed { code: 1 }), Status::Failed { attempt: 2 }, Status::Failed { attempt: 2 }),
        (ended(Ending::Stopped), Status::Failed { attempt: 2 }, Status::Failed { attempt: 2 }),
        (ended(Ending::Refused), Status::Outstanding { attempt: 2 }, Status::Outstanding { attempt: 2 }),
    ];
    for (state, pre, post) in table {
        let attempts = ["local/pre", "local/post"].map(|id| attempt(id, 1, state.clone()));
        let found = statuses(&plan, &evidence(attempts.to_vec(), None));
        assert_eq!((found[0], found[2]), (pre, post), "{state:?}");
    }
}

pub(super) fn statuses(plan: &Plan, evidence: &Evidence) -> Vec<Status> {
    resume(plan, &Shape::new(plan).unwrap(), evidence).raw
}

#[test]
fn a_step_alone_follows_the_decision_table() {
    let failed = || ended(Ending::Failed { code: 1 });
    let yes = json!({"files": {"a": {"sha256": "1"}}});
    let table = [
        (vec![], None, Status::Outstanding { attempt: 1 }),
        (
            vec![AttemptState::Running],
            None,
            Status::Running { attempt: 1 },
        ),
        (vec![ended(Ending::Succeeded)], None, Status::Done),
        (vec![failed()], None, Status::Failed { attempt: 2 }),
        (
            vec![ended(Ending::TimedOut)],
            None,
            Status::Failed { attempt: 2 },
        ),
        (
            vec![ended(Ending::Refused)],
            None,
            Status::Outstanding { attempt: 2 },
        ),
        (vec![failed(), ended(Ending::Succeeded)], None, Status::Done),
        (
            vec![ended(Ending::Succeeded), failed()],
            None,
            Status::Failed { attempt: 3 },
        ),
        (vec![AttemptState::Lost], None, Status::NeedsProbe),
        (vec![AttemptState::Lost], Some(yes), Status::Done),
        (
            vec![AttemptState::Lost],
            Some(json!({})),
            Status::Outstanding { attempt: 2 },
        ),
        (
            vec![AttemptState::Lost, ended(Ending::Refused)],
            Some(json!({})),
            Status::Outstanding { attempt: 3 },
        ),
    ];
    let plan = plan(vec![step("a", Some("h"), &[])]);
    for (states, facts, expected) in table {
        let attempts = (1..)
            .zip(&states)
            .map(|(n, state)| attempt("a", n, state.clone()));
        let evidence = evidence(attempts.collect(), facts);
        assert_eq!(statuses(&plan, &evidence), [expected], "{states:?}");
    }
}

#[test]
fn a_silent_engine_cannot_say_what_it_would_tell() {
    let containers = Check::Facts(vec![Predicate::absent(&["containers", "old"])]);
    let silent = json!({"docker": {"installed": true, "answers": false}});
    let absent = json!({"docker": {"installed": false, "answers": false}});
    assert_eq!(answer(Some(&containers), &silent), Answer::CannotSay);
    assert_eq!(answer(Some(&containers), &absent), Answer::Yes);
    let both = Check::Facts(vec![
        Predicate::absent(&["containers", "old"]),
        Predicate::eq(&["files", "a", "sha256"], "1"),
    ]);
    assert_eq!(answer(Some(&both), &silent), Answer::No);
    assert_eq!(answer(None, &absent), Answer::CannotSay);
}

#[test]
fn a_lost_step_without_a_check_is_in_doubt() {
    let mut tell = step("a", Some("h"), &[]);
    tell.check = None;
    let evidence = evidence(vec![attempt("a", 1, AttemptState::Lost)], Some(json!({})));
    assert_eq!(
        statuses(&plan(vec![tell]), &evidence),
        [Status::InDoubt { attempt: 2 }]
    );
}

#[test]
fn what_began_later_proves_that_a_lost_step_had_ended() {
    let mut drain = step("drain", Some("h"), &["a"]);
    drain.on_failure = OnFailure::Tolerate;
    let steps = vec![
        step("a", Some("h"), &[]),
        drain,
        barrier("local/all", &["~drain"], 0),
        step("b", Some("h"), &["local/all"]),
    ];
    let lost = |id| attempt(id, 1, AttemptState::Lost);
    let evidence = evidence(
        vec![
            lost("a"),
            lost("drain"),
            attempt("b", 1, AttemptState::Running),
        ],
        None,
    );
    assert_eq!(
        statuses(&plan(steps), &evidence),
        [
            Status::Done,
            Status::Tolerated,
            Status::Outstanding { attempt: 1 },
            Status::Running { attempt: 1 }
        ]
    );
}

#[test]
fn a_barrier_that_lets_failures_pass_proves_nothing_about_its_needs() {
    let steps = vec![
        step("a", Some("h"), &[]),
        barrier("local/some", &["a"], 1),
        step("b", Some("h"), &["local/some"]),
    ];
    let evidence = evidence(
        vec![
            attempt("a", 1, AttemptState::Lost),
            attempt("b", 1, ended(Ending::Succeeded)),
        ],
        None,
    );
    assert_eq!(
        statuses(&plan(steps), &evidence),
        [Status::NeedsProbe, Status::Done, Status::Done]
    );
}

#[test]
fn local_steps_are_settled_by_need_or_by_check_and_not_by_a_receipt() {
    let steps = vec![
        step("local/build", None, &[]),
        step("local/push", None, &["local/build"]),
        step("pull", Some("h"), &["local/push"]),
    ];
    let plan = plan(steps);
    let mut evidence = evidence(Vec::new(), None);
    let of = |evidence: &Evidence| statuses(&plan, evidence)[..2].to_vec();
    let outstanding = Status::Outstanding { attempt: 1 };
    assert_eq!(of(&evidence), [Status::NeedsProbe, Status::NeedsProbe]);
    evidence.begun = false;
    assert_eq!(of(&evidence), [outstanding, outstanding]);
    evidence.begun = true;
    evidence.local.insert("local/push".into(), Answer::Yes);
    assert_eq!(of(&evidence), [Status::Done, Status::Done]);
    evidence.local.insert("local/push".into(), Answer::No);
    evidence
        .local
        .insert("local/build".into(), Answer::CannotSay);
    assert_eq!(of(&evidence), [Status::InDoubt { attempt: 1 }, outstanding]);
    let pushed = attempt("local/push", 1, ended(Ending::Succeeded));
    evidence.attempts.insert("h".into(), vec![pushed]);
    let again = Status::Outstanding { attempt: 2 };
    assert_eq!(of(&evidence), [Status::InDoubt { attempt: 1 }, again]);
}

#[test]
fn a_login_is_asked_for_while_a_step_at_any_distance_may_need_it() {
    let plan = plan(vec![
        step("local/login", None, &[]),
        step("local/build", None, &["local/login"]),
        step("local/push", None, &["local/build"]),
        step("pull", Some("h"), &["local/push"]),
    ]);
    let mut evidence = evidence(Vec::new(), None);
    evidence.local.insert("local/build".into(), Answer::Yes);
    evidence.local.insert("local/push".into(), Answer::No);
    let outstanding = Status::Outstanding { attempt: 1 };
    let found = statuses(&plan, &evidence)[..3].to_vec();
    assert_eq!(found, [Status::NeedsProbe, Status::Done, outstanding]);
    evidence.local.insert("local/login".into(), Answer::No);
    assert_eq!(statuses(&plan, &evidence)[0], outstanding);
    evidence.local.insert("local/push".into(), Answer::Yes);
    assert_eq!(statuses(&plan, &evidence)[0], Status::Done);
}

//! Hosts that say what is not theirs to say.

use super::*;
use crate::action::{self, VerifyImage};
use crate::plan::Check;
use crate::plan::resume::Answer;
use plans::{barrier, step};

const ONE: &str = "sha256:1";
const TWO: &str = "sha256:2";

fn is_violation(bench: &Bench, host: &str) -> bool {
    let named = |(name, message): &(HostName, String)| {
        name.as_str() == host && message.starts_with("protocol violation: ")
    };
    bench.gone.iter().any(named) && bench.dropped.contains(&HostName::from(host))
}

#[test]
fn what_a_host_says_of_another_hosts_step_is_a_violation_and_changes_nothing() {
    let ended = |step: &str| Event::Ended {
        host: "b".into(),
        step: step.into(),
        attempt: 1,
        receipt: receipt(Ending::Succeeded, &RunId::from("r")),
        diagnosis: String::new(),
    };
    let poll = PollAttempt {
        attempt: 1,
        of: 1,
        status: String::new(),
    };
    let done = AttemptState::Ended(receipt(Ending::Succeeded, &RunId::from("r")));
    for event in [
        ended("a/pull"),
        ended("of another plan"),
        Event::Claimed("b".into(), "a/pull".into(), 1),
        Event::AlreadyClaimed("b".into(), "a/pull".into(), 1),
        Event::Attached("b".into(), "a/pull".into(), 1, done.clone()),
        Event::PollAttempt("b".into(), "a/pull".into(), poll),
    ] {
        let keep = |options: &mut Options| options.keep_going = true;
        let mut bench = Bench::with(two_switches(), keep)
            .holds("a/pull")
            .holds("b/start")
            .begin();
        bench.tell(event.clone());
        assert_eq!(bench.status("a/pull"), StepStatus::Open, "{event:?}");
        assert!(is_violation(&bench, "b"), "{event:?}");
        assert_eq!(bench.status("b/start"), StepStatus::Lost, "{event:?}");
        bench.end("a/pull", Ending::Succeeded);
        assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
        assert_eq!(bench.code(), Some(1));
    }
}

#[test]
fn a_receipt_of_another_run_is_a_violation() {
    let mut bench = Bench::new(two_switches()).holds("b/pull").begin();
    bench.tell(Event::Ended {
        host: "b".into(),
        step: "b/pull".into(),
        attempt: 1,
        receipt: receipt(Ending::Succeeded, &RunId::from("other")),
        diagnosis: String::new(),
    });
    assert!(is_violation(&bench, "b"));
    assert_eq!(bench.status("b/pull"), StepStatus::Lost);
}

#[test]
fn lists_of_other_hosts_steps_are_violations() {
    let done = AttemptState::Ended(receipt(Ending::Succeeded, &RunId::from("q")));
    for listed in ["a/pull", "of another plan"] {
        let keep = |options: &mut Options| options.keep_going = true;
        let mut bench = Bench::with(two_switches(), keep);
        let attempts = vec![attempt(listed, done.clone())];
        bench.attempts = [("b".into(), attempts)].into();
        let bench = bench.begin();
        assert!(is_violation(&bench, "b"), "{listed}");
        assert_eq!(bench.status("a/pull"), StepStatus::Succeeded);
        assert!(bench.ran().contains(&"a/pull"));
    }
}

#[test]
fn a_host_that_lists_the_plan_as_finished_settles_its_own_steps_only() {
    let mut bench = Bench::new(two_switches());
    let mut finished = HostFacts::default();
    finished.finished.insert(PlanDigest::from("sha256:1"));
    bench.facts = [("b".into(), finished)].into();
    let bench = bench.begin();
    assert_eq!(bench.ran(), ["a/pull", "a/start", "a/route", "a/stop"]);
    assert_eq!(bench.status("b/stop"), StepStatus::AlreadyDone);
    assert_eq!((bench.finished, bench.outcome), (1, Some(Outcome::Done)));
}

#[test]
fn what_a_host_has_begun_lets_no_barrier_pass_for_others() {
    let steps = vec![
        step("a/canary", &[]),
        barrier("local/canary", &["a/canary"], 0, 0),
        step("b/start", &["local/canary"]),
        step("c/start", &["local/canary"]),
    ];
    let mut bench = Bench::new(plan(steps)).holds("a/canary");
    let done = AttemptState::Ended(receipt(Ending::Succeeded, &RunId::from("q")));
    bench.attempts = [("b".into(), vec![attempt("b/start", done)])].into();
    let bench = bench.begin();
    assert_eq!(bench.ran(), ["a/canary"]);
}

#[test]
fn a_reliance_is_excused_by_its_own_host_only() {
    let mut steps = plan(two_switches().steps);
    let predicate = Predicate::eq(&["files", "x", "sha256"], "1");
    let reliance = Reliance::new(predicate, vec![StepId::from("b/pull")]);
    steps.hosts.get_mut("b").unwrap().relies_on.push(reliance);
    let state = State::new(Arc::new(steps), Options::new(RunId::from("r"))).unwrap();
    let mut bench = Bench::new(two_switches());
    bench.state = state;
    let done = AttemptState::Ended(receipt(Ending::Succeeded, &RunId::from("q")));
    bench.attempts = [("a".into(), vec![attempt("b/pull", done)])].into();
    let mut bench = bench.begin();
    bench.tell(Event::Reconnected("a".into()));
    // The host that lies is given up, before anything else of what it says is looked at.
    let outcome = bench.outcome;
    assert!(
        matches!(outcome, Some(Outcome::HostFailed(_))),
        "{outcome:?}"
    );
}

#[test]
fn a_host_that_says_refused_stops_nobody_while_the_lock_is_held() {
    let keep = |options: &mut Options| options.keep_going = true;
    let mut bench = Bench::with(two_switches(), keep).holds("b/pull").begin();
    bench.end("b/pull", Ending::Refused);
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    assert_eq!(bench.status("b/pull"), StepStatus::Lost);
    assert!(bench.gone[0].1.starts_with("its fence names another run"));
    assert_eq!(bench.code(), Some(1));
}

#[test]
fn a_host_that_says_for_ever_that_nothing_came_of_a_step_is_given_up() {
    let mut bench = Bench::new(two_switches()).holds("b/pull").begin();
    for number in 1..=101 {
        let nothing = receipt(Ending::Refused, &RunId::from("q"));
        let mut refused = attempt("b/pull", AttemptState::Ended(nothing));
        refused.number = number;
        bench.attempts.insert("b".into(), vec![refused]);
        bench.tell(Event::ChannelLost("b".into(), "broken pipe".into()));
        bench.pass(1);
        bench.tell(Event::Reconnected("b".into()));
    }
    assert!(is_violation(&bench, "b"));
    assert_eq!(bench.code(), Some(1));
}

/// Its link comes back each time, so that it is never unreachable.
#[test]
fn a_host_whose_answers_never_arrive_is_given_up() {
    let steps = Arc::new(two_switches());
    let mut state = State::new(steps, Options::new(RunId::from("r"))).unwrap();
    let mut asked = 0;
    let mut events = vec![Event::Begin];
    let mut outcome = None;
    for second in 0..600 {
        for event in std::mem::take(&mut events) {
            for action in state.handle(Millis(second * 1000), event) {
                match action {
                    Action::TakeLock => {
                        asked += 1;
                        events.push(Event::ChannelLost("a".into(), "torn answer".into()));
                    }
                    Action::Reconnect(host) => events.push(Event::Reconnected(host)),
                    Action::Exit(ended) => outcome = Some(ended),
                    _ => {}
                }
            }
        }
        events.push(Event::Tick);
    }
    assert_eq!(asked, 30);
    assert_eq!(outcome.map(|outcome| outcome.exit_code().code()), Some(1));
}

/// Its machine has slept between the lock and the fences, and the lock host is gone when it wakes up.
#[test]
fn a_run_that_can_never_confirm_its_lock_ends_without_its_fences() {
    let mut bench = Bench::new(two_switches());
    bench.holds_fences = true;
    let mut bench = bench.begin();
    for host in ["a", "b"] {
        bench.tell(Event::ChannelLost(host.into(), "broken pipe".into()));
    }
    bench.now += 60_000;
    bench.tell(Event::Tick);
    bench.tell(Event::Reconnected("b".into()));
    for _ in 0..20 {
        bench.tell(Event::Unreachable("a".into(), "no route".into()));
        bench.pass(10);
    }
    assert_eq!(bench.code(), Some(69));
}

/// A push, and pulls of two hosts that compare with it, of a plan that was begun before.
fn pushing(check: Check) -> Bench {
    let mut steps = vec![
        step("local/push", &[]),
        step("a/pull", &["local/push"]),
        step("b/pull", &["local/push"]),
    ];
    steps[0].kind = StepKind::Push;
    steps[0].check = Some(check);
    for pull in &mut steps[1..] {
        pull.action = vec![action::Action::VerifyImage(VerifyImage {
            reference: "app:1".into(),
            digest: None,
            pushed_by: Some("local/push".into()),
        })];
    }
    let mut bench = Bench::new(plan(steps));
    let mut begun = HostFacts::default();
    begun.serial.number = 1;
    begun.serial.plan = Some(PlanDigest::from("sha256:1"));
    bench.facts = [("a".into(), begun)].into();
    bench
}

fn with_value(step: &str, value: &str) -> crate::record::Attempt {
    let mut receipt = receipt(Ending::Succeeded, &RunId::from("q"));
    receipt.value = Some(value.to_owned());
    attempt(step, AttemptState::Ended(receipt))
}

fn there() -> Check {
    Check::Registry(vec![vec!["manifest".into()]])
}

fn asked(check: Check, hint: Option<&str>, answers: &[(Answer, Option<&str>)]) -> Bench {
    let mut bench = pushing(check);
    let hint = hint.map(|hint| with_value("local/push", hint));
    bench.attempts = [("a".into(), hint.into_iter().collect())].into();
    let owned = |(answer, digest): &(Answer, Option<&str>)| (*answer, digest.map(str::to_owned));
    bench.checks = answers.iter().map(owned).collect();
    bench.begin()
}

#[test]
fn a_forged_receipt_of_a_push_is_a_hint_and_not_the_word() {
    let yes = [(Answer::Yes, Some(ONE))];
    let bench = asked(there(), Some(TWO), &[(Answer::No, None)]);
    assert_eq!(bench.ran(), ["local/push", "a/pull", "b/pull"]);
    let bench = asked(there(), Some(TWO), &yes);
    assert_eq!(bench.ran(), ["local/push", "a/pull", "b/pull"]);
    let bench = asked(there(), Some(ONE), &yes);
    assert_eq!(bench.ran(), ["a/pull", "b/pull"]);
    let source = Check::Argv(vec!["imagetools".into()]);
    let bench = asked(source, None, &yes);
    assert_eq!(bench.ran(), ["a/pull", "b/pull"]);
}

#[test]
fn a_registry_that_does_not_answer_is_asked_again_then_the_push_fails() {
    let silent = (Answer::CannotSay, None);
    let mut bench = asked(there(), Some(ONE), &[silent; 20]);
    bench.pass(60);
    assert_eq!(bench.checked, 7);
    assert_eq!(bench.code(), Some(1));
    assert!(matches!(
        bench.status("local/push"),
        StepStatus::Failed { .. }
    ));
    assert!(bench.ran().is_empty());

    let answers = [silent, silent, (Answer::Yes, Some(ONE))];
    let mut bench = asked(there(), Some(ONE), &answers);
    bench.pass(60);
    assert_eq!(bench.ran(), ["a/pull", "b/pull"]);
}

#[test]
fn another_image_than_a_host_has_pulled_fails_with_both_digests() {
    for answer in [(Answer::Yes, Some(ONE)), (Answer::No, None)] {
        let mut bench = pushing(there());
        bench.attempts = [("b".into(), vec![with_value("b/pull", TWO)])].into();
        bench.checks = vec![(answer.0, answer.1.map(str::to_owned))];
        let bench = bench.begin();
        assert!(bench.ran().is_empty());
        assert_eq!(bench.code(), Some(1));
        assert!(bench.diagnoses[0].contains(TWO), "{:?}", bench.diagnoses);
        assert!(
            answer
                .1
                .is_none_or(|digest| bench.diagnoses[0].contains(digest))
        );
    }
}

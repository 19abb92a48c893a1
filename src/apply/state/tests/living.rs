//! Living steps of other plans: ended or waited for before the hosts are looked at.

use super::*;
use crate::plan::kinds::WhenSuperseded;
use crate::record::living::{About, AttemptName, LivingAttempt, Stage, Told};

/// A living attempt of another plan.
fn living(kind: &str, stage: Stage) -> LivingAttempt {
    LivingAttempt {
        name: AttemptName {
            digits: "77aa".into(),
            step: "0123".into(),
            number: 2,
        },
        stage,
        told: Some(Told {
            about: About {
                kind: kind.into(),
                step: "a/web/app/drain".into(),
                summary: "Drain app".into(),
                user: "Ada".into(),
            },
            started: 5,
            deadline: Some(95),
        }),
    }
}

/// A run on whose host a this attempt lives for so many answers.
fn run_beside(attempt: &LivingAttempt, answers: usize) -> Bench {
    let mut bench = Bench::new(two_switches());
    let mut told = vec![vec![attempt.clone()]; answers];
    told.push(Vec::new());
    bench.living = [("a".into(), told)].into();
    bench.begin()
}

fn times(bench: &Bench, what: &str) -> Vec<u64> {
    let seen = bench.seen.iter().filter(|(_, seen)| *seen == what);
    seen.map(|(at, _)| *at).collect()
}

#[test]
fn each_kind_is_ended_or_waited_for_before_the_hosts_are_looked_at() {
    let ended = ["pull", "healthcheck", "drain", "barrier"];
    let waited = [
        "install_docker",
        "registry_login",
        "registry_logout",
        "builder",
        "build",
        "push",
        "network",
        "traefik",
        "start",
        "route",
        "stop",
        "prune",
        "rename",
        "broadcast",
        "of_a_newer_version",
    ];
    for kind in ended.iter().chain(&waited) {
        let attempt = living(kind, Stage::Acts);
        let is_ended = ended.contains(kind);
        let mut bench = run_beside(&attempt, if is_ended { 1 } else { 3 });
        assert_eq!(bench.outcome.is_some(), is_ended, "{kind}");
        bench.pass(10);
        assert_eq!(bench.outcome, Some(Outcome::Done), "{kind}");
        let expected = if is_ended {
            vec![attempt.name]
        } else {
            Vec::new()
        };
        assert_eq!(bench.ended, expected, "{kind}");
        let last = *times(&bench, "others").last().unwrap();
        assert_eq!(last, if is_ended { 0 } else { 4000 }, "{kind}");
        assert!(times(&bench, "look").iter().all(|at| *at == last), "{kind}");
    }
}

#[test]
fn what_undoes_a_failure_or_does_not_say_what_it_is_is_waited_for() {
    let undoes = living("drain", Stage::Undoes);
    let unknown = LivingAttempt {
        told: None,
        ..living("drain", Stage::Acts)
    };
    for attempt in [undoes, unknown] {
        let mut bench = run_beside(&attempt, 3);
        bench.pass(10);
        assert_eq!((bench.ended.len(), bench.code()), (0, Some(0)));
        assert_eq!(bench.others.len(), 1, "told once");
        assert_eq!(bench.others[0].1, WhenSuperseded::WaitFor);
    }
}

#[test]
fn the_wait_has_an_end() {
    for kind in ["stop", "drain"] {
        let mut bench = run_beside(&living(kind, Stage::Acts), 10_000);
        bench.pass(299);
        assert_eq!(bench.outcome, None, "{kind}");
        bench.pass(3);
        let Some(Outcome::StepsRunning(steps)) = &bench.outcome else {
            panic!("{kind}: {:?}", bench.outcome);
        };
        let [step] = &steps[..] else {
            panic!("{steps:?}")
        };
        assert_eq!(step.host, HostName::from("a"));
        assert_eq!(step.plan, PlanDigest::from("sha256:77aa"));
        assert_eq!(step.step, Some(StepId::from("a/web/app/drain")));
        assert_eq!((step.user.as_str(), step.since), ("Ada", Some(5)));
        assert_eq!((bench.code(), bench.released), (Some(4), 1));
        let unchanged = ["look", "fence", "start"].map(|what| times(&bench, what).len());
        assert_eq!(unchanged, [0; 3]);
        assert_eq!(bench.ended.is_empty(), kind == "stop");
    }
}

#[test]
fn nothing_is_ended_by_a_run_that_has_lost_its_lock() {
    let mut bench = Bench::new(two_switches());
    bench.lock_lost = true;
    let attempt = living("drain", Stage::Acts);
    bench.living = [("a".into(), vec![vec![attempt]])].into();
    let bench = bench.begin();
    assert_eq!(bench.outcome, Some(Outcome::LockLost));
    assert_eq!(bench.ended, []);
}

#[test]
fn what_lives_after_the_fence_is_settled_and_the_hosts_are_looked_at_again() {
    for (kind, until) in [("drain", 0), ("stop", 0), ("stop", 2000)] {
        let mut bench = Bench::new(two_switches());
        let attempt = living(kind, Stage::Acts);
        let answers = if until > 0 { 1 } else { 0 };
        let mut told = vec![Vec::new()];
        told.extend(vec![vec![attempt.clone()]; answers]);
        told.push(Vec::new());
        bench.living = [("a".into(), told)].into();
        bench.after_fence = [("a".into(), vec![attempt])].into();
        let mut bench = bench.begin();
        bench.pass(10);
        assert_eq!(bench.outcome, Some(Outcome::Done), "{kind}");
        let order: Vec<&str> = bench.seen.iter().map(|(_, what)| *what).collect();
        let fence = order.iter().rposition(|what| *what == "fence").unwrap();
        let look = order.iter().rposition(|what| *what == "look").unwrap();
        let start = order.iter().position(|what| *what == "start").unwrap();
        assert!(fence < look && look < start, "{order:?}");
        assert_eq!(times(&bench, "look"), [0, 0, until, until]);
        assert_eq!(bench.ended.len(), usize::from(kind == "drain"));
    }
}

#[test]
fn what_such_a_step_changed_makes_the_plan_stale() {
    let mut plan = two_switches();
    let predicate = Predicate::eq(&["user"], "root");
    let reliance = Reliance::new(predicate, vec![StepId::from("b/pull")]);
    plan.hosts.get_mut("b").unwrap().relies_on.push(reliance);
    let mut bench = Bench::new(plan);
    let facts = HostFacts {
        user: "root".into(),
        ..HostFacts::default()
    };
    bench.facts = [("b".into(), facts)].into();
    let attempt = living("stop", Stage::Acts);
    bench.after_fence = [("b".into(), vec![attempt.clone()])].into();
    bench.living = [("b".into(), vec![vec![], vec![attempt], vec![]])].into();
    let mut bench = bench.begin();
    bench.facts.clear();
    bench.pass(10);
    let Some(Outcome::Stale { host, .. }) = &bench.outcome else {
        panic!("{:?}", bench.outcome);
    };
    assert_eq!(host.as_str(), "b");
    assert_eq!((bench.code(), bench.ran().len()), (Some(3), 0));
}

#[test]
fn a_host_that_is_given_up_holds_up_no_other() {
    let mut bench = Bench::with(two_switches(), |options| options.keep_going = true);
    let attempt = living("stop", Stage::Acts);
    bench.living = [("b".into(), vec![vec![attempt]])].into();
    let mut bench = bench.begin();
    bench.pass(5);
    assert_eq!(bench.outcome, None);
    bench.tell(Event::HostFailed("b".into(), "full".into()));
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    assert_eq!(bench.code(), Some(1));
}

#[test]
fn a_host_that_lists_an_attempt_of_this_plan_as_one_of_another_is_given_up() {
    let mut plan = two_switches();
    let digits = "ab".repeat(32);
    plan.digest = PlanDigest::from_digits(&digits);
    let mut bench = Bench::with(plan, |options| options.keep_going = true);
    let mut attempt = living("drain", Stage::Acts);
    attempt.name.digits = digits;
    bench.living = [("b".into(), vec![vec![attempt]])].into();
    let bench = bench.begin();
    assert_eq!(bench.ended, []);
    let (host, message) = &bench.gone[0];
    assert_eq!(host.as_str(), "b");
    assert!(message.starts_with("protocol violation: "), "{message}");
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
}

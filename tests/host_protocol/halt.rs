//! A run that stops: what its host begins, ends and undoes.

use std::fs;
use std::time::{Duration, Instant};

use mrsk::action::{Action, Poll, Probe};
use mrsk::name::RunId;
use mrsk::record::{AttemptState, Ending, WhenStopping};
use mrsk::transport::answer::{Event, WriteAnswer};
use mrsk::transport::request::StepRequest;

use crate::fixture::{Fixture, Sh, attempt, block, eventually, sh_c, step};
use crate::limits::no_process_is_left;

const HELD: &str = "touch $ROOT/begun; until [ -e $ROOT/go ]; do sleep 0.05; done";

fn halt(fixture: &Fixture, run: &str) -> WriteAnswer {
    block(fixture.host.halt(&fixture.place(), &RunId::from(run))).unwrap()
}

/// A step of a switch, whose cleanup leaves a file `undone-NAME`.
fn part(name: &str, script: &str, when_stopping: WhenStopping) -> StepRequest {
    let undo = format!("echo x >>$ROOT/undone-{name}");
    StepRequest {
        cleanup: vec![Action::Run(sh_c(&undo))],
        diagnose: vec![sh_c("echo x >>$ROOT/explained")],
        when_stopping,
        ..step(name, &[script])
    }
}

/// A health check that waits for longer than any test.
fn check(fixture: &Fixture) -> StepRequest {
    fixture.fake(
        "docker",
        "touch $ROOT/begun; echo 'running 1 0 starting bridge sha256:1 '",
    );
    let poll = Poll {
        probe: Probe::Running,
        container: "app".into(),
        port: None,
        path: None,
        host: None,
        expect: None,
        network: None,
        restarts: None,
        interval_ms: 4_000,
        attempts: 100,
    };
    StepRequest {
        actions: vec![Action::Poll(poll)],
        ..part("check", "", WhenStopping::End)
    }
}

fn state(fixture: &Fixture, step: &StepRequest) -> Option<AttemptState> {
    fixture.settled(&attempt(step))
}

fn ending(fixture: &Fixture, step: &StepRequest) -> Option<Ending> {
    match state(fixture, step)? {
        AttemptState::Ended(receipt) => Some(receipt.ending),
        other => panic!("{:?}: {other:?}", fixture.sh),
    }
}

/// Starts `batch`, and has its run stop once something in it has begun; then lets it go on.
fn stop_in(fixture: &Fixture, batch: &[StepRequest]) -> Vec<Event> {
    fixture.fence("r1");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| fixture.start("r1", batch).unwrap());
        eventually("a step begins", || fixture.path("begun").exists());
        assert_eq!(halt(fixture, "r1"), WriteAnswer::Written);
        fs::write(fixture.path("go"), "").unwrap();
        running.join().unwrap()
    })
}

#[test]
fn a_health_check_is_ended_and_undone_and_the_route_does_not_begin() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let batch = [
            part("start", "true", WhenStopping::Refuse),
            check(&fixture),
            part("route", "touch $ROOT/routed", WhenStopping::Undo),
            part("drain", "touch $ROOT/drained", WhenStopping::Begin),
            part("stop", "touch $ROOT/stopped", WhenStopping::Begin),
        ];
        let begun = Instant::now();
        let events = stop_in(&fixture, &batch);
        assert!(begun.elapsed() < Duration::from_secs(20), "{sh:?}");
        let endings = [
            Some(Ending::Succeeded),
            Some(Ending::Stopped),
            None,
            None,
            None,
        ];
        let left: Vec<Option<Ending>> = batch.iter().map(|step| ending(&fixture, step)).collect();
        assert_eq!(left, endings, "{sh:?} {events:?}");
        assert_eq!(fixture.read("undone-check"), "x\n", "{sh:?}");
        for file in [
            "routed",
            "drained",
            "stopped",
            "explained",
            "undone-start",
            "undone-route",
        ] {
            assert!(!fixture.path(file).exists(), "{sh:?}: {file}");
        }
    }
}

#[test]
fn a_switch_whose_route_has_begun_is_finished_and_nothing_else_begins() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let batch = [
            part("route", HELD, WhenStopping::Undo),
            part("drain", "touch $ROOT/drained", WhenStopping::Begin),
            part("stop", "touch $ROOT/stopped", WhenStopping::Begin),
            part("prune", "touch $ROOT/pruned", WhenStopping::Refuse),
        ];
        stop_in(&fixture, &batch);
        let left: Vec<Option<Ending>> = batch.iter().map(|step| ending(&fixture, step)).collect();
        let done = Some(Ending::Succeeded);
        assert_eq!(left, [done, done, done, Some(Ending::Refused)], "{sh:?}");
        assert!(fixture.path("drained").exists() && fixture.path("stopped").exists());
        for file in ["pruned", "undone-route", "undone-drain", "undone-prune"] {
            assert!(!fixture.path(file).exists(), "{sh:?}: {file}");
        }
    }
}

#[test]
fn what_does_not_begin_behind_a_start_or_a_health_check_is_undone() {
    for sh in Sh::all() {
        for (name, when_stopping) in [("check", WhenStopping::End), ("route", WhenStopping::Undo)] {
            let fixture = Fixture::new(sh);
            let batch = [
                part("before", HELD, WhenStopping::Refuse),
                part(name, "touch $ROOT/ran", when_stopping),
            ];
            stop_in(&fixture, &batch);
            assert_eq!(
                ending(&fixture, &batch[0]),
                Some(Ending::Succeeded),
                "{sh:?}"
            );
            assert_eq!(ending(&fixture, &batch[1]), Some(Ending::Stopped), "{sh:?}");
            assert!(!fixture.path("ran").exists(), "{sh:?} {name}");
            assert_eq!(fixture.read(&format!("undone-{name}")), "x\n", "{sh:?}");
        }
    }
}

#[test]
fn a_command_that_can_be_ended_is_ended_with_all_its_processes() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let script = "(sleep 300; echo x >$ROOT/survived) & touch $ROOT/begun; sleep 300";
        let pull = part("pull", script, WhenStopping::End);
        stop_in(&fixture, std::slice::from_ref(&pull));
        assert_eq!(ending(&fixture, &pull), Some(Ending::Stopped), "{sh:?}");
        no_process_is_left(&fixture, &pull);
    }
}

#[test]
fn a_step_that_waits_for_its_turn_does_not_begin() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let [holder, waiting] = ["holder", "waiting"].map(|name| StepRequest {
            shared_lock: true,
            ..part(name, HELD, WhenStopping::Refuse)
        });
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&holder)).unwrap());
            eventually("the holder begins", || fixture.path("begun").exists());
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&waiting)).unwrap());
            eventually("two claims", || fixture.list().len() == 2);
            halt(&fixture, "r1");
            assert_eq!(ending(&fixture, &waiting), Some(Ending::Refused), "{sh:?}");
            fs::write(fixture.path("go"), "").unwrap();
        });
        assert_eq!(ending(&fixture, &holder), Some(Ending::Succeeded), "{sh:?}");
    }
}

#[test]
fn only_the_run_that_the_fence_names_can_be_stopped() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        halt(&fixture, "r1");
        fixture.fence("r2");
        assert_eq!(halt(&fixture, "r1"), WriteAnswer::Refused, "{sh:?}");
        let next = part("next", "touch $ROOT/ran", WhenStopping::Refuse);
        fixture.start("r2", std::slice::from_ref(&next)).unwrap();
        assert_eq!(ending(&fixture, &next), Some(Ending::Succeeded), "{sh:?}");

        fs::remove_file(fixture.path("ran")).unwrap();
        halt(&fixture, "r2");
        fixture.fence("r2");
        let late = part("late", "touch $ROOT/ran", WhenStopping::Refuse);
        fixture.start("r2", std::slice::from_ref(&late)).unwrap();
        assert_eq!(ending(&fixture, &late), Some(Ending::Refused), "{sh:?}");
        assert!(!fixture.path("ran").exists(), "{sh:?}");
    }
}

#[test]
fn a_wait_that_an_earlier_run_began_is_ended_too() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let check = check(&fixture);
        std::thread::scope(|scope| {
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&check)).unwrap());
            eventually("the check begins", || fixture.path("begun").exists());
            fixture.fence("r2");
            halt(&fixture, "r2");
        });
        assert_eq!(ending(&fixture, &check), Some(Ending::Stopped), "{sh:?}");
    }
}

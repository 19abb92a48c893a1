//! Living attempts of other plans: listed, ended, and kept from undoing what is no longer theirs.

use std::fs;
use std::process::Command;

use mrsk::action::Action;
use mrsk::name::RunId;
use mrsk::record::living::{About, AttemptName, LivingAttempt, Stage};
use mrsk::record::{AttemptState, Ending};
use mrsk::transport::answer::{Event, FenceAnswer};
use mrsk::transport::request::StepRequest;

use crate::fixture::{Fixture, Sh, attempt, block, eventually, sh_c, step};

/// Ends these attempts for a run of another plan, and returns what lives.
fn others(fixture: &Fixture, end: &[AttemptName]) -> Vec<LivingAttempt> {
    block(fixture.host.others(&fixture.place_of("b2"), end)).unwrap()
}

fn name(step: &StepRequest) -> AttemptName {
    AttemptName {
        digits: "a1".into(),
        step: step.step.clone(),
        number: step.attempt,
    }
}

fn state(fixture: &Fixture, step: &StepRequest) -> AttemptState {
    let listed = fixture.list();
    let found = listed.iter().find(|listed| listed.step == step.step);
    found.unwrap().state.clone()
}

fn receipt_of(fixture: &Fixture, step: &StepRequest) -> String {
    let file = fixture.attempt_directory(&attempt(step)).join("receipt");
    fs::read_to_string(file).unwrap_or_default()
}

/// Whether a process has this variable in its environment.
fn is_alive(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let environs = processes.filter_map(|process| fs::read(process.path().join("environ")).ok());
    let mut variables = environs.flat_map(|text| {
        let text = String::from_utf8_lossy(&text).into_owned();
        text.split('\0').map(str::to_owned).collect::<Vec<_>>()
    });
    variables.any(|variable| variable == marker)
}

/// A drain of v1 that goes on for long, has a cleanup that routes to v1 again, and a stop of v1 behind it.
fn batch(script: &str) -> [StepRequest; 2] {
    let drain = StepRequest {
        cleanup: vec![Action::Run(sh_c("echo x >$ROOT/undone"))],
        timeout_seconds: 60,
        ..step("drain", &[script])
    };
    let stop = step("stop", &["echo x >$ROOT/stopped"]);
    [drain, stop]
}

#[test]
fn an_attempt_says_what_it_is_and_is_ended_without_its_cleanup() {
    let scripts = [
        "echo x >$ROOT/begun; sleep 60",
        // It ignores SIGTERM.
        "trap '' TERM; echo x >$ROOT/begun; sleep 60; sleep 60",
    ];
    for (sh, script) in Sh::all()
        .into_iter()
        .flat_map(|sh| scripts.map(|s| (sh, s)))
    {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        assert_eq!(others(&fixture, &[]), []);
        let batch = batch(script);
        let drain = &batch[0];
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", &batch));
            eventually("the drain begins", || !fixture.read("begun").is_empty());
            let [living] = &others(&fixture, &[])[..] else {
                panic!("{sh:?}: one attempt")
            };
            assert_eq!((&living.name, living.stage), (&name(drain), Stage::Acts));
            let told = living.told.as_ref().unwrap();
            let about: &About = &told.about;
            assert_eq!(*about, drain.about);
            assert_eq!(told.deadline, Some(told.started + 60));
            let own = block(fixture.host.others(&fixture.place(), &[])).unwrap();
            assert_eq!(own, [], "an attempt of the same plan");
            assert_eq!(others(&fixture, &[name(drain)]), [], "{sh:?}");
            let marker = format!("MRSK_CLAIM={}.1.r1", drain.step);
            assert!(!is_alive(&marker), "{sh:?}");
            let events = run.join().unwrap();
            assert!(events.is_err(), "its script is gone: {events:?}");
        });
        let AttemptState::Ended(receipt) = state(&fixture, drain) else {
            panic!("{sh:?}: {:?}", state(&fixture, drain))
        };
        assert_eq!(receipt.ending, Ending::Superseded);
        assert_eq!(receipt.run, RunId::from("r1"));
        assert_eq!(receipt.value.as_deref(), Some("sha256:b2"), "by which plan");
        assert_eq!(fixture.list().len(), 1, "the batch has ended");
        assert_eq!(
            fixture.read("undone") + &fixture.read("stopped"),
            "",
            "{sh:?}"
        );
        assert!(fixture.output(drain).contains("ended: another plan"));
    }
}

#[test]
fn a_command_whose_script_is_dead_is_ended_too() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let batch = batch("echo x >$ROOT/begun; sleep 60");
        let drain = &batch[0];
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", &batch));
            eventually("the drain begins", || !fixture.read("begun").is_empty());
            let claim = fixture.attempt_directory(&attempt(drain)).join("claim");
            let claim = fs::read_to_string(claim).unwrap();
            let script = claim.split(' ').next().unwrap();
            let mut kill = Command::new("kill");
            assert!(kill.args(["-9", script]).status().unwrap().success());
            assert_eq!(others(&fixture, &[]).len(), 1, "{sh:?}");
            assert_eq!(others(&fixture, &[name(drain)]), [], "{sh:?}");
            run.join().unwrap().unwrap_err();
        });
        assert!(receipt_of(&fixture, drain).starts_with("superseded 0 r1 "));
    }
}

#[test]
fn what_undoes_a_failure_or_has_gone_on_is_left_alone() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let mut batch = batch("exit 3");
        let undo =
            "echo x >$ROOT/undoes; until [ -e $ROOT/go ]; do sleep 0.1; done; echo x >$ROOT/undone";
        batch[0].cleanup = vec![Action::Run(sh_c(undo))];
        let drain = &batch[0];
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", &batch));
            eventually("the cleanup begins", || !fixture.read("undoes").is_empty());
            let [living] = &others(&fixture, &[name(drain)])[..] else {
                panic!("{sh:?}: one attempt")
            };
            assert_eq!(living.stage, Stage::Undoes);
            fs::write(fixture.path("go"), "").unwrap();
            run.join().unwrap().unwrap();
        });
        assert_eq!(fixture.read("undone"), "x\n");
        assert!(
            receipt_of(&fixture, drain).starts_with("failed 3 "),
            "{sh:?}"
        );

        fs::remove_file(fixture.path("go")).unwrap();
        let first = step("first", &["true"]);
        let held = "echo x >$ROOT/second; until [ -e $ROOT/go ]; do sleep 0.1; done";
        let second = step("second", &[held]);
        std::thread::scope(|scope| {
            let batch = [first.clone(), second.clone()];
            let fixture = &fixture;
            let run = scope.spawn(move || fixture.start("r1", &batch).unwrap());
            eventually("the second step", || !fixture.read("second").is_empty());
            let [living] = &others(fixture, &[name(&first)])[..] else {
                panic!("{sh:?}: one attempt")
            };
            assert_eq!(living.name, name(&second));
            fs::write(fixture.path("go"), "").unwrap();
            assert!(matches!(
                run.join().unwrap().last(),
                Some(Event::Ended { .. })
            ));
        });
        assert!(
            receipt_of(&fixture, &second).starts_with("succeeded "),
            "{sh:?}"
        );
    }
}

#[test]
fn a_cleanup_is_skipped_once_another_plan_has_begun() {
    for sh in Sh::all() {
        for (digits, serial, undone) in [("b2", 1, false), ("a1", 0, true)] {
            let fixture = Fixture::new(sh);
            fixture.fence("r1");
            let batch =
                batch("echo x >$ROOT/begun; until [ -e $ROOT/go ]; do sleep 0.1; done; exit 3");
            let drain = &batch[0];
            std::thread::scope(|scope| {
                let run = scope.spawn(|| fixture.start("r1", &batch));
                eventually("the drain begins", || !fixture.read("begun").is_empty());
                let place = fixture.place_of(digits);
                let fenced = block(
                    fixture
                        .host
                        .fence(&place, &RunId::from("r2"), &serial.into()),
                )
                .unwrap();
                let FenceAnswer::Fenced(own, others) = fenced else {
                    panic!("{fenced:?}")
                };
                // Of its own plan it is attached to, of another it is settled.
                let seen = (own.attempts.len(), others.len());
                assert_eq!(seen, if undone { (1, 0) } else { (0, 1) });
                fs::write(fixture.path("go"), "").unwrap();
                run.join().unwrap().unwrap();
            });
            let AttemptState::Ended(receipt) = state(&fixture, drain) else {
                panic!("{sh:?}")
            };
            let expected = match undone {
                true => Ending::Failed { code: 3 },
                false => Ending::Uncleaned { code: 3 },
            };
            assert_eq!(receipt.ending, expected, "{sh:?} {digits}");
            assert_eq!(!fixture.read("undone").is_empty(), undone, "{sh:?}");
            let output = fixture.output(drain);
            assert_eq!(output.contains("cleanup skipped: another plan"), !undone);
        }
    }
}

#[test]
fn an_attempt_without_a_readable_file_is_listed_as_unknown() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let batch = batch("echo x >$ROOT/begun; sleep 60");
        let file = fixture.attempt_directory(&attempt(&batch[0])).join("about");
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", &batch));
            eventually("the drain begins", || !fixture.read("begun").is_empty());
            for text in [Some("drain"), Some(""), None] {
                match text {
                    Some(text) => fs::write(&file, text).unwrap(),
                    None => fs::remove_file(&file).unwrap(),
                }
                let [living] = &others(&fixture, &[])[..] else {
                    panic!("{sh:?}: one attempt")
                };
                assert_eq!(living.told, None, "{sh:?} {text:?}");
            }
            // Told or not, whoever names it can end it.
            assert_eq!(others(&fixture, &[name(&batch[0])]), []);
            let _ = run.join().unwrap();
        });
    }
}

#[test]
fn who_comes_second_does_not_change_what_an_attempt_says() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let first = step("one", &["true"]);
        fixture.start("r1", std::slice::from_ref(&first)).unwrap();
        let file = fixture.attempt_directory(&attempt(&first)).join("about");
        let before = fs::read_to_string(&file).unwrap();
        assert!(
            before.starts_with("start ") && before.contains(" sha256:a1 "),
            "{before}"
        );
        let mut second = first.clone();
        second.about.user = "Bob".into();
        fixture.start("r1", &[second]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), before, "{sh:?}");
    }
}

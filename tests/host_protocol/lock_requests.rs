//! What is asked of a lock that a run holds: to stop, and to become a person's.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mrsk::name::{PlanDigest, RunId};
use mrsk::record::{LockAnswer, LockDetails, StopRequest, TakeOver};
use mrsk::transport::answer::{BeatAnswer, LeaveAnswer, ReleaseAnswer, StopAnswer};
use mrsk::transport::request::LockTerms;

use crate::fixture::{Fixture, Sh, attempt, block, scope, step};
use crate::lock::{ACQUIRED, age_beat, beat, details, leftovers, release, take};

fn ask_to_stop(fixture: &Fixture) -> StopAnswer {
    block(fixture.host.request_stop(&scope(), &note())).unwrap()
}

fn note() -> StopRequest {
    StopRequest {
        person: "Ann 'N' Other".into(),
        message: "rollback, orders $fail".into(),
    }
}

#[test]
fn its_run_reads_with_a_beat_that_it_is_asked_to_stop() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert_eq!(ask_to_stop(&fixture), StopAnswer::NotHeld, "{sh:?}");
        take(&fixture, "r1");
        let StopAnswer::Requested(state) = ask_to_stop(&fixture) else {
            panic!("{sh:?}: not requested")
        };
        assert_eq!(LockDetails::parse(&state.text).run, Some(RunId::from("r1")));
        assert_eq!(
            beat(&fixture, "r1"),
            BeatAnswer::StopRequested(note()),
            "{sh:?}"
        );
        // The run that takes the lock over is not meant, and a lock that is released takes the note along.
        age_beat(&fixture, 61);
        assert!(matches!(ask_to_stop(&fixture), StopAnswer::NoRun(_)));
        assert!(matches!(
            take(&fixture, "r2"),
            LockAnswer::Acquired { generation: 2, .. }
        ));
        assert_eq!(beat(&fixture, "r2"), BeatAnswer::Held, "{sh:?}");
        assert_eq!(release(&fixture, "r2"), ReleaseAnswer::Released);
        assert_eq!(leftovers(&fixture), [""; 0], "{sh:?}");
    }
}

#[test]
fn a_person_cannot_be_asked_to_stop() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let by_hand = LockDetails {
            run: None,
            plan: None,
            ..details("r1")
        };
        assert_eq!(
            block(fixture.host.lock(&scope(), &by_hand, &LockTerms::default())).unwrap(),
            ACQUIRED
        );
        assert!(
            matches!(ask_to_stop(&fixture), StopAnswer::NoRun(_)),
            "{sh:?}"
        );
        assert!(!fixture.path("home/mrsk_lock/app@/stop").exists());
    }
}

#[test]
fn it_is_left_to_a_person_and_only_the_same_plan_gets_it_back() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let hold = LockDetails {
            message: "hold until Monday".into(),
            ..details("r1")
        };
        let leave =
            |run: &str| block(fixture.host.leave(&scope(), &RunId::from(run), &hold)).unwrap();
        take(&fixture, "r1");
        assert_eq!(leave("r2"), LeaveAnswer::NotOurs, "{sh:?}");
        assert_eq!(leave("r1"), LeaveAnswer::Left, "{sh:?}");
        assert_eq!(
            leave("r1"),
            LeaveAnswer::Left,
            "asked again after a lost answer"
        );
        let status = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
        assert_eq!(status.beat_age, None, "{sh:?}");
        assert!(
            status.text.contains("Message: hold until Monday"),
            "{}",
            status.text
        );
        let whole = fs::read_to_string(fixture.path("home/mrsk_lock/details")).unwrap();
        let whole = STANDARD.decode(whole.trim()).unwrap();
        assert!(
            String::from_utf8(whole)
                .unwrap()
                .contains("hold until Monday")
        );
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Lost, "{sh:?}");

        let other = LockDetails {
            plan: Some(PlanDigest::from("sha256:cd")),
            ..details("r3")
        };
        let answer = block(fixture.host.lock(&scope(), &other, &LockTerms::default())).unwrap();
        let LockAnswer::Foreign { text } = answer else {
            panic!("{sh:?}: {answer:?}")
        };
        assert!(text.contains("hold until Monday"), "{text}");

        // The second answer is for a first one that was lost.
        for _ in 0..2 {
            let LockAnswer::Acquired {
                taken_from: Some(person),
                ..
            } = take(&fixture, "r4")
            else {
                panic!("{sh:?}: the same plan does not get it")
            };
            assert_eq!((person.run, person.message), (None, hold.message.clone()));
        }
        assert_eq!(beat(&fixture, "r4"), BeatAnswer::Held, "{sh:?}");
        assert_eq!(release(&fixture, "r4"), ReleaseAnswer::Released);
        assert_eq!(leftovers(&fixture), [""; 0], "{sh:?}");
    }
}

/// Asks for the lock for `run` of the plan `digits`.
fn ask(fixture: &Fixture, (run, digits): (&str, &str), take_over: TakeOver) -> LockAnswer {
    let details = LockDetails {
        plan: Some(PlanDigest::from(format!("sha256:{digits}"))),
        ..details(run)
    };
    let terms = LockTerms {
        state_dir: Some(fixture.path("state").display().to_string()),
        take_over,
        ..LockTerms::default()
    };
    block(fixture.host.lock(&scope(), &details, &terms)).unwrap()
}

#[test]
fn what_a_dead_run_left_open_keeps_its_lock_from_other_plans_unless_they_insist() {
    let (unless_open, always) = (TakeOver::UnlessOpen, TakeOver::Always);
    for sh in Sh::all() {
        for (kind, left, is_open) in [
            ("release", "claim", true),
            ("pre_hook", "claim", true),
            ("post_hook", "torn", true),
            ("release", "receipt", false),
            ("drain", "claim", false),
        ] {
            let fixture = Fixture::new(sh);
            ask(&fixture, ("r1", "a1"), unless_open);
            fixture.fence("r1");
            let mut step = step("one", &["true"]);
            step.about.kind = kind.into();
            fixture.start("r1", std::slice::from_ref(&step)).unwrap();
            let receipt = fixture.attempt_directory(&attempt(&step)).join("receipt");
            match left {
                "claim" => fs::remove_file(receipt).unwrap(),
                "torn" => fs::write(receipt, "succeeded 0 r1\n").unwrap(),
                _ => {}
            }
            let held = ask(&fixture, ("r2", "b2"), unless_open);
            assert!(matches!(held, LockAnswer::Held { .. }), "{sh:?}: {held:?}");

            age_beat(&fixture, 100);
            for _ in 0..2 * usize::from(is_open) {
                let answer = ask(&fixture, ("r2", "b2"), unless_open);
                let LockAnswer::Open {
                    details,
                    beat_age: 100..,
                    open,
                } = &answer
                else {
                    panic!("{sh:?}: {kind}: {answer:?}")
                };
                assert_eq!(details.run, Some(RunId::from("r1")));
                assert_eq!((open.len(), &open[0].about), (1, &step.about));
            }
            // A run of the same plan settles it.
            let answer = match is_open {
                true => ask(&fixture, ("r3", "a1"), unless_open),
                false => ask(&fixture, ("r2", "b2"), unless_open),
            };
            let is_taken = matches!(answer, LockAnswer::Acquired { .. });
            assert!(is_taken, "{sh:?}: {kind}: {answer:?}");
            age_beat(&fixture, 100);
            let answer = ask(&fixture, ("r4", "c3"), always);
            assert!(
                matches!(&answer, LockAnswer::Acquired { open, .. } if open.is_empty() != is_open),
                "{sh:?}: {kind}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_run_tells_its_plan_once_it_knows_it() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let early = LockDetails {
            message: "Automatic deploy lock".into(),
            plan: None,
            operation: Some("deploy".into()),
            ..details("r1")
        };
        let late = LockDetails {
            plan: Some(PlanDigest::from("sha256:cd")),
            ..early.clone()
        };
        let terms = LockTerms::default();
        for known in [&early, &early, &late, &late] {
            let answer = block(fixture.host.lock(&scope(), known, &terms)).unwrap();
            assert_eq!(answer, ACQUIRED, "{sh:?}");
            let status = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
            assert_eq!(&LockDetails::parse(&status.text), known, "{sh:?}");
            let whole = fs::read_to_string(fixture.path("home/mrsk_lock/details")).unwrap();
            let whole = STANDARD.decode(whole.trim()).unwrap();
            let whole = String::from_utf8(whole).unwrap();
            assert_eq!(whole.contains("Plan: "), known.plan.is_some(), "{whole}");
        }
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Held, "{sh:?}");
        let other = block(fixture.host.lock(&scope(), &details("r2"), &terms)).unwrap();
        assert!(
            matches!(other, LockAnswer::Held { .. }),
            "{sh:?}: {other:?}"
        );
    }
}

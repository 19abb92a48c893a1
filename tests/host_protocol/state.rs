//! Serial, fence, receipts of local steps, the end of a plan.

use std::fs;
use std::process::Command;

use mrsk::name::{PlanDigest, RunId};
use mrsk::record::living::About;
use mrsk::record::{AttemptState, Ending, Receipt, Scope, Seen, Serial};
use mrsk::transport::LinkError;
use mrsk::transport::answer::{Event, FenceAnswer, ResolveAnswer, WriteAnswer};
use mrsk::transport::request::{AttemptRef, Inputs, Record, Resolution, StepRequest};

use crate::fixture::{
    Fixture, Sh, attempt, block, eventually, mount_small, nothing_listed, start, step, unmount,
};

#[test]
fn each_plan_that_begins_adds_one() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let fence = |digits: &str, run: &str, serial| {
            block(fixture.host.fence(
                &fixture.place_of(digits),
                &RunId::from(run),
                &Seen::from(serial),
            ))
            .unwrap()
        };
        let fenced = FenceAnswer::Fenced(nothing_listed(), Vec::new());
        assert_eq!(fence("a1", "r1", 0), fenced, "{sh:?}");
        assert_eq!(fixture.read("state/app@/serial"), "1 sha256:a1 0 -\n");
        assert_eq!(fence("a1", "r2", 0), fenced, "resumed");
        assert_eq!(fixture.read("state/app@/serial"), "1 sha256:a1 0 -\n");
        assert_eq!(fixture.read("state/app@/fence"), "r2\n");
        fixture.start("r2", &[step("one", &["true"])]).unwrap();
        assert!(matches!(fence("a1", "r2", 0), FenceAnswer::Fenced(..)));
        let superseded = FenceAnswer::Superseded(Serial {
            number: 1,
            plan: Some(PlanDigest::from("sha256:a1")),
        });
        assert_eq!(fence("b2", "r3", 0), superseded, "{sh:?}");
        assert_eq!(fence("b2", "r3", 2), superseded);
        assert_eq!(fixture.read("state/app@/fence"), "r2\n", "nothing written");
        assert_eq!(fence("b2", "r3", 1), fenced);
        let serial = fixture.read("state/app@/serial");
        assert_eq!(serial, "2 sha256:b2 1 sha256:a1\n");
    }
}

/// A plan counts from the claim of its first step on: until then, the plan before it can be resumed, and a sibling of it can begin.
#[test]
fn a_plan_that_has_begun_no_step_supersedes_no_other() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let fence = |digits: &str, run: &str, serial| {
            let place = fixture.place_of(digits);
            let run = RunId::from(run);
            let seen = Seen::from(serial);
            let answer = fixture.host.fence(&place, &run, &seen);
            matches!(block(answer).unwrap(), FenceAnswer::Fenced(..))
        };
        let start = |digits: &str, run: &str, step: StepRequest| {
            let place = fixture.place_of(digits);
            let inputs = Inputs::default();
            let events = block(start(&fixture.host, &place, run, &[step], &inputs));
            match events.unwrap().pop() {
                Some(Event::Ended { receipt, .. }) => receipt.ending,
                other => panic!("{sh:?}: {other:?}"),
            }
        };
        let serial = || fixture.read("state/app@/serial");
        let one = || step("one", &["echo x >>$ROOT/ran"]);
        assert!(fence("a1", "r1", 0), "{sh:?}");
        assert_eq!(start("a1", "r1", one()), Ending::Succeeded);

        assert!(fence("b2", "r2", 1) && fence("c3", "r3", 1), "siblings");
        assert_eq!(serial(), "2 sha256:c3 1 sha256:a1\n");
        // What their runs send late is refused, and does not count either.
        assert_eq!(start("b2", "r2", one()), Ending::Refused);
        assert!(fence("c3", "r4", 1), "resumed");
        assert!(fence("a1", "r5", 0), "resumed");
        assert_eq!(serial(), "1 sha256:a1\n", "{sh:?}");
        assert_eq!(start("c3", "r4", one()), Ending::Refused);
        assert!(!fence("b2", "r6", 2) && fence("b2", "r6", 1));

        assert_eq!(start("b2", "r6", one()), Ending::Succeeded);
        let superseded = [("a1", 0), ("c3", 1)];
        assert!(
            superseded
                .iter()
                .all(|(plan, seen)| !fence(plan, "r7", *seen))
        );
        assert!(fence("b2", "r8", 1) && fence("c3", "r9", 2));
        // A build changes no host; a hook that is about to run may.
        let record = |digits: &str, run: &str, ending: Option<Ending>| {
            let record = Record {
                attempt: attempt(&one()),
                run: RunId::from(run),
                receipt: ending.map(|ending| Receipt {
                    ending,
                    run: RunId::from(run),
                    started: 5,
                    ended: 9,
                    value: None,
                }),
                subject: "local".into(),
                about: About {
                    kind: "post_hook".into(),
                    step: "local".into(),
                    ..About::default()
                },
            };
            let place = fixture.place_of(digits);
            let answer = fixture.host.record(&place, &record);
            assert_eq!(block(answer), Ok(WriteAnswer::Written));
        };
        record("c3", "r9", Some(Ending::Succeeded));
        assert!(fence("d4", "r10", 2));
        record("d4", "r10", None);
        assert!(!fence("c3", "r11", 2) && !fence("e5", "r11", 2));
        assert_eq!(fixture.read("ran"), "x\nx\n", "{sh:?}");
    }
}

/// An undo of what never began is over without a step: it supersedes the plan that it undoes.
#[test]
fn a_plan_that_is_finished_counts_without_a_step() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let fence = |digits: &str, run: &str, serial| {
            let place = fixture.place_of(digits);
            let (run, seen) = (RunId::from(run), Seen::from(serial));
            let answer = fixture.host.fence(&place, &run, &seen);
            matches!(block(answer).unwrap(), FenceAnswer::Fenced(..))
        };
        assert!(fence("a1", "r1", 0) && fence("b2", "r2", 0), "{sh:?}");
        let (place, run) = (fixture.place_of("b2"), RunId::from("r2"));
        block(fixture.host.finish(&place, &run)).unwrap();
        assert!(!fence("a1", "r3", 0), "{sh:?}");
        assert!(fence("b2", "r4", 0) && fence("c3", "r5", 1), "{sh:?}");
        assert_eq!(
            fixture.read("state/app@/serial"),
            "2 sha256:c3 1 sha256:b2\n"
        );
    }
}

/// A power cut may have taken claims that were not synced.
#[test]
fn a_plan_whose_claims_may_be_lost_counts() {
    for sh in Sh::all() {
        for lost in ["", "r2 of-another-boot\n", "restarted"] {
            let fixture = Fixture::new(sh);
            let fence = |digits: &str, serial| {
                let place = fixture.place_of(digits);
                let run = RunId::from("r1");
                let seen = Seen::from(serial);
                let answer = fixture.host.fence(&place, &run, &seen);
                matches!(block(answer).unwrap(), FenceAnswer::Fenced(..))
            };
            assert!(fence("a1", 0), "{sh:?}");
            let run = fixture.path("state/app@/runs/a1");
            match lost {
                "restarted" => fs::write(run.join("restarted"), "").unwrap(),
                begun => fs::write(run.join("begun"), begun).unwrap(),
            }
            assert!(!fence("b2", 0) && fence("b2", 1), "{sh:?}: {lost:?}");
        }
    }
}

#[test]
fn a_step_of_another_service_is_another_place() {
    let fixture = Fixture::new(Sh::Dash);
    let mut place = fixture.place();
    place.scope = Scope {
        service: "other".into(),
        destination: Some("staging".into()),
    };
    block(fixture.host.fence(&place, &RunId::from("r1"), &0.into())).unwrap();
    assert_eq!(fixture.read("state/other@staging/fence"), "r1\n");
    place.scope.service = "../up".into();
    let refused = block(fixture.host.fence(&place, &RunId::from("r1"), &0.into()));
    assert!(matches!(refused, Err(LinkError::Request(_))));
}

#[test]
fn a_write_that_fails_names_path_and_cause() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fs::write(fixture.path("state"), "").unwrap();
        let error = block(
            fixture
                .host
                .fence(&fixture.place(), &RunId::from("r1"), &0.into()),
        )
        .unwrap_err();
        let LinkError::Script { message } = error else {
            panic!("{sh:?}: {error:?}")
        };
        assert!(
            message.contains("state/app@") && message.contains("Not a directory"),
            "{message}"
        );
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_runs() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let state = fixture.path("state");
        fs::create_dir(&state).unwrap();
        if !mount_small(&state) {
            return;
        }
        fixture.fence("r1");
        let _ = fs::write(state.join("ballast"), vec![0; 128 * 1024]);
        let fenced = block(
            fixture
                .host
                .fence(&fixture.place(), &RunId::from("r2"), &0.into()),
        );
        let step = step("one", &["echo x >>$ROOT/ran"]);
        let started = fixture.start("r1", std::slice::from_ref(&step));
        let fence = fixture.read("state/app@/fence");
        unmount(&state);
        let Err(LinkError::Script { message }) = fenced else {
            panic!("{sh:?}: {fenced:?}")
        };
        assert!(message.contains("state/app@"), "{message}");
        assert!(
            message.contains("No space left on device"),
            "{sh:?} {message}"
        );
        assert_eq!(fence, "r1\n");
        assert!(
            matches!(started, Err(LinkError::Script { .. })),
            "{sh:?} {started:?}"
        );
        assert_eq!(fixture.read("ran"), "");
    }
}

#[test]
fn a_local_step_leaves_a_receipt_too() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let receipt = Receipt {
            ending: Ending::Succeeded,
            run: RunId::from("r1"),
            started: 5,
            ended: 9,
            value: Some("sha256:aabb".into()),
        };
        let record = Record {
            attempt: AttemptRef {
                step: "0123".into(),
                number: 1,
            },
            run: RunId::from("r1"),
            receipt: Some(receipt.clone()),
            subject: "push".to_owned(),
            about: About::default(),
        };
        let claim = Record {
            receipt: None,
            ..record.clone()
        };
        let write = |record: &Record| block(fixture.host.record(&fixture.place(), record)).unwrap();
        assert_eq!(write(&claim), WriteAnswer::Written, "{sh:?}");
        assert_eq!(fixture.list()[0].state, AttemptState::Lost, "{sh:?}");
        assert_eq!(write(&record), WriteAnswer::Written, "{sh:?}");
        assert_eq!(fixture.list()[0].state, AttemptState::Ended(receipt));
        fixture.fence("r2");
        assert_eq!(write(&record), WriteAnswer::Refused, "{sh:?}");
        // The claim comes before the look at the fence, and the receipt says that nothing ran.
        let late = Record {
            attempt: AttemptRef {
                number: 2,
                ..claim.attempt.clone()
            },
            ..claim
        };
        assert_eq!(write(&late), WriteAnswer::Refused, "{sh:?}");
        let Some(AttemptState::Ended(refused)) = fixture.settled(&late.attempt) else {
            panic!("{sh:?}: {:?}", fixture.list())
        };
        assert_eq!(refused.ending, Ending::Refused, "{sh:?}");
    }
}

/// What a person says about attempt 1 of a step.
fn says(step: &str, ending: Ending, why: &str) -> Resolution {
    Resolution {
        attempt: AttemptRef {
            step: step.to_owned(),
            number: 1,
        },
        receipt: Receipt {
            ending,
            run: RunId::from("person"),
            started: 5,
            ended: 5,
            value: None,
        },
        note: format!("Jo: {why}"),
        audit: format!("[now] [Jo] hook resolved: {why}"),
    }
}

#[test]
fn a_person_resolves_an_attempt_in_doubt_once() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fence("r1");
        let resolve = |resolution: &Resolution| {
            block(fixture.host.resolve(&fixture.place(), resolution)).unwrap()
        };
        let hook = step("hook", &[]).step;
        let done = says(&hook, Ending::Succeeded, "it's $(id) there");
        assert_eq!(resolve(&done), ResolveAnswer::NotInDoubt(None), "{sh:?}");
        let claim = Record {
            attempt: done.attempt.clone(),
            run: RunId::from("r1"),
            receipt: None,
            subject: "hook".to_owned(),
            about: About::default(),
        };
        block(fixture.host.record(&fixture.place(), &claim)).unwrap();
        let directory = fixture.attempt_directory(&claim.attempt);
        fs::write(directory.join("receipt"), "succeeded 0 r1 5").unwrap();
        assert_eq!(fixture.list()[0].state, AttemptState::Lost, "torn");
        assert_eq!(resolve(&done), ResolveAnswer::Resolved, "{sh:?}");
        let ended = AttemptState::Ended(done.receipt.clone());
        assert_eq!(fixture.list()[0].state, ended);
        let again = says(&hook, Ending::Failed { code: 0 }, "no");
        assert_eq!(resolve(&again), ResolveAnswer::NotInDoubt(Some(ended)));
        let note = fs::read_to_string(directory.join("resolved")).unwrap();
        assert_eq!(note, "Jo: it's $(id) there\n");
        let line = "[now] [Jo] hook resolved: it's $(id) there\n";
        assert_eq!(fixture.read("home/mrsk-app-audit.log"), line);
        assert_eq!(fixture.audit(), line);
        let files = fs::read_dir(&directory).unwrap().count();
        assert_eq!(
            files, 7,
            "about, claim by two names, receipt, note, line and mark"
        );
    }
}

#[test]
fn what_is_alive_or_has_ended_is_not_resolved() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let running = step("running", &["exec sleep 30"]);
        fixture.fence("r1");
        let resolve = || {
            let resolution = says(&running.step, Ending::Failed { code: 0 }, "no");
            block(fixture.host.resolve(&fixture.place(), &resolution)).unwrap()
        };
        let attempt = attempt(&running);
        let directory = fixture.attempt_directory(&attempt);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| fixture.start("r1", std::slice::from_ref(&running)));
            let sessions = directory.join("sessions");
            let leader = || {
                let text = fs::read_to_string(&sessions).unwrap_or_default();
                text.split(' ').next().unwrap_or_default().to_owned()
            };
            eventually("a session", || !leader().is_empty());
            assert_eq!(
                resolve(),
                ResolveAnswer::NotInDoubt(Some(AttemptState::Running))
            );
            // The script dies, its command lives.
            let claim = fs::read_to_string(directory.join("claim")).unwrap();
            let script = claim.split(' ').next().unwrap();
            assert!(
                Command::new("kill")
                    .args(["-9", script])
                    .status()
                    .unwrap()
                    .success()
            );
            assert_eq!(
                resolve(),
                ResolveAnswer::NotInDoubt(Some(AttemptState::Running))
            );
            let leader = leader();
            assert!(
                Command::new("kill")
                    .args(["-9", &leader])
                    .status()
                    .unwrap()
                    .success()
            );
            run.join().unwrap().unwrap_err();
        });
        assert_eq!(fixture.settled(&attempt), Some(AttemptState::Lost));
        assert_eq!(resolve(), ResolveAnswer::Resolved, "{sh:?}");
        let next = mrsk::transport::request::StepRequest {
            attempt: 2,
            actions: vec![],
            ..running.clone()
        };
        fixture.fence("r2");
        fixture.start("r2", &[next]).unwrap();
        assert!(matches!(fixture.list()[1].state, AttemptState::Ended(_)));
    }
}

#[test]
fn a_torn_receipt_is_none() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let step = step("one", &["true"]);
        fixture.run_one(&step, &mrsk::transport::request::Inputs::default());
        let path = fixture.attempt_directory(&attempt(&step)).join("receipt");
        let whole = fs::read_to_string(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(
                fixture.list()[0].state,
                AttemptState::Lost,
                "{sh:?} {length}"
            );
        }
    }
}

#[test]
fn the_end_of_a_plan_is_entered_once_and_old_runs_go() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let runs = fixture.path("state/app@/runs");
        let sleeper = step("sleeper", &["sleep 3"]);
        std::thread::scope(|scope| {
            fixture.fence("r1");
            scope.spawn(|| fixture.start("r1", std::slice::from_ref(&sleeper)));
            eventually("start", || fixture.list().len() == 1);
            for index in 0..25_u8 {
                let run = runs.join(format!("{index:02x}ff"));
                fs::create_dir_all(run.join("s/1")).unwrap();
                let age = std::time::SystemTime::now()
                    - std::time::Duration::from_secs(1000 - u64::from(index));
                fs::File::open(&run).unwrap().set_modified(age).unwrap();
            }
            let old = std::time::SystemTime::now() - std::time::Duration::from_secs(5000);
            fs::File::open(runs.join("a1"))
                .unwrap()
                .set_modified(old)
                .unwrap();
            let place = fixture.place_of("c3");
            let run = RunId::from("r3");
            block(fixture.host.fence(&place, &run, &1.into())).unwrap();
            for _ in 0..2 {
                let answer = block(fixture.host.finish(&place, &run)).unwrap();
                assert_eq!(answer, WriteAnswer::Written, "{sh:?}");
            }
        });
        assert_eq!(fixture.read("state/app@/finished"), "sha256:c3\n");
        let mut left: Vec<String> = fs::read_dir(&runs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert!(left.contains(&"a1".to_owned()), "alive: {left:?}");
        assert!(left.contains(&"c3".to_owned()) && left.contains(&"18ff".to_owned()));
        assert!(!left.contains(&"00ff".to_owned()));
        assert_eq!(left.len(), 21, "{sh:?}");
        let (place, run) = (fixture.place(), RunId::from("r1"));
        let refused = block(fixture.host.finish(&place, &run)).unwrap();
        assert_eq!(refused, WriteAnswer::Refused);
    }
}

#[test]
fn a_probe_is_run_as_it_is() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let text = "cat\nif [ -d \"$HOME\" ]\nthen\n  printf '%s\\n' home end\nfi";
        assert_eq!(
            block(fixture.host.probe(text)).unwrap(),
            "home\nend\n",
            "{sh:?}"
        );
        let broken = block(fixture.host.probe("if")).unwrap_err();
        assert!(
            matches!(&broken, LinkError::Lost { detail } if !detail.is_empty()),
            "{broken:?}"
        );
    }
}

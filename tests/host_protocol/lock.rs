//! The deploy lock: one holder at a time.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mrsk::name::{PlanDigest, RunId};
use mrsk::record::{LockAnswer, LockDetails};
use mrsk::transport::LinkError;
use mrsk::transport::answer::{BeatAnswer, ReleaseAnswer};
use mrsk::transport::request::{Holder, LockTerms};

use crate::fixture::{Fixture, Sh, block, fill, mount_small, scope, unmount};

pub const ACQUIRED: LockAnswer = LockAnswer::Acquired {
    generation: 1,
    taken_from: None,
    open: Vec::new(),
};

pub fn details(run: &str) -> LockDetails {
    LockDetails {
        locked_by: "A 'N' Other $x".into(),
        at: "2023-03-24 09:49:03 UTC".into(),
        version: "77f45c".into(),
        message: "Automatic\ndeploy lock".into(),
        run: Some(RunId::from(run)),
        generation: 1,
        plan: Some(PlanDigest::from("sha256:ab")),
        ..LockDetails::default()
    }
}

pub fn take(fixture: &Fixture, run: &str) -> LockAnswer {
    block(
        fixture
            .host
            .lock(&scope(), &details(run), &LockTerms::default()),
    )
    .unwrap()
}

pub fn beat(fixture: &Fixture, run: &str) -> BeatAnswer {
    block(fixture.host.beat(&scope(), &RunId::from(run))).unwrap()
}

pub fn release(fixture: &Fixture, run: &str) -> ReleaseAnswer {
    block(fixture.host.release(&scope(), &RunId::from(run))).unwrap()
}

pub fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    boot.trim().to_owned()
}

pub fn uptime() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    text.split('.').next().unwrap().parse().unwrap()
}

/// Makes the last beat `age` seconds old.
pub fn age_beat(fixture: &Fixture, age: u64) {
    let beat = format!("{} {}\n", boot(), uptime() - age);
    fs::write(fixture.path("home/mrsk_lock/app@/beat"), beat).unwrap();
}

/// Returns what stands in the home directory, without the lock.
pub fn leftovers(fixture: &Fixture) -> Vec<String> {
    fs::read_dir(fixture.path("home"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mrsk_lock" && name != ".mrsk_lock.turns")
        .collect()
}

#[test]
fn it_is_taken_kept_and_released() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert_eq!(block(fixture.host.lock_status(&scope())).unwrap(), None);
        assert_eq!(release(&fixture, "r1"), ReleaseAnswer::NotHeld);
        assert_eq!(take(&fixture, "r1"), ACQUIRED, "{sh:?}");
        assert_eq!(
            take(&fixture, "r1"),
            ACQUIRED,
            "asked again after a lost answer"
        );
        let status = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
        let parsed = LockDetails::parse(&status.text);
        let expected = LockDetails {
            message: "Automatic deploy lock".into(),
            ..details("r1")
        };
        assert_eq!(parsed, expected, "{sh:?}");
        assert!(status.beat_age.unwrap() < 5);
        age_beat(&fixture, 30);
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Held);
        assert!(
            block(fixture.host.lock_status(&scope()))
                .unwrap()
                .unwrap()
                .beat_age
                .unwrap()
                < 5
        );
        assert_eq!(beat(&fixture, "r2"), BeatAnswer::Lost);
        assert_eq!(release(&fixture, "r2"), ReleaseAnswer::NotOurs);
        let LockAnswer::Held { details, beat_age } = take(&fixture, "r2") else {
            panic!("{sh:?}: not held")
        };
        assert_eq!((details.run, beat_age < 5), (Some(RunId::from("r1")), true));
        assert_eq!(release(&fixture, "r1"), ReleaseAnswer::Released);
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Lost);
        assert_eq!(leftovers(&fixture), [""; 0], "{sh:?}");
    }
}

#[test]
fn the_originals_lock_is_never_taken_over() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let text = "Locked by: AN Other at 2023-03-24 09:49:03 UTC\nVersion: 77f4\nMessage: Automatic deploy lock";
        let lock = fixture.path("home/mrsk_lock");
        fs::create_dir(&lock).unwrap();
        let wrapped = STANDARD
            .encode(text)
            .as_bytes()
            .chunks(60)
            .map(|line| [line, b"\n"].concat())
            .collect::<Vec<_>>()
            .concat();
        fs::write(lock.join("details"), wrapped).unwrap();
        let foreign = LockAnswer::Foreign { text: text.into() };
        assert_eq!(take(&fixture, "r1"), foreign, "{sh:?}");
        fs::write(lock.join("seen"), format!("{} 1\n", boot())).unwrap();
        assert_eq!(take(&fixture, "r1"), foreign, "{sh:?}");
        let status = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
        assert_eq!((status.text.as_str(), status.beat_age), (text, None));
        assert_eq!(release(&fixture, "r1"), ReleaseAnswer::NotHeld);
        assert_eq!(release_any(&fixture, Holder::Any), ReleaseAnswer::Released);
        assert_eq!(release_any(&fixture, Holder::Any), ReleaseAnswer::NotHeld);
        assert_eq!(take(&fixture, "r1"), ACQUIRED, "{sh:?}");
    }
}

fn release_any(fixture: &Fixture, whose: Holder) -> ReleaseAnswer {
    block(fixture.host.release_any(&scope(), whose, "Ann O'Ther")).unwrap()
}

#[test]
fn a_person_releases_only_what_is_silent_unless_forced() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        assert_eq!(
            release_any(&fixture, Holder::Silent),
            ReleaseAnswer::NotHeld
        );
        assert_eq!(take(&fixture, "r1"), ACQUIRED, "{sh:?}");
        let ReleaseAnswer::Alive(state) = release_any(&fixture, Holder::Silent) else {
            panic!("{sh:?}: a living run lost its lock");
        };
        assert_eq!(LockDetails::parse(&state.text).run, Some(RunId::from("r1")));
        assert!(state.beat_age.unwrap() < 5);
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Held, "{sh:?}");
        assert_eq!(release_any(&fixture, Holder::Any), ReleaseAnswer::Released);
        // The run learns who did it, also if another has the lock by then.
        let released = BeatAnswer::Released("Ann O'Ther".into());
        assert_eq!(beat(&fixture, "r1"), released, "{sh:?}");
        assert_eq!(take(&fixture, "r2"), ACQUIRED, "{sh:?}");
        assert_eq!(beat(&fixture, "r1"), released, "{sh:?}");
        assert_eq!(beat(&fixture, "r2"), BeatAnswer::Held, "{sh:?}");
        age_beat(&fixture, 61);
        assert_eq!(
            release_any(&fixture, Holder::Silent),
            ReleaseAnswer::Released
        );
        assert_eq!(beat(&fixture, "r3"), BeatAnswer::Lost, "{sh:?}");
    }
}

#[test]
fn a_lock_by_hand_belongs_to_no_run() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let mut by_hand = details("");
        by_hand.run = None;
        by_hand.plan = None;
        assert_eq!(
            block(fixture.host.lock(&scope(), &by_hand, &LockTerms::default())).unwrap(),
            ACQUIRED,
            "{sh:?}"
        );
        let LockAnswer::Foreign { text } = take(&fixture, "r1") else {
            panic!("{sh:?}: not foreign")
        };
        assert!(
            text.contains("Message: Automatic deploy lock") && !text.contains("Run: "),
            "{text}"
        );
        assert!(matches!(
            block(fixture.host.lock(&scope(), &by_hand, &LockTerms::default())).unwrap(),
            LockAnswer::Foreign { .. }
        ));
    }
}

#[test]
fn a_dead_holders_lock_is_taken_over() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        age_beat(&fixture, 58);
        assert!(
            matches!(
                take(&fixture, "r2"),
                LockAnswer::Held { beat_age: 58.., .. }
            ),
            "{sh:?}"
        );
        age_beat(&fixture, 60);
        let LockAnswer::Acquired {
            generation: 2,
            taken_from: Some(from),
            ..
        } = take(&fixture, "r2")
        else {
            panic!("{sh:?}: not taken over")
        };
        assert_eq!(from.run, Some(RunId::from("r1")));
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Lost);
        assert_eq!(release(&fixture, "r1"), ReleaseAnswer::NotOurs);
        assert_eq!(beat(&fixture, "r2"), BeatAnswer::Held);
        let status = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
        assert_eq!(LockDetails::parse(&status.text).generation, 2);

        fs::write(fixture.path("home/mrsk_lock/app@/beat"), "another-boot 5\n").unwrap();
        let answer = take(&fixture, "r3");
        match uptime() {
            60.. => assert!(
                matches!(answer, LockAnswer::Acquired { generation: 3, .. }),
                "{sh:?} {answer:?}"
            ),
            _ => assert!(matches!(answer, LockAnswer::Held { .. })),
        }
    }
}

#[test]
fn a_take_over_that_died_half_way_is_taken_over_too() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        age_beat(&fixture, 100);
        fs::create_dir(fixture.path("home/mrsk_lock/app@/gen.2")).unwrap();
        assert_eq!(beat(&fixture, "r1"), BeatAnswer::Lost, "{sh:?}");
        let answer = take(&fixture, "r2");
        assert!(
            matches!(answer, LockAnswer::Acquired { generation: 3, .. }),
            "{sh:?} {answer:?}"
        );
    }
}

#[test]
fn a_beat_that_cannot_be_read_counts_as_fresh() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        take(&fixture, "r1");
        for text in ["", "x", "boot a[$(id)]"] {
            fs::write(fixture.path("home/mrsk_lock/app@/beat"), text).unwrap();
            assert!(
                matches!(take(&fixture, "r2"), LockAnswer::Held { .. }),
                "{sh:?} {text}"
            );
        }
    }
}

/// Lets several runs ask at once, and returns those that got the lock.
fn race(fixture: &Fixture) -> Vec<LockAnswer> {
    let scope = scope();
    let runs = ["a", "b", "c", "d", "e", "f"].map(details);
    block(async {
        let [a, b, c, d, e, f] = &runs;
        let terms = LockTerms::default();
        let go = |request| fixture.host.lock(&scope, request, &terms);
        let (a, b, c, d, e, f) = tokio::join!(go(a), go(b), go(c), go(d), go(e), go(f));
        [a, b, c, d, e, f]
            .into_iter()
            .map(Result::unwrap)
            .filter(|answer| matches!(answer, LockAnswer::Acquired { .. }))
            .collect()
    })
}

#[test]
fn of_many_racers_one_gets_it() {
    for sh in Sh::all() {
        for _ in 0..5 {
            let fixture = Fixture::new(sh);
            assert_eq!(race(&fixture), [ACQUIRED], "{sh:?}");
        }
    }
}

#[test]
fn of_many_that_take_over_one_gets_it() {
    for sh in Sh::all() {
        let mut winners = 0;
        for _ in 0..5 {
            let fixture = Fixture::new(sh);
            take(&fixture, "dead");
            age_beat(&fixture, 100);
            let count = race(&fixture).len();
            assert!(count <= 1, "{sh:?}: {count} winners");
            winners += count;
        }
        // On a machine so busy that one of them stands still for seconds, all may step back.
        assert!(winners >= 3, "{sh:?}: {winners} of 5");
    }
}

#[test]
fn a_release_and_a_take_over_do_not_both_win() {
    for sh in Sh::all() {
        for _ in 0..10 {
            let fixture = Fixture::new(sh);
            take(&fixture, "r1");
            age_beat(&fixture, 100);
            let (scope, run, details) = (scope(), RunId::from("r1"), details("r2"));
            let terms = LockTerms::default();
            let (released, taken) = block(async {
                tokio::join!(
                    fixture.host.release(&scope, &run),
                    fixture.host.lock(&scope, &details, &terms)
                )
            });
            match (released.unwrap(), taken.unwrap()) {
                (ReleaseAnswer::Released, taken) => assert!(
                    taken == ACQUIRED || matches!(taken, LockAnswer::Held { .. }),
                    "{sh:?} {taken:?}"
                ),
                (ReleaseAnswer::Alive(state), _) => panic!("{sh:?} {state:?}"),
                (ReleaseAnswer::NotOurs | ReleaseAnswer::NotHeld, taken) => {
                    assert!(
                        matches!(taken, LockAnswer::Acquired { .. }),
                        "{sh:?} {taken:?}"
                    );
                }
            }
            if beat(&fixture, "r2") == BeatAnswer::Held {
                assert_eq!(release(&fixture, "r2"), ReleaseAnswer::Released);
            }
        }
    }
}

#[test]
fn what_is_in_the_way_is_told() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fs::write(fixture.path("home/mrsk_lock"), "").unwrap();
        let error = block(
            fixture
                .host
                .lock(&scope(), &details("r1"), &LockTerms::default()),
        )
        .unwrap_err();
        assert!(
            matches!(&error, LinkError::Script { message } if message.contains("mrsk_lock")),
            "{sh:?} {error:?}"
        );
    }
}

#[test]
fn a_full_disk_keeps_the_lock_and_lets_it_go() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let home = fixture.path("home");
        if !mount_small(&home) {
            return;
        }
        take(&fixture, "r1");
        age_beat(&fixture, 50);
        fill(&home);
        let other = block(
            fixture
                .host
                .lock(&scope(), &details("r2"), &LockTerms::default()),
        );
        let beat = block(fixture.host.beat(&scope(), &RunId::from("r1")));
        let status = block(fixture.host.lock_status(&scope()));
        let foreign = block(fixture.host.release(&scope(), &RunId::from("r2")));
        let released = block(fixture.host.release(&scope(), &RunId::from("r1")));
        let left = fixture.path("home/mrsk_lock").exists();
        let others = leftovers(&fixture);
        unmount(&home);
        assert!(
            matches!(&other, Ok(LockAnswer::Held { .. })),
            "{sh:?} {other:?}"
        );
        assert_eq!(beat, Ok(BeatAnswer::Held), "{sh:?}");
        assert!(status.unwrap().unwrap().beat_age.unwrap() < 10, "{sh:?}");
        assert_eq!(foreign, Ok(ReleaseAnswer::NotOurs), "{sh:?}");
        assert_eq!(
            (released, left),
            (Ok(ReleaseAnswer::Released), false),
            "{sh:?}"
        );
        let is_ours = |name: &String| name.starts_with(".mrsk");
        assert!(!others.iter().any(is_ours), "{sh:?} {others:?}");
    }
}
